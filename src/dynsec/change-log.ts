// The file beside dynamic-security.json that has the commands which that does not hold yet: a line is on the disk before
// whoever asked is answered.

import { constants } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncDirectory } from '../base/sync-directory.ts'
import { commandsLine, type FileMark, fileLine, type LoggedCommand } from './change-record.ts'

/** Beyond, the whole file is written before anything is added: a start has to read all of it, and memory keeps it till then. */
const mostBytes = 8 * 1024 * 1024
/** One message may bring more; then the whole file is written at once. */
const mostLineBytes = 16 * 1024 * 1024

/** O_DSYNC: a write returns when it is on the disk. */
const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_DSYNC

export class ChangeLog {
  readonly #path: string
  #file: FileHandle | undefined = undefined
  /** Behind the last whole line. */
  #end = 0
  /** The change index behind the last command. */
  #last: number
  /** One thing after the other. */
  #turn: Promise<unknown> = Promise.resolve()

  /** @param last the change index behind the last command that it has, or of the file where it has none */
  constructor(path: string, last: number) {
    this.#path = path
    this.#last = last
  }

  get isOpen(): boolean {
    return this.#file !== undefined
  }

  /** When it has to be emptied by `restart` before anything is added. */
  get isFull(): boolean {
    return this.#end >= mostBytes
  }

  /**
   * Goes on behind the whole lines, and cuts off what is behind them.
   *
   * @throws the operating system's error, as a rejection
   */
  open(wholeBytes: number): Promise<void> {
    return this.#inTurn(async () => {
      const file = await this.#opened()
      await file.truncate(wholeBytes)
      await file.datasync()
      this.#end = wholeBytes
    })
  }

  /**
   * Resolves when the commands are safe.
   *
   * @param from the change index before the first of them
   * @throws the operating system's error, as a rejection: whether they are safe is not known, and nothing is added behind them
   */
  append(from: number, commands: readonly LoggedCommand[]): Promise<void> {
    return this.#inTurn(async () => {
      await this.#write(commandsLine(from, commands))
      this.#last = from + commands.length
    })
  }

  /** Says that the commands follow this file, too. */
  mark(file: FileMark): Promise<void> {
    return this.#inTurn(() => this.#write(fileLine(file)))
  }

  /** Forgets what the file holds; a log that has more stays as it is. @throws as `open` does */
  restart(file: FileMark): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#last <= file.holds) await this.#begin(file)
    })
  }

  /** Forgets all that it has: somebody has put another file in the place of the one that it followed. @throws as `open` does */
  abandon(file: FileMark): Promise<void> {
    return this.#inTurn(() => this.#begin(file))
  }

  /** Takes it away: the file holds everything. @throws as `open` does */
  remove(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#close()
      await rm(this.#path, { force: true })
      await syncDirectory(dirname(this.#path))
    })
  }

  async #begin(file: FileMark): Promise<void> {
    const handle = this.#file ?? (await this.#opened())
    await handle.truncate(0)
    await handle.datasync()
    this.#end = 0
    this.#last = file.holds
    await this.#write(fileLine(file))
  }

  async #opened(): Promise<FileHandle> {
    const file = await open(this.#path, flags, 0o600)
    this.#file = file
    await file.chmod(0o600)
    // It may be new.
    await syncDirectory(dirname(this.#path))
    return file
  }

  async #write(line: Buffer): Promise<void> {
    if (this.#file === undefined) throw new Error('it is not open')
    if (line.length > mostLineBytes)
      throw new Error(`a change of ${line.length} bytes, at most ${mostLineBytes} are logged`)
    for (let written = 0; written < line.length; ) {
      const { bytesWritten } = await this.#file.write(line, written, line.length - written, this.#end + written)
      written += bytesWritten
    }
    this.#end += line.length
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work).catch(async error => {
      await this.#close()
      throw error
    })
    this.#turn = done.catch(() => {})
    return done
  }

  async #close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    // What it was to say has been said, or has failed already.
    await file?.close().catch(() => {})
  }
}
