// Writes the file so that whoever reads it finds the old one or the new one, whole, and a power failure loses neither.
// What is asked for while one is written goes into the next: a hundred commands at once cost two files.

import { constants, type Stats } from 'node:fs'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fileText, prepareText } from './file-text.ts'
import type { SecurityState } from './state.ts'

/** Characters that are handed to the system at once. */
const charactersPerWrite = 262_144

export class FileWriter {
  readonly #path: string
  readonly #state: () => SecurityState
  #running: Promise<void> | undefined = undefined
  #next: Promise<void> | undefined = undefined
  #written: string | undefined = undefined

  /** @param state what to write, whenever a write begins */
  constructor(path: string, state: () => SecurityState) {
    this.#path = path
    this.#state = state
  }

  /** What tells the file that was written last from any other, see `identityOf`; undefined before the first. */
  get written(): string | undefined {
    return this.#written
  }

  /**
   * Resolves when the state as it is now, or later, is safe.
   *
   * @throws the operating system's error, as a rejection; the file is then as it was
   */
  write(): Promise<void> {
    if (this.#next !== undefined) return this.#next
    if (this.#running === undefined) return this.#begin()
    const begin = () => this.#begin()
    this.#next = this.#running.then(begin, begin)
    return this.#next
  }

  #begin(): Promise<void> {
    this.#next = undefined
    const running = this.#replace().finally(() => {
      if (this.#running === running) this.#running = undefined
    })
    this.#running = running
    return running
  }

  async #replace(): Promise<void> {
    const state = this.#state()
    await prepareText(state, nextTurn)
    await replaceFile(this.#path, fileText(state), identity => {
      this.#written = identity
    })
  }
}

/** @returns undefined when the file is not there, or cannot be looked at */
export async function identityOf(path: string): Promise<string | undefined> {
  return stat(path).then(identify, () => undefined)
}

/** A file that is renamed keeps all of it. */
function identify({ dev, ino, size, mtimeMs }: Stats): string {
  return `${dev} ${ino} ${size} ${mtimeMs}`
}

/**
 * @param pieces of the new content
 * @param announce is told the new file's identity before it takes the place of the old one
 * @throws the operating system's error, as a rejection
 */
export async function replaceFile(
  path: string,
  pieces: Iterable<string>,
  announce: (identity: string) => void = () => {},
): Promise<void> {
  const temporary = `${path}.new`
  // One that a killed process has left; whoever else made it, nothing is written into it.
  await rm(temporary, { force: true })
  const file = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
  try {
    try {
      await writePieces(file, pieces)
      await file.sync()
      announce(identify(await file.stat()))
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

async function writePieces(file: FileHandle, pieces: Iterable<string>): Promise<void> {
  let together: string[] = []
  let length = 0
  for (const piece of pieces) {
    together.push(piece)
    length += piece.length
    if (length < charactersPerWrite) continue
    await file.writeFile(together.join(''))
    together = []
    length = 0
  }
  await file.writeFile(together.join(''))
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
