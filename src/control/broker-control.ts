// The endpoint `$CONTROL/broker/v1`: the commands of one message are carried out one after the other, in one turn, and answered in
// the envelope of dynamic security.

import type { NoteCommand } from '../audit/event.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { CommandArguments } from '../dynsec/arguments.ts'
import { type Change, difference, type Entries, noteFault, noteOutcomes } from '../dynsec/audit-change.ts'
import { type CommandRequest, type CommandResponse, formatResponses, parseBatch } from '../dynsec/batch.ts'
import { CommandError } from '../dynsec/errors.ts'
import type { JsonObject } from '../dynsec/json.ts'
import type { BanFile } from './ban-file.ts'
import { describeBan, readBanned } from './ban-list.ts'
import type { BrokerView } from './broker-view.ts'
import { type ControlContext, changingCommands, findControlCommand } from './commands.ts'

/** Who asks, and for what. */
export interface BrokerControlRequest {
  readonly payload: Uint8Array
  readonly clientId: string
  readonly username: string | undefined
  /** Tells the audit of one command; undefined where nobody wants to know. */
  readonly note?: NoteCommand | undefined
}

export interface BrokerControlAnswer {
  readonly payload: Uint8Array
  /** What has to wait until the answer has left. */
  carryOut(): void
}

/** Characters of JSON after which no further command of a message is carried out. */
const mostAnswerCharacters = 16 * 1024 * 1024

export class BrokerControl {
  readonly #look: () => BrokerView
  readonly #log: Log
  readonly #bans: { readonly file: BanFile; now(): number } | undefined

  /**
   * @param look at the broker, once for each message
   * @param bans undefined where nobody can be banned
   */
  constructor(look: () => BrokerView, log: Log, bans?: { readonly file: BanFile; now(): number }) {
    this.#look = look
    this.#log = log
    this.#bans = bans
  }

  /** Resolves when what was changed is safe. */
  async handle(request: BrokerControlRequest): Promise<BrokerControlAnswer> {
    const { requests, fault } = parseBatch(request.payload)
    const later: (() => void)[] = []
    const isAudited = request.note !== undefined
    const outcomes = this.#runAll(requests, this.#sharedBy(request, later), isAudited)
    const isSafe = !outcomes.some(({ hasChanged }) => hasChanged) || (await this.#save())
    await noteOutcomes(request.note, outcomes, isSafe)
    const responses = outcomes.map(outcome => (isSafe || !outcome.hasChanged ? outcome.text : unsaved(outcome)))
    if (fault !== undefined) {
      noteFault(request.note, fault)
      responses.push(JSON.stringify(fault))
    }
    return {
      payload: formatResponses(responses),
      carryOut() {
        for (const act of later) act()
      },
    }
  }

  #sharedBy({ clientId, username }: BrokerControlRequest, later: (() => void)[]): Shared {
    return {
      broker: this.#look(),
      bans: this.#bans?.file.bans,
      now: this.#bans?.now() ?? 0,
      requester: { clientId, username },
      afterwards: act => later.push(act),
    }
  }

  #runAll(requests: readonly CommandRequest[], shared: Shared, isAudited: boolean): readonly Outcome[] {
    let characters = 0
    return requests.map(request => {
      const isTooMuch = characters >= mostAnswerCharacters
      const before = isAudited ? describeNamed(request.given, shared) : undefined
      const response = isTooMuch ? refused(request, 'Answer too large') : this.#run(request, shared)
      const text = JSON.stringify(response)
      characters += text.length
      const [name] = findControlCommand(request.name) ?? []
      const hasChanged = name !== undefined && changingCommands.has(name) && response.error === undefined
      const change = before && hasChanged ? difference(before, describeNamed(request.given, shared)) : undefined
      return { request, response, text, hasChanged, change }
    })
  }

  #run(request: CommandRequest, shared: Shared): CommandResponse {
    const { name, correlationData, given } = request
    const [knownName, command] = findControlCommand(name) ?? []
    if (command === undefined) return refused(request, 'Unknown command')
    const { clientId = '', username = '' } = shared.requester
    const audit = (details: Readonly<Record<string, string | number>> = {}) => {
      const fields = Object.entries(details).map(([key, value]) => ` | ${key}=${escapeText(String(value))}`)
      const who = `${escapeText(clientId)}/${escapeText(username)}`
      this.#log.write('information', `broker: ${who} | ${knownName}${fields.join('')}`)
    }
    try {
      return { command: name, data: command(new CommandArguments(given), { ...shared, audit }), correlationData }
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      return refused(request, error.message)
    }
  }

  /** @returns false when the file could not be written: what was changed holds until the broker ends */
  async #save(): Promise<boolean> {
    try {
      await this.#bans?.file.save()
      return true
    } catch (error) {
      this.#log.write('error', `Error: ban_file could not be written: ${escapeText((error as Error).message, 4096)}`)
      return false
    }
  }
}

/** What became of one command; the response as JSON. */
interface Outcome {
  readonly request: CommandRequest
  readonly response: CommandResponse
  readonly text: string
  readonly hasChanged: boolean
  readonly change: Change | undefined
}

type Shared = Omit<ControlContext, 'audit'>

/** The ban that a command is about, if it is about one, as it is now. */
function describeNamed(given: JsonObject, { bans }: Shared): Entries {
  try {
    const ban = bans?.get(readBanned(given))
    return { ban: ban && describeBan(ban) }
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    return {}
  }
}

/** Nobody is told that something was done that may be forgotten. */
function unsaved({ request }: Outcome): string {
  return JSON.stringify(refused(request, 'Internal error'))
}

function refused({ name, correlationData }: CommandRequest, error: string): CommandResponse {
  return { command: name, error, correlationData }
}
