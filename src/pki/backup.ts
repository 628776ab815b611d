// An authority in one encrypted file: its directory as an archive under AES-256-GCM, the key derived from a passphrase of its own.

import { createCipheriv, createDecipheriv, pbkdf2, randomBytes } from 'node:crypto'
import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { escapeText } from '../base/escape.ts'
import { refuseTaken } from './ca-directory.ts'
import { PkiFileError, PkiKeyError } from './errors.ts'
import { readWhole, writeWhole } from './files.ts'
import { checkPassphrase, pbkdf2Iterations } from './private-key.ts'

const mark = Buffer.from('castellan-ca-backup-1\n')
const saltBytes = 16
const ivBytes = 12
const tagBytes = 16

interface Entry {
  /** Below the authority's directory, with `/`. */
  readonly path: string
  readonly mode: number
  /** Base64. */
  readonly content: string
}

/** Inside the engine's `exclusive`. @param withRoot the root's key, too */
export async function backupDirectory(dir: string, passphrase: string, withRoot: boolean): Promise<Buffer> {
  checkPassphrase(passphrase)
  const rootKey = join('root', 'private', 'ca.key')
  const paths = filesBelow(dir).filter(
    path => (withRoot || path !== rootKey) && path !== 'lock' && !path.startsWith('lock.'),
  )
  const entries: Entry[] = paths.map(path => ({
    path,
    mode: lstatSync(join(dir, path)).mode & 0o777,
    content: readWhole(join(dir, path)).toString('base64'),
  }))
  const [salt, iv] = [randomBytes(saltBytes), randomBytes(ivBytes)]
  const cipher = createCipheriv('aes-256-gcm', await derive(passphrase, salt), iv)
  cipher.setAAD(mark)
  const body = Buffer.concat([cipher.update(JSON.stringify(entries)), cipher.final()])
  return Buffer.concat([mark, salt, iv, cipher.getAuthTag(), body])
}

/** @returns how many files are in it @throws PkiFileError, PkiKeyError */
export async function verifyBackup(bytes: Buffer, passphrase: string): Promise<number> {
  return (await open(bytes, passphrase)).length
}

/** The directory appears whole or not at all. @throws PkiFileError, PkiKeyError, PkiConflictError */
export async function restoreDirectory(bytes: Buffer, passphrase: string, dir: string): Promise<number> {
  refuseTaken(dir)
  const entries = await open(bytes, passphrase)
  const building = `${dir}.new-${randomBytes(6).toString('hex')}`
  try {
    for (const { path, mode, content } of entries) {
      const target = join(building, path)
      if (relative(building, target).startsWith('..'))
        throw new PkiFileError(`the backup has a path '${escapeText(path)}'`)
      mkdirSync(dirname(target), { recursive: true, mode: 0o700 })
      writeWhole(target, Buffer.from(content, 'base64'), mode)
    }
    // Empty where the root's key was left out.
    for (const path of ['root/private', 'ocsp', 'crl'])
      mkdirSync(join(building, path), { recursive: true, mode: 0o700 })
    renameSync(building, dir)
    return entries.length
  } catch (error) {
    rmSync(building, { recursive: true, force: true })
    throw error
  }
}

async function open(bytes: Buffer, passphrase: string): Promise<Entry[]> {
  const head = mark.length + saltBytes + ivBytes + tagBytes
  if (bytes.length < head || !bytes.subarray(0, mark.length).equals(mark)) {
    throw new PkiFileError('the file is no backup of an authority')
  }
  const [saltAt, ivAt, tagAt] = [mark.length, mark.length + saltBytes, mark.length + saltBytes + ivBytes]
  const [salt, iv, tag] = [bytes.subarray(saltAt, ivAt), bytes.subarray(ivAt, tagAt), bytes.subarray(tagAt, head)]
  const decipher = createDecipheriv('aes-256-gcm', await derive(passphrase, salt), iv)
  decipher.setAAD(mark)
  decipher.setAuthTag(tag)
  try {
    const text = Buffer.concat([decipher.update(bytes.subarray(head)), decipher.final()]).toString('utf8')
    return JSON.parse(text) as Entry[]
  } catch {
    throw new PkiKeyError('the passphrase of the backup is wrong, or the file was changed')
  }
}

function derive(passphrase: string, salt: Buffer): Promise<Buffer> {
  return promisify(pbkdf2)(passphrase, salt, pbkdf2Iterations, 32, 'sha256')
}

function filesBelow(dir: string, below = ''): string[] {
  return readdirSync(join(dir, below), { withFileTypes: true }).flatMap(entry => {
    const path = join(below, entry.name)
    if (entry.isDirectory()) return filesBelow(dir, path)
    return entry.isFile() ? [path] : []
  })
}
