// The bans of a broker with the file that keeps them: read at the start, replaced whenever they change.

import { readFileSync } from 'node:fs'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { CommandError } from '../dynsec/errors.ts'
import { replaceFile } from '../dynsec/file-writer.ts'
import { isObject, objectsOf } from '../dynsec/json.ts'
import { BanList, describeBan, readBan } from './ban-list.ts'

/** The file of bans cannot be used: nobody may come in whom it keeps out, so the broker does not start. */
export class BanFileError extends AppError {
  constructor(path: string, why: string, cause?: unknown) {
    super('ERR_CONTROL_BAN_FILE', `Error: ban_file "${escapeText(path, 4096)}" cannot be used: ${why}.`, { cause })
  }
}

export class BanFile {
  readonly bans: BanList
  readonly #path: string
  readonly #now: () => number
  /** The end of the write before. */
  #last: Promise<void> = Promise.resolve()

  /**
   * @param now milliseconds since the epoch, by the wall clock
   * @throws BanFileError for a file that is there and cannot be read
   */
  constructor(path: string, now: () => number) {
    this.#path = path
    this.#now = now
    this.bans = readBans(path)
  }

  /** Resolves when the bans as they are now are safe. @throws the operating system's error, as a rejection */
  save(): Promise<void> {
    const saved = this.#last.then(() => replaceFile(this.#path, [this.#text()]))
    this.#last = saved.catch(() => {})
    return saved
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
    throw new BanFileError(path, cause instanceof SyntaxError ? 'it is not JSON' : `it cannot be read (${code})`, cause)
  }
  return bans
}
