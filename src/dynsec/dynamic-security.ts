// Dynamic security: who the users are and what they may do, changed by commands while the broker runs. Commands are carried
// out one request after the other, hold at once, and are answered when they are safe on the disk.

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { NoteCommand } from '../audit/event.ts'
import type { PasswordHash } from '../auth/password-hash.ts'
import type { DirectoryUser, Rights, RightsHolder, UserDirectory } from '../auth/user-directory.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { type AuditedOutcome, noteFault, noteOutcomes } from './audit-change.ts'
import { formatResponses, parseBatch } from './batch.ts'
import { BatchRun, type Outcome, unsaved } from './batch-run.ts'
import { decoyFor } from './decoy.ts'
import { Effects } from './effects.ts'
import { RightLostError } from './errors.ts'
import type { FileKeeper } from './file-keeper.ts'
import type { SecurityState } from './state.ts'
import { UnknownNames } from './unknown-names.ts'

/** What dynamic security needs of the broker that it is part of. */
export interface SecurityHost {
  /** Judges again whoever is concerned, and disconnects whoever has to come back. */
  reassess(change: Pick<Effects, 'concerns' | 'disconnects' | 'ends'>): void
  /** Where users are connected from, by name. */
  addresses(): ReadonlyMap<string, readonly string[]>
}

export interface SecurityParts {
  readonly state: SecurityState
  readonly keeper: Pick<FileKeeper, 'save' | 'fold' | 'isFull'>
  readonly log: Log
  /** Whether clients whose roles change are disconnected, as Mosquitto does, or go on under their new rights. */
  readonly disconnects: () => boolean
  readonly clock?: Clock
}

/** Who asks, and for what. */
export interface SecurityRequest {
  readonly payload: Uint8Array
  readonly clientId: string
  readonly username: string | undefined
  /** Whether whoever asks may still do so. */
  isPermitted(): boolean
  /** Tells the audit of one command; undefined where nobody wants to know. */
  readonly note?: NoteCommand | undefined
}

export interface SecurityAnswer {
  readonly payload: Uint8Array
  /** What follows for whoever asked. */
  carryOut(): void
}

export class DynamicSecurity implements UserDirectory {
  readonly #parts: SecurityParts
  readonly #clock: Clock
  #state: SecurityState
  #host: SecurityHost = nobody
  #version = 0
  readonly #unknownNames: UnknownNames
  /** Somebody has come with roles or groups that were given elsewhere. */
  #hasGiven = false
  #decoy: { readonly version: number; readonly hash: PasswordHash } | undefined = undefined
  #isUnsaved = false
  /** The end of what is carried out, a part of a request. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(parts: SecurityParts) {
    this.#parts = parts
    this.#clock = parts.clock ?? systemClock()
    this.#state = parts.state
    this.#unknownNames = new UnknownNames(parts.log)
  }

  /** The broker that has been built around it. */
  set host(host: SecurityHost) {
    this.#host = host
  }

  get state(): SecurityState {
    return this.#state
  }

  get version(): number {
    return this.#version
  }

  get decoy(): PasswordHash {
    if (this.#decoy?.version !== this.#version) {
      this.#decoy = { version: this.#version, hash: decoyFor(this.#state.clients.values()) }
    }
    return this.#decoy.hash
  }

  user(username: string): DirectoryUser | undefined {
    return this.#state.clients.get(username)
  }

  rights(holder: RightsHolder): Rights | undefined {
    if (holder.roles.length > 0 || holder.groups.length > 0) this.#hasGiven = true
    this.#unknownNames.note(holder, this.#state)
    return this.#state.rightsOf(holder)
  }

  /** The file was edited: all hold to what it says from now on. */
  replace(state: SecurityState): void {
    this.#state = state
    this.#version++
  }

