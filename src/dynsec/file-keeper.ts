// Keeps dynamic security on the disk: each change in the log at once, and all of them in the file soon after, while others
// go on. At a clean stop the file alone says everything.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { ChangeLog } from './change-log.ts'
import type { FileMark, LoggedCommand } from './change-record.ts'
import { FileEditedError } from './errors.ts'
import { prepareText } from './file-text.ts'
import { FileWriter, identityNow, identityOf, type WrittenFile } from './file-writer.ts'
import { logPath, type ReadFile, type Recovered, readStateFile, redoTold } from './recover.ts'
import type { SecurityState } from './state.ts'

/** Milliseconds without a change after which the file is written. */
const quietMs = 1000
/** Milliseconds between a change and the file, or between two attempts, however much goes on. */
const longestMs = 10_000
/** Characters of changes, as JSON, that memory keeps while the disk takes none; beyond, no more are taken. */
const mostUnsafeCharacters = 16 * 1024 * 1024
/** Times that a file is begun again because somebody has edited the old one meanwhile. */
const mostAttempts = 5

export interface KeeperParts {
  readonly path: string
  readonly log: Log
  /** What holds. */
  readonly state: () => SecurityState
  /** Somebody has edited the file: it has to be read and adopted before the next one is written. */
  readonly edited: () => void
}

/** The file as it was read. */
export interface SeenFile extends ReadFile {
  /** See `identityOf`; undefined when there was none. */
  readonly identity: string | undefined
  /** Whether it is another one than the one that was read or written last. */
  readonly isEdited: boolean
}

/** Commands that are waiting to be safe. */
interface Waiting {
  readonly from: number
  readonly commands: readonly LoggedCommand[]
  readonly settle: PromiseWithResolvers<void>
}

export class FileKeeper {
  readonly #parts: KeeperParts
  readonly #writer: FileWriter
  readonly #changes: ChangeLog
  /** What the file does not hold, as far as it is known to: the changes that follow `#holds`. */
  #recent: LoggedCommand[]
  #holds: number
  /** The file that was read or written last, see `identityOf`. */
  #known: string | undefined
  /** The one that is about to take its place, or has just done so. */
  #coming: string | undefined = undefined
  #waiting: Waiting[] = []
  /** Characters of the changes that wait to be safe. */
  #waitingCharacters = 0
  /** Of those that hold, and are neither in the log nor in the file. */
  #failedCharacters = 0
  /** How often changes were given up for a file of another state. */
  #givenUp = 0
  #appending: Promise<void> | undefined = undefined
  #folding: Promise<void> | undefined = undefined
  #isClosed = false
  /** As of the last look: how many changes there were, since when, and since when the file lacks some. */
  #seen: number
  #seenAt = 0
  #behindSince: number | undefined = undefined

  /** @param known the file's identity before it was read */
  constructor(parts: KeeperParts, { holds, commands }: Recovered, known: string | undefined) {
    this.#parts = parts
    this.#known = known
    this.#holds = holds
    this.#recent = [...commands]
    this.#seen = this.#made
    this.#changes = new ChangeLog(logPath(parts.path), this.#made)
    this.#writer = new FileWriter(parts.path, parts.state, (file, state) => this.#allow(file, state))
  }

  /** Whether the file alone says what holds. */
  get isFolded(): boolean {
    return this.#recent.length === 0
  }

  /** Whether as much waits for the disk as may: nothing more is to be changed until it takes something. */
  get isFull(): boolean {
    return this.#waitingCharacters + this.#failedCharacters >= mostUnsafeCharacters
  }

  /** Goes on with the log that was recovered; without one, every change is answered when the whole file is written. */
  async open({ state, digest, holds, commands, logBytes }: Recovered): Promise<void> {
    // Before anybody is there: it is most of the work of the first file.
    await prepareText(state, nextTurn)
    try {
      if (commands.length === 0) await this.#changes.restart({ digest, holds })
      else await this.#changes.open(logBytes)
    } catch (error) {
      this.#tellLogFailure(error)
    }
  }

  /**
   * Resolves when the commands, the last that have changed something, are safe.
   *
   * @throws the operating system's error, as a rejection
   */
  save(commands: readonly LoggedCommand[]): Promise<void> {
    if (this.#isClosed) return Promise.reject(new Error('the broker is about to end'))
    const settle = Promise.withResolvers<void>()
    this.#waiting.push({ from: this.#made, commands, settle })
    for (const command of commands) this.#recent.push(command)
    this.#appending ??= this.#appendAll()
    return this.#counted(settle.promise, JSON.stringify(commands).length)
  }

  /** Writes the whole file, as it is now or later. @throws the operating system's error, as a rejection */
  async fold(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#forget(await this.#writer.write())
        this.#failedCharacters = 0
        return
      } catch (error) {
        if (!(error instanceof FileEditedError) || attempt === mostAttempts) throw error
        if (this.#isEdited(identityNow(this.#parts.path))) this.#parts.edited()
      }
    }
  }

