// Writes a secret file so that whoever reads it finds the old content or the new, never a part, and a power failure loses
// neither.

import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { SecretFileError } from '../auth/secret-file.ts'
import { escapeText } from '../base/escape.ts'
import { syncDirectoryNow } from '../base/sync-directory.ts'

/**
 * Writes `bytes` to a new file beside `path`, then puts it in the place of `path`. A new file has mode 0600. One that was
 * there keeps its owner, group and the group's rights; what everybody else could do is taken away.
 *
 * @param path without symbolic links: a link is refused like a device or a pipe, which root would destroy
 * @returns whether everybody else lost the right to read it
 * @throws {SecretFileError} when `path` is there and no regular file
 * @throws the operating system's error; in both cases `path` is then as it was
 */
export function replaceSecretFile(path: string, bytes: Uint8Array): { readonly closed: boolean } {
  const before = lstatSync(path, { throwIfNoEntry: false })
  // A directory is safe: the rename below fails, in the operating system's own words.
  if (before !== undefined && !before.isFile() && !before.isDirectory()) {
    throw new SecretFileError(`'${escapeText(path, 4096)}' is not a regular file; it is left alone`)
  }
  const temporary = `${path}.tmp.${randomBytes(6).toString('hex')}`
  const descriptor = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
  try {
    try {
      if (before !== undefined) keepOwner(descriptor, before)
      writeFileSync(descriptor, bytes)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  syncDirectoryNow(dirname(path))
  return { closed: before !== undefined && (before.mode & 0o007) !== 0 }
}

function keepOwner(descriptor: number, before: Stats): void {
  const own = fstatSync(descriptor)
  if (own.uid !== before.uid || own.gid !== before.gid) fchownSync(descriptor, before.uid, before.gid)
  fchmodSync(descriptor, 0o600 | (before.mode & 0o060))
}