  /**
   * Carries out the commands of one message; resolves when what they have changed is safe. Of several messages with many
   * commands each has a part of its own carried out by turns.
   *
   * @throws RightLostError, as a rejection, when the right to it was lost before it began, or between two parts: nothing
   *   more of it is done
   */
  async handle(request: SecurityRequest): Promise<SecurityAnswer> {
    const { requests, fault } = parseBatch(request.payload)
    const { note } = request
    const run = new BatchRun(requests, note !== undefined)
    const parts: Part[] = []
    try {
      do {
        parts.push(await this.#inTurn(() => this.#carryOut(request, run)))
      } while (!run.isDone)
    } finally {
      // What was done is told, though the rest may never be.
      for (const { outcomes, saved } of parts) await noteOutcomes(note, outcomes.map(audited), await saved)
    }
    const responses: string[] = []
    for (const { outcomes, saved } of parts) {
      const isSafe = await saved
      for (const outcome of outcomes) responses.push(isSafe || !outcome.logged ? outcome.text : unsaved(outcome))
    }
    if (fault !== undefined) {
      noteFault(note, fault)
      responses.push(JSON.stringify(fault))
    }
    return { payload: formatResponses(responses), carryOut: () => this.#reassessAsker(request, parts) }
  }

  /** Something that holds is not on the disk. */
  get isUnsaved(): boolean {
    return this.#isUnsaved
  }

  /** Writes again what could not be written. */
  async retry(): Promise<void> {
    if (this.#isUnsaved) await this.#told(this.#parts.keeper.fold())
  }

  /** One part after the other; whatever else there is to do goes between them. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(() => nextTurn()).then(work)
    this.#last = done.catch(() => {})
    return done
  }

  async #carryOut({ clientId, username, isPermitted }: SecurityRequest, run: BatchRun): Promise<Part> {
    // Before the work, and after what may have taken a while.
    checkPermitted(isPermitted)
    await run.hashPasswords()
    checkPermitted(isPermitted)
    const effects = new Effects()
    let addresses: ReadonlyMap<string, readonly string[]> | undefined
    const parts = {
      state: this.#state,
      effects,
      isFull: this.#parts.keeper.isFull,
      log: this.#parts.log,
      requester: `${escapeText(clientId)}/${escapeText(username ?? '')}`,
      addressesOf: (name: string) => {
        addresses ??= this.#host.addresses()
        return addresses.get(name) ?? []
      },
    }
    const outcomes = run.carryOut(parts, () => this.#clock.now())
    const changes = outcomes.flatMap(({ logged }) => (logged === undefined ? [] : [logged]))
    if (changes.length === 0) return { outcomes, effects, saved: Promise.resolve(true) }
    this.#state.changeIndex += changes.length
    this.#version++
    const saved = this.#told(this.#parts.keeper.save(changes))
    this.#reassess(effects, name => name !== username)
    return { outcomes, effects, saved }
  }

  /** What was left for when the answer has gone. */
  #reassessAsker({ username }: SecurityRequest, parts: readonly Part[]): void {
    for (const { effects } of parts) {
      if (this.#hasGiven || effects.concernsName(username)) this.#reassess(effects, name => name === username)
    }
  }

  #reassess(effects: Effects, isMeant: (username: string | undefined) => boolean): void {
    if (effects.isEmpty && !(this.#hasGiven && effects.concernsGiven)) return
    const disconnects = this.#parts.disconnects()
    this.#host.reassess({
      concerns: holder => isMeant(holder.username) && effects.concerns(holder),
      disconnects: holder => disconnects && effects.disconnects(holder),
      ends: username => effects.ends(username),
    })
  }

  /** @returns false when it could not be written; it is tried again */
  async #told(saving: Promise<void>): Promise<boolean> {
    try {
      await saving
      this.#isUnsaved = false
      return true
    } catch (error) {
      this.#isUnsaved = true
      const why = escapeText((error as Error).message, 4096)
      this.#parts.log.write('error', `Error: Dynamic security config could not be written: ${why}`)
      return false
    }
  }
}

/** What was carried out together. */
interface Part {
  readonly outcomes: readonly Outcome[]
  readonly effects: Effects
  readonly saved: Promise<boolean>
}

function audited(outcome: Outcome): AuditedOutcome {
  return { ...outcome, hasChanged: outcome.logged !== undefined }
}

function checkPermitted(isPermitted: () => boolean): void {
  if (!isPermitted()) throw new RightLostError()
}

const nobody: SecurityHost = { reassess: () => {}, addresses: () => new Map() }
