// Writes the file so that whoever reads it finds the old one or the new one, whole, and a power failure loses neither.
// What is asked for while one is written goes into the next: a hundred commands at once cost two files.

import { createHash } from 'node:crypto'
import { constants, type Stats, statSync } from 'node:fs'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { syncDirectory } from '../base/sync-directory.ts'
import type { FileMark } from './change-record.ts'
import { fileText, prepareText } from './file-text.ts'
import type { SecurityState } from './state.ts'

/** Bytes after which the disk is waited for: what is small and urgent does not stand behind all of a large file. */
const bytesPerSync = 1024 * 1024

/** A file that is complete, under its own name or not yet. */
export interface WrittenFile extends FileMark {
  /** See `identityOf`. */
  readonly identity: string
}

/**
 * Called when a new file is complete and about to take the place of the old one; the old one stays when it rejects.
 *
 * @param state what is in the file
 */
export type BeforeRename = (file: WrittenFile, state: SecurityState) => Promise<void>

export class FileWriter {
  readonly #path: string
  readonly #state: () => SecurityState
  readonly #before: BeforeRename
  #running: Promise<WrittenFile> | undefined = undefined
  #next: Promise<WrittenFile> | undefined = undefined

  /** @param state what to write, whenever a write begins */
  constructor(path: string, state: () => SecurityState, before: BeforeRename = async () => {}) {
    this.#path = path
    this.#state = state
    this.#before = before
  }

  /**
   * Resolves when the state as it is now, or later, is safe.
   *
   * @throws the operating system's error, or that of `before`, as a rejection; the file is then as it was
   */
  write(): Promise<WrittenFile> {
    if (this.#next !== undefined) return this.#next
    if (this.#running === undefined) return this.#begin()
    const begin = () => this.#begin()
    this.#next = this.#running.then(begin, begin)
    return this.#next
  }

  #begin(): Promise<WrittenFile> {
    this.#next = undefined
    const running = this.#replace().finally(() => {
      if (this.#running === running) this.#running = undefined
    })
    this.#running = running
    return running
  }

  async #replace(): Promise<WrittenFile> {
    const state = this.#state()
    await prepareText(state, nextTurn)
    // From here on in one turn: what changes later goes into the next file.
    const holds = state.changeIndex
    const pieces = fileText(state)
    let written: WrittenFile | undefined
    await replaceFile(this.#path, pieces, (identity, digest) => {
      written = { identity, digest, holds }
      return this.#before(written, state)
    })
    return written as WrittenFile
  }
}

/** @returns undefined when the file is not there, or cannot be looked at */
export async function identityOf(path: string): Promise<string | undefined> {
  return stat(path).then(identify, () => undefined)
}

/** The same at once. */
export function identityNow(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats && identify(stats)
}

/** A file that is renamed keeps all of it. */
function identify({ dev, ino, size, mtimeMs }: Stats): string {
  return `${dev} ${ino} ${size} ${mtimeMs}`
}

/**
 * @param pieces of the new content: each is one write
 * @param before is told the new file's identity and digest before it takes the place of the old one
 * @throws the operating system's error, or that of `before`, as a rejection
 */
export async function replaceFile(
  path: string,
  pieces: Iterable<string>,
  before: (identity: string, digest: string) => Promise<void> = async () => {},
): Promise<void> {
  const temporary = `${path}.new`
  // One that a killed process has left; whoever else made it, nothing is written into it.
  await rm(temporary, { force: true })
  const file = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
  try {
    try {
      const digest = await writePieces(file, pieces)
      await file.sync()
      await before(identify(await file.stat()), digest)
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncDirectory(dirname(path))
}

/** @returns their digest */
async function writePieces(file: FileHandle, pieces: Iterable<string>): Promise<string> {
  const digest = createHash('sha256')
  let unsynced = 0
  for (const text of pieces) {
    const bytes = Buffer.from(text)
    digest.update(bytes)
    await file.writeFile(bytes)
    unsynced += bytes.length
    if (unsynced < bytesPerSync) continue
    await file.datasync()
    unsynced = 0
  }
  return digest.digest('hex')
}