  /** Called several times a second. */
  advance(now: number): void {
    if (this.#seen !== this.#made) {
      this.#seen = this.#made
      this.#seenAt = now
    }
    if (this.isFolded) this.#behindSince = undefined
    else this.#behindSince ??= now
    if (this.#behindSince === undefined || this.#folding !== undefined) return
    if (now - this.#seenAt < quietMs && now - this.#behindSince < longestMs) return
    // After a failure too: not before the longest time has passed again.
    this.#behindSince = now
    this.#seenAt = now + longestMs
    this.#folding = this.fold()
      .catch(error => this.#tell('error', 'Error: Dynamic security config could not be written', error))
      .finally(() => {
        this.#folding = undefined
      })
  }

  /** Whether the file is another one than the one that was read or written last. */
  async isEdited(): Promise<boolean> {
    return this.#isEdited(await identityOf(this.#parts.path))
  }

  /**
   * Reads the file as it is now.
   *
   * @throws DynamicSecurityError for one that cannot be used: what holds is as before, and the next file replaces it
   */
  read(): SeenFile {
    // First: what is written meanwhile is read again.
    const identity = identityNow(this.#parts.path)
    const isEdited = this.#isEdited(identity)
    try {
      return { ...readStateFile(this.#parts.path), identity, isEdited }
    } catch (error) {
      this.#known = identity
      throw error
    }
  }

  /**
   * Takes in a file that somebody has edited: what it does not hold is carried out on it again.
   *
   * @returns what holds from now on; undefined when the file is not there any more
   */
  adopt(file: SeenFile): ReadFile | undefined {
    if (identityNow(this.#parts.path) !== file.identity) return undefined
    this.#known = file.identity
    this.#coming = undefined
    const follows = file.holds >= this.#holds && file.holds <= this.#made
    return follows ? this.#continue(file) : this.#giveUp(file)
  }

  /** Takes no more changes, and has the file say everything. @throws the operating system's error, as a rejection */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#appending
    await this.#folding
    if (!this.isFolded) await this.fold()
    if (this.isFolded) await this.#changes.remove()
  }

  async #counted(saved: Promise<void>, characters: number): Promise<void> {
    this.#waitingCharacters += characters
    try {
      await saved
    } catch (error) {
      // What was given up for an edited file is not kept.
      if (!(error instanceof FileEditedError)) this.#failedCharacters += characters
      throw error
    } finally {
      this.#waitingCharacters -= characters
    }
  }

  /** The number of the last change. */
  get #made(): number {
    return this.#holds + this.#recent.length
  }

  async #appendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0)
      const givenUp = this.#givenUp
      try {
        await this.#append(batch)
        if (this.#givenUp !== givenUp) throw new FileEditedError()
        for (const { settle } of batch) settle.resolve()
      } catch (error) {
        for (const { settle } of batch) settle.reject(error)
      }
    }
    // In the turn in which nothing was left: what comes next begins anew.
    this.#appending = undefined
  }

  /** One line for all: what is written together is lost together. */
  async #append(batch: readonly Waiting[]): Promise<void> {
    if (this.#changes.isOpen && !this.#changes.isFull) {
      try {
        const commands = batch.flatMap(waiting => waiting.commands)
        await this.#changes.append(batch[0]?.from ?? this.#made, commands)
        return
      } catch (error) {
        this.#tellLogFailure(error)
      }
    }
    await this.fold()
  }

  /** The last moment before a new file takes the place of the old one. */
  async #allow(file: WrittenFile, state: SecurityState): Promise<void> {
    // A kill may come between the two: the log has to be known to follow the new file, too.
    if (this.#changes.isOpen) await this.#changes.mark(file)
    const there = await identityOf(this.#parts.path)
    if (state !== this.#parts.state() || this.#isEdited(there)) throw new FileEditedError()
    this.#coming = file.identity
  }

  /** What the file holds is not needed any more. */
  async #forget(file: WrittenFile): Promise<void> {
    // Somebody has edited it already.
    if (file.identity !== this.#coming) return
    this.#known = file.identity
    const held = Math.max(0, file.holds - this.#holds)
    this.#recent.splice(0, held)
    this.#holds += held
    // There is to be no log any more.
    if (this.#isClosed) return
    try {
      await this.#changes.restart(file)
    } catch (error) {
      this.#tellLogFailure(error)
    }
  }

  #continue({ state, digest, holds, warnings }: ReadFile): ReadFile {
    const left = this.#recent.slice(holds - this.#holds)
    const failures = redoTold(state, left)
    this.#recent = left
    this.#holds = holds
    this.#follow({ digest, holds }, left.length === 0)
    return { state, digest, holds, warnings: [...warnings, ...failures] }
  }

  #giveUp({ state, digest, holds, warnings }: ReadFile): ReadFile {
    const lost = `Warning: Dynamic security config holds ${holds} changes, and ${this.#made} were made: it was edited elsewhere or earlier, and counts as it is.`
    this.#recent = []
    this.#holds = holds
    this.#givenUp++
    for (const { settle } of this.#waiting.splice(0)) settle.reject(new FileEditedError())
    this.#follow({ digest, holds }, true)
    return { state, digest, holds, warnings: [...warnings, lost] }
  }

  #follow(file: FileMark, isAlone: boolean): void {
    if (this.#isClosed) return
    const followed = isAlone ? this.#changes.abandon(file) : this.#changes.mark(file)
    followed.catch(error => this.#tellLogFailure(error))
  }

  #isEdited(identity: string | undefined): boolean {
    return identity !== undefined && identity !== this.#known && identity !== this.#coming
  }

  #tellLogFailure(error: unknown): void {
    this.#tell('warning', 'Warning: The changes of dynamic security cannot be logged, the whole file is written', error)
  }

  #tell(type: 'error' | 'warning', what: string, error: unknown): void {
    this.#parts.log.write(type, `${what}: ${escapeText((error as Error).message, 4096)}`)
  }
}
