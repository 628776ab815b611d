// Dynamic security: who the users are and what they may do, changed by commands while the broker runs. Commands are carried
// out one request after the other, hold at once, and are answered when they are safe on the disk.

import type { NoteCommand } from '../audit/event.ts'
import type { PasswordEntry } from '../auth/password-file.ts'
import type { PasswordHash } from '../auth/password-hash.ts'
import type { DirectoryUser, Rights, RightsHolder, UserDirectory } from '../auth/user-directory.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { CommandArguments } from './arguments.ts'
import { type Change, noteFault, noteOutcomes, Snapshot } from './audit-change.ts'
import { type Batch, type CommandRequest, type CommandResponse, formatResponses, parseBatch } from './batch.ts'
import { CommandContext, type ContextParts } from './command.ts'
import { findCommand } from './commands/table.ts'
import { decoyFor } from './decoy.ts'
import { Effects } from './effects.ts'
import { CommandError, RightLostError } from './errors.ts'
import type { FileWriter } from './file-writer.ts'
import { hashPassword } from './first-start.ts'
import { textOf } from './json.ts'
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
  readonly writer: Pick<FileWriter, 'write'>
  readonly log: Log
  /** Whether clients whose roles change are disconnected, as Mosquitto does, or go on under their new rights. */
  readonly disconnects: () => boolean
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
  #state: SecurityState
  #host: SecurityHost = nobody
  #version = 0
  readonly #unknownNames: UnknownNames
  /** Somebody has come with roles or groups that were given elsewhere. */
  #hasGiven = false
  #decoy: { readonly version: number; readonly hash: PasswordHash } | undefined = undefined
  #isUnsaved = false
  /** Requests that are not answered yet. */
  #underWay = 0
  /** The end of the request before. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(parts: SecurityParts) {
    this.#parts = parts
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
   * Carries out the commands of one message; resolves when what they have changed is safe.
   *
   * @throws RightLostError, as a rejection, when an earlier request has taken away the right to this one; nothing is done
   */
  async handle(request: SecurityRequest): Promise<SecurityAnswer> {
    this.#underWay++
    try {
      const carriedOut = this.#last.then(() => this.#carryOut(request))
      this.#last = carriedOut.catch(() => {})
      return await this.#answer(request, await carriedOut)
    } finally {
      this.#underWay--
    }
  }

  /** Something that holds is not on the disk. */
  get isUnsaved(): boolean {
    return this.#isUnsaved
  }

  /** Whether the file says what holds. */
  get isSettled(): boolean {
    return this.#underWay === 0 && !this.#isUnsaved
  }

  /** Writes again what could not be written. */
  async retry(): Promise<void> {
    if (this.#isUnsaved) await this.#save()
  }

  async #carryOut({ payload, clientId, username, isPermitted, note }: SecurityRequest): Promise<CarriedOut> {
    const batch = parseBatch(payload)
    // Before the work, and after what may have taken minutes.
    checkPermitted(isPermitted)
    const passwords = await hashPasswords(batch)
    checkPermitted(isPermitted)
    const effects = new Effects()
    let addresses: ReadonlyMap<string, readonly string[]> | undefined
    const parts = {
      state: this.#state,
      effects,
      log: this.#parts.log,
      requester: `${escapeText(clientId)}/${escapeText(username ?? '')}`,
      addressesOf: (name: string) => {
        addresses ??= this.#host.addresses()
        return addresses.get(name) ?? []
      },
    }
    const partsOf = (command: CommandRequest) => ({ ...parts, password: passwords.get(command) })
    const outcomes = runAll(batch.requests, partsOf, note !== undefined)
    const changes = outcomes.filter(({ hasChanged }) => hasChanged).length
    if (changes > 0) {
      this.#state.changeIndex += changes
      this.#version++
      this.#reassess(effects, name => name !== username)
    }
    return { batch, outcomes, effects, hasChanged: changes > 0 }
  }

  async #answer({ username, note }: SecurityRequest, done: CarriedOut): Promise<SecurityAnswer> {
    const { batch, effects, hasChanged } = done
    const isSafe = !hasChanged || (await this.#save())
    await noteOutcomes(note, done.outcomes, isSafe)
    if (batch.fault !== undefined) noteFault(note, batch.fault)
    const responses = done.outcomes.map(outcome => (isSafe || !outcome.hasChanged ? outcome.text : unsaved(outcome)))
    return {
      payload: formatResponses(batch.fault ? [...responses, JSON.stringify(batch.fault)] : responses),
      carryOut: () => {
        if (this.#hasGiven || effects.concernsName(username)) this.#reassess(effects, name => name === username)
      },
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

  /** @returns false when the file could not be written; it is tried again */
  async #save(): Promise<boolean> {
    try {
      await this.#parts.writer.write()
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

/** What became of one command. */
interface Outcome {
  readonly request: CommandRequest
  readonly response: CommandResponse
  /** The response as JSON. */
  readonly text: string
  readonly hasChanged: boolean
  /** For the audit, where there is one. */
  readonly change?: Change | undefined
}

/** Characters of JSON after which no further command of a message is carried out: thousands could ask for all clients each. */
const mostAnswerCharacters = 16 * 1024 * 1024

interface CarriedOut {
  readonly batch: Batch
  readonly outcomes: readonly Outcome[]
  readonly effects: Effects
  readonly hasChanged: boolean
}

function runAll(
  requests: readonly CommandRequest[],
  partsOf: (request: CommandRequest) => ContextParts,
  isAudited: boolean,
): Outcome[] {
  let characters = 0
  return requests.map(request => {
    const outcome =
      characters < mostAnswerCharacters
        ? run(request, partsOf(request), isAudited)
        : refused(request, 'Answer too large')
    characters += outcome.text.length
    return outcome
  })
}

function run(request: CommandRequest, parts: ContextParts, isAudited: boolean): Outcome {
  const { name, correlationData, given } = request
  const known = findCommand(name)
  if (known === undefined) return refused(request, 'Unknown command')
  const { changes } = known.command
  const before = isAudited && changes ? new Snapshot(parts.state, given) : undefined
  try {
    const data = known.command.run(new CommandArguments(given), new CommandContext(parts, known.name))
    return { ...outcomeOf(request, { command: name, data, correlationData }, changes), change: before?.change() }
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    return refused(request, error.message)
  }
}

function refused(request: CommandRequest, error: string): Outcome {
  const { name, correlationData } = request
  return outcomeOf(request, { command: name, error, correlationData }, false)
}

function outcomeOf(request: CommandRequest, response: CommandResponse, hasChanged: boolean): Outcome {
  return { request, response, text: JSON.stringify(response), hasChanged }
}

function checkPermitted(isPermitted: () => boolean): void {
  if (!isPermitted()) throw new RightLostError()
}

/** It holds, but may be forgotten: nobody is told that it was done. */
function unsaved({ response: { command, correlationData } }: Outcome): string {
  return JSON.stringify({ command, error: 'Internal error', correlationData } satisfies CommandResponse)
}

/** Off the event loop, before the commands are carried out: nothing comes between these then. */
async function hashPasswords({ requests }: Batch): Promise<ReadonlyMap<CommandRequest, PasswordEntry>> {
  const passwords = new Map<CommandRequest, PasswordEntry>()
  for (const request of requests) {
    const password = textOf(request.given, 'password')
    const takesOne = findCommand(request.name)?.command.takesPassword === true
    if (takesOne && password !== undefined && password !== '') passwords.set(request, await hashPassword(password))
  }
  return passwords
}

const nobody: SecurityHost = { reassess: () => {}, addresses: () => new Map() }
