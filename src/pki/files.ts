// Files of the authority's directory: written whole or not at all, and read within a limit.

import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { escapeText } from '../base/escape.ts'
import { syncDirectoryNow } from '../base/sync-directory.ts'
import { systemReason } from '../base/system-reason.ts'
import { PkiFileError } from './errors.ts'

/** A list with a million entries has some 40 MB as DER, a third more as PEM. */
export const maxFileBytes = 64 * 1024 * 1024

/** Who may read it besides the owner is decided by the directory above. */
export const publicMode = 0o644
export const secretMode = 0o400

/** Puts `content` in the place of `path` in one step; it is on the disk when this returns. */
export function writeWhole(path: string, content: string | Uint8Array, mode: number): void {
  const temporary = `${path}.new-${randomBytes(6).toString('hex')}`
  try {
    writeFileSync(temporary, content, { mode: 0o600, flag: 'wx', flush: true })
    chmodSync(temporary, mode)
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  syncDirectoryNow(dirname(path))
}

/** @throws PkiFileError when it is not there, too large, or no file */
export function readWhole(path: string, limit = maxFileBytes): Buffer {
  const shown = escapeText(path, 4096)
  let descriptor: number
  try {
    descriptor = openSync(path, 'r')
  } catch (cause) {
    throw new PkiFileError(`cannot read '${shown}' (${systemReason(cause)})`, { cause })
  }
  try {
    const stats = fstatSync(descriptor)
    if (!stats.isFile()) throw new PkiFileError(`'${shown}' is not a file`)
    if (stats.size > limit) throw new PkiFileError(`'${shown}' has ${stats.size} bytes, at most ${limit} are read`)
    return readFileSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** What a file says that other processes may replace: read again when it is another one. */
export class ReplacedFile<T> {
  readonly #path: string
  readonly #read: () => T
  #state: string | undefined
  #value: T | undefined

  /** @param read is asked, too, where there is no file */
  constructor(path: string, read: () => T) {
    this.#path = path
    this.#read = read
  }

  /** The same object for as long as the file is the same. @throws what `read` throws */
  get(): T {
    const stats = statSync(this.#path, { throwIfNoEntry: false })
    const state = stats === undefined ? '' : `${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`
    if (state !== this.#state) {
      this.#value = this.#read()
      this.#state = state
    }
    return this.#value as T
  }
}

/** The umask may only take away; this is exactly so. */
export function makeDirectory(path: string, mode: number): void {
  mkdirSync(path, { mode })
  chmodSync(path, mode)
}
