// The commands of one message on `$CONTROL/broker/v1` as they are carried out: in their order, and a part at a time, so that whoever
// sends thousands of them keeps nobody else waiting for all.

import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { CommandArguments } from '../dynsec/arguments.ts'
import { type Change, difference, type Entries } from '../dynsec/audit-change.ts'
import type { CommandRequest, CommandResponse } from '../dynsec/batch.ts'
import { CommandError } from '../dynsec/errors.ts'
import type { JsonObject } from '../dynsec/json.ts'
import { describeBan, readBanned } from './ban-list.ts'
import { type ControlContext, changingCommands, findControlCommand } from './commands.ts'

/** What became of one command; the response as JSON. */
export interface Outcome {
  readonly request: CommandRequest
  readonly response: CommandResponse
  readonly text: string
  readonly hasChanged: boolean
  readonly change: Change | undefined
}

/** What the commands of one part have in common. */
export type Shared = Omit<ControlContext, 'audit'>

/** Characters of JSON after which no further command of a message is carried out. */
const mostAnswerCharacters = 16 * 1024 * 1024
const commandsPerPart = 250
/** Milliseconds after which a part ends behind the command that is being carried out. */
const partMs = 5

export class ControlRun {
  readonly #requests: readonly CommandRequest[]
  readonly #isAudited: boolean
  readonly #log: Log
  #done = 0
  #answerCharacters = 0

  constructor(requests: readonly CommandRequest[], isAudited: boolean, log: Log) {
    this.#requests = requests
    this.#isAudited = isAudited
    this.#log = log
  }

  get isDone(): boolean {
    return this.#done >= this.#requests.length
  }

  /**
   * Carries out what comes next.
   *
   * @param now milliseconds of any clock
   */
  carryOut(shared: Shared, now: () => number): readonly Outcome[] {
    const outcomes: Outcome[] = []
    const end = now() + partMs
    for (const request of this.#requests.slice(this.#done, this.#done + commandsPerPart)) {
      outcomes.push(this.#outcomeOf(request, shared))
      this.#done++
      if (now() >= end) break
    }
    return outcomes
  }

  #outcomeOf(request: CommandRequest, shared: Shared): Outcome {
    const isTooMuch = this.#answerCharacters >= mostAnswerCharacters
    const before = this.#isAudited ? describeNamed(request.given, shared) : undefined
    const response = isTooMuch ? refused(request, 'Answer too large') : this.#run(request, shared)
    const text = JSON.stringify(response)
    this.#answerCharacters += text.length
    const [name] = findControlCommand(request.name) ?? []
    const hasChanged = name !== undefined && changingCommands.has(name) && response.error === undefined
    const change = before && hasChanged ? difference(before, describeNamed(request.given, shared)) : undefined
    return { request, response, text, hasChanged, change }
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
}

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
export function unsaved({ request }: Outcome): string {
  return JSON.stringify(refused(request, 'Internal error'))
}

function refused({ name, correlationData }: CommandRequest, error: string): CommandResponse {
  return { command: name, error, correlationData }
}
