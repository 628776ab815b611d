// The endpoint `$CONTROL/broker/v1`: the commands of one message are carried out one after the other, in one turn, and answered in
// the envelope of dynamic security.

import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { CommandArguments } from '../dynsec/arguments.ts'
import { type CommandRequest, type CommandResponse, formatResponses, parseBatch } from '../dynsec/batch.ts'
import { CommandError } from '../dynsec/errors.ts'
import type { BrokerView } from './broker-view.ts'
import { type ControlContext, findControlCommand } from './commands.ts'

/** Who asks, and for what. */
export interface BrokerControlRequest {
  readonly payload: Uint8Array
  readonly clientId: string
  readonly username: string | undefined
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

  /** @param look at the broker, once for each message */
  constructor(look: () => BrokerView, log: Log) {
    this.#look = look
    this.#log = log
  }

  async handle({ payload, clientId, username }: BrokerControlRequest): Promise<BrokerControlAnswer> {
    const { requests, fault } = parseBatch(payload)
    const later: (() => void)[] = []
    const shared = {
      broker: this.#look(),
      requester: `${escapeText(clientId)}/${escapeText(username ?? '')}`,
      afterwards: (act: () => void) => later.push(act),
    }
    const responses: string[] = []
    let characters = 0
    for (const request of requests) {
      const isTooMuch = characters >= mostAnswerCharacters
      const text = JSON.stringify(isTooMuch ? refused(request, 'Answer too large') : this.#run(request, shared))
      responses.push(text)
      characters += text.length
    }
    if (fault !== undefined) responses.push(JSON.stringify(fault))
    return {
      payload: formatResponses(responses),
      carryOut() {
        for (const act of later) act()
      },
    }
  }

  #run(request: CommandRequest, { requester, ...shared }: Shared): CommandResponse {
    const { name, correlationData, given } = request
    const [knownName, command] = findControlCommand(name) ?? []
    if (command === undefined) return refused(request, 'Unknown command')
    const audit = (details: Readonly<Record<string, string | number>> = {}) => {
      const fields = Object.entries(details).map(([key, value]) => ` | ${key}=${escapeText(String(value))}`)
      this.#log.write('information', `broker: ${requester} | ${knownName}${fields.join('')}`)
    }
    try {
      return { command: name, data: command(new CommandArguments(given), { ...shared, audit }), correlationData }
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      return refused(request, error.message)
    }
  }
}

/** What the commands of one message share. */
interface Shared extends Omit<ControlContext, 'audit'> {
  /** As the log names whoever asks. */
  readonly requester: string
}

function refused({ name, correlationData }: CommandRequest, error: string): CommandResponse {
  return { command: name, error, correlationData }
}
