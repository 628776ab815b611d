// The audit of a running broker: events become records of the chain when they are written, off the event loop, one write at a
// time. Whoever notes one waits for nothing.

import { setImmediate as restOfTurn } from 'node:timers/promises'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { Allowance } from './allowance.ts'
import { AuditFile } from './audit-file.ts'
import { reasonOf } from './errors.ts'
import type { Audit, AuditEvent, AuditKind } from './event.ts'
import type { AuditSettings } from './options.ts'
import { type ChainEnd, presentEvent, seal } from './record.ts'

/** Most characters of events that wait for the disk; further ones are counted. */
export const mostWaitingCharacters = 16 * 1024 * 1024
/** Characters that are sealed and written at once. */
const charactersPerWrite = 262_144
/** Milliseconds between two attempts to write. */
const retryMs = 1000

export interface AuditTrailDeps {
  /** Those in force when they are asked for. */
  settings(): AuditSettings
  readonly log: Log
  /** Milliseconds since the epoch. */
  wallClock(): number
}

interface Batch {
  readonly bytes: Uint8Array
  readonly events: number
  readonly first: number
  readonly end: ChainEnd
}

interface Waiter {
  /** How many events have to be written. */
  readonly events: number
  readonly tell: () => void
}

export class AuditTrail implements Audit {
  readonly name = 'audit'
  readonly #file: AuditFile
  readonly #deps: AuditTrailDeps
  readonly #allowance = new Allowance(event => this.#queue(event))
  #end: ChainEnd
  #waiting: string[] = []
  #waitingCharacters = 0
  /** Sealed, and not written yet. */
  #batch: Batch | undefined = undefined
  #noted = 0
  #written = 0
  readonly #waiters: Waiter[] = []
  /** Events for which there was no room. */
  #lost = 0
  #work: Promise<void> | undefined = undefined
  #isFailing = false
  #isUnsynced = false
  #wantsSync = false
  #now = 0
  #syncedAt = 0
  #failedAt = 0

  private constructor(file: AuditFile, deps: AuditTrailDeps) {
    this.#file = file
    this.#deps = deps
    this.#end = file.end
  }

  /** @throws AuditFileError */
  static async open(path: string, deps: AuditTrailDeps): Promise<AuditTrail> {
    const file = await AuditFile.open(path)
    const trail = new AuditTrail(file, deps)
    trail.#tellEnd('goes on in')
    const { torn, cutFrom, end } = file
    if (cutFrom !== undefined) {
      const found = `the audit ends with record ${end.seq}, and ${cutFrom.seq} were written: its end was cut off`
      deps.log.write('error', `Error: ${escapeText(path, 4096)}: ${found}.`)
      trail.#queue({ kind: 'audit', outcome: 'failed', what: { event: 'cut', head: cutFrom.seq, last: end.seq } })
    }
    if (torn !== undefined) {
      deps.log.write('warning', `Warning: ${torn.bytes} bytes of a half-written record were cut off the audit.`)
      trail.#queue({ kind: 'audit', outcome: 'done', what: { event: 'torn', ...torn } })
    }
    return trail
  }

