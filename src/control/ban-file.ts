// The bans of a broker with the file that keeps them: read at the start and at a reload, replaced whenever they change.

import { readFileSync } from 'node:fs'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { systemReason } from '../base/system-reason.ts'
import { CommandError } from '../dynsec/errors.ts'
import { replaceFile } from '../dynsec/file-writer.ts'
import { isObject, objectsOf } from '../dynsec/json.ts'
import { BanList, describeBan, readBan } from './ban-list.ts'

/** The file of bans cannot be used: nobody may come in whom it keeps out, so the broker does not start, and reloads nothing. */
export class BanFileError extends AppError {
  constructor(path: string, why: string, cause?: unknown) {
    super('ERR_CONTROL_BAN_FILE', `Error: ban_file "${escapeText(path, 4096)}" cannot be used: ${why}.`, { cause })
  }
}

export class BanFile {
  readonly #path: string
  readonly #now: () => number
  #bans: BanList
  /** The end of the write before. */
  #last: Promise<void> = Promise.resolve()
  /** Changes that are not in the file, or may not be. */
  #unsaved = 0

  /**
   * @param now milliseconds since the epoch, by the wall clock
   * @throws BanFileError for a file that is there and cannot be read
   */
  constructor(path: string, now: () => number) {
    this.#path = path
    this.#now = now
    this.#bans = readBans(path)
  }

  /** Those that hold now: a reload replaces them. */
  get bans(): BanList {
    return this.#bans
  }

  /** Resolves when the bans as they are now are safe. @throws the operating system's error, as a rejection */
  save(): Promise<void> {
    const unsaved = ++this.#unsaved
    const saved = this.#last.then(async () => {
      await replaceFile(this.#path, [this.#text()])
      if (this.#unsaved === unsaved) this.#unsaved = 0
    })
    this.#last = saved.catch(() => {})
    return saved
  }

  /**
   * Reads the file for a reload; what has been changed and is not in it yet must not be lost to it.
   *
   * @returns puts it to work; who is banned by it is the caller's to disconnect
   * @throws BanFileError for a file that is there and cannot be read
   */
  prepareReload(): () => void {
    const bans = readBans(this.#path)
    return () => {
      if (this.#unsaved === 0) this.#bans = bans
    }
  }

  #text(): string {
    const lines = this.bans.all(this.#now()).map(ban => JSON.stringify(describeBan(ban)))
    return `{"bans":[\n${lines.join(',\n')}\n]}\n`
  }
}

function readBans(path: string): BanList {
  const bans = new BanList()
  try {
    const file: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (!isObject(file) || !Array.isArray(file['bans'])) throw new BanFileError(path, 'it has no list of bans')
    if (!file['bans'].every(isObject)) throw new BanFileError(path, 'a ban is no object')
    for (const entry of objectsOf(file, 'bans')) bans.add(readBan(entry))
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return bans
    if (cause instanceof BanFileError) throw cause
    if (cause instanceof CommandError) throw new BanFileError(path, `a ban says: ${message}`, cause)
    const why = cause instanceof SyntaxError ? 'it is not JSON' : `it cannot be read (${systemReason(cause)})`
    throw new BanFileError(path, why, cause)
  }
  return bans
}
