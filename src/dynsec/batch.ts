// The envelope of control messages: what commands one holds, as far as it can be told, and how the answers go back.

import { isUtf8 } from 'node:buffer'
import { isObject, type JsonObject, member, textOf } from './json.ts'

/** One command as it was sent. */
export interface CommandRequest {
  readonly name: string
  readonly correlationData: string | undefined
  readonly given: JsonObject
}

/** What is left out is not in the answer. */
export interface CommandResponse {
  readonly command: string
  readonly data?: JsonObject | undefined
  readonly error?: string | undefined
  readonly correlationData?: string | undefined
}

export interface Batch {
  /** Up to the first that is none. */
  readonly requests: readonly CommandRequest[]
  /** What the rest is answered with; undefined when all are commands. */
  readonly fault: CommandResponse | undefined
}

/** Commands in one message: they are carried out in one turn. */
const mostCommands = 10_000

export function parseBatch(payload: Uint8Array): Batch {
  const content = parseJson(payload)
  if (content === undefined) return faulty([], 'Payload not valid JSON')
  const commands = isObject(content) ? member(content, 'commands') : undefined
  if (!Array.isArray(commands)) return faulty([], 'Invalid/missing commands')
  if (commands.length > mostCommands) return faulty([], 'Too many commands')
  const requests: CommandRequest[] = []
  for (const given of commands) {
    if (!isObject(given)) return faulty(requests, 'Command not an object')
    const name = textOf(given, 'command')
    if (name === undefined) return faulty(requests, 'Missing command')
    const correlationData = member(given, 'correlationData')
    if (correlationData !== undefined && typeof correlationData !== 'string') {
      return { requests, fault: { command: name, error: 'Invalid correlationData data type.' } }
    }
    requests.push({ name, correlationData, given })
  }
  return { requests, fault: undefined }
}

/** @param responses as JSON */
export function formatResponses(responses: readonly string[]): Uint8Array {
  return Buffer.from(`{"responses":[${responses.join(',')}]}`)
}

function faulty(requests: readonly CommandRequest[], error: string): Batch {
  return { requests, fault: { command: 'Unknown command', error } }
}

function parseJson(payload: Uint8Array): unknown {
  if (!isUtf8(payload)) return undefined
  try {
    return JSON.parse(Buffer.from(payload).toString())
  } catch {
    return undefined
  }
}