  get isRefusing(): boolean {
    return (this.#isFailing || this.#lost > 0) && this.#deps.settings().audit_failure === 'refuse'
  }

  get mostRefusedTopics(): number {
    return this.#deps.settings().audit_max_refused_topics
  }

  unreadyBecause(): string | undefined {
    return this.isRefusing ? 'it cannot be written' : undefined
  }

  takes(kind: AuditKind): boolean {
    return !this.#deps.settings().audit_exclude.includes(kind)
  }

  note(event: AuditEvent): void {
    if (!this.takes(event.kind)) return
    if (this.#allowance.admits(event, this.#deps.settings().audit_max_rate)) this.#queue(event)
  }

  written(): Promise<void> {
    const events = this.#noted
    if (this.#written === events || this.#isFailing) return Promise.resolve()
    return new Promise(tell => this.#waiters.push({ events, tell }))
  }

  /** Called several times a second. @param now milliseconds on a clock that nobody sets */
  advance(now: number): void {
    this.#now = now
    this.#allowance.advance(now)
    if (this.#isFailing) {
      if (now >= this.#failedAt + retryMs) this.#begin()
    } else if (this.#isUnsynced && now >= this.#syncedAt + this.#deps.settings().audit_sync_interval * 1000) {
      this.#wantsSync = true
      this.#begin()
    }
  }

  /** Writes what is left and makes it safe, as far as the disk takes it. Nothing may be noted afterwards. */
  async close(): Promise<void> {
    this.#allowance.tellAll()
    this.#wantsSync = true
    for (;;) {
      this.#begin()
      await this.#work
      if (this.#isFailing || (this.#waiting.length === 0 && !this.#isUnsynced)) break
    }
    if (!this.#isFailing) this.#tellEnd('ends for now in')
    await this.#file.close()
  }

  #queue(event: AuditEvent): void {
    const presented = presentEvent(event, this.#deps.wallClock())
    if (this.#waitingCharacters + presented.length > mostWaitingCharacters) {
      if (this.#lost++ === 0) this.#deps.log.write('error', 'Error: The audit is not written in time: events are lost.')
      return
    }
    this.#waiting.push(presented)
    this.#waitingCharacters += presented.length
    this.#noted++
    if (!this.#isFailing) this.#begin()
  }

  #begin(): void {
    this.#work ??= this.#writeAll().finally(() => {
      this.#work = undefined
      if (this.#waiting.length > 0 && !this.#isFailing) this.#begin()
    })
  }

  async #writeAll(): Promise<void> {
    await restOfTurn()
    try {
      while (this.#batch !== undefined || this.#waiting.length > 0) await this.#writeNext()
      const isDue = this.#wantsSync || this.#deps.settings().audit_sync_interval === 0
      if (isDue && this.#isUnsynced) await this.#sync()
      if (this.#isFailing) this.#recovered()
    } catch (error) {
      this.#failed(error)
    }
  }

  async #writeNext(): Promise<void> {
    const { audit_max_file_bytes: most, audit_max_files: mostFiles } = this.#deps.settings()
    if (this.#batch === undefined && this.#file.size >= most) await this.#rotate(mostFiles)
    this.#batch ??= this.#sealNext()
    const { bytes, events, first, end } = this.#batch
    await this.#file.append(bytes, first)
    this.#batch = undefined
    this.#end = end
    this.#isUnsynced = true
    this.#written += events
    this.#release()
    if (this.#lost > 0) this.#tellLost()
  }

  #sealNext(): Batch {
    const lines: string[] = []
    let characters = 0
    let end = this.#end
    for (const presented of this.#waiting) {
      if (characters >= charactersPerWrite) break
      const sealed = seal(presented, end)
      lines.push(sealed.line)
      end = sealed.end
      characters += presented.length
    }
    this.#waiting.splice(0, lines.length)
    this.#waitingCharacters -= characters
    return { bytes: Buffer.from(lines.join('')), events: lines.length, first: this.#end.seq + 1, end }
  }

  /** The first record of the new file says what became of the others. */
  async #rotate(most: number): Promise<void> {
    const rotation = await this.#file.rotate(most)
    this.#tellEnd('goes on after', rotation.file)
    const event = { kind: 'audit', outcome: 'done', what: { event: 'rotated', ...rotation } } as const
    const presented = presentEvent(event, this.#deps.wallClock())
    this.#waiting.unshift(presented)
    this.#waitingCharacters += presented.length
    // Nobody has noted it, and whoever waits for another one must not be told too early.
    this.#written--
  }

  async #sync(): Promise<void> {
    await this.#file.sync(this.#end)
    this.#isUnsynced = false
    this.#wantsSync = false
    this.#syncedAt = this.#now
  }

  #tellLost(): void {
    const lost = this.#lost
    this.#lost = 0
    this.#queue({ kind: 'audit', outcome: 'failed', what: { event: 'lost', events: lost } })
  }

  #failed(error: unknown): void {
    this.#failedAt = this.#now
    if (!this.#isFailing) {
      const goesOn = this.#deps.settings().audit_failure === 'continue'
      const policy = goesOn ? 'the broker goes on' : 'logins and commands are refused'
      this.#deps.log.write(
        'error',
        `Error: The audit cannot be written: ${reasonOf(error)}; ${policy} (audit_failure).`,
      )
    }
    this.#isFailing = true
    this.#release()
  }

  #recovered(): void {
    this.#isFailing = false
    this.#deps.log.write('notice', 'The audit is written again.')
  }

  /** Nobody waits for a disk that does not take anything. */
  #release(): void {
    const isDone = ({ events }: Waiter) => events <= this.#written || this.#isFailing
    while (this.#waiters[0] !== undefined && isDone(this.#waiters[0])) this.#waiters.shift()?.tell()
  }

  /** Kept where somebody else keeps the log, it shows whether the end was cut off since. */
  #tellEnd(how: string, file = this.#file.path): void {
    const { seq, hash } = this.#end
    this.#deps.log.write('information', `The audit ${how} ${escapeText(file, 4096)}: ${seq} records, hash ${hash}.`)
  }
}
