// One command to a broker and its answer: the topic of responses is subscribed to first, and of the answers that come there,
// which others get too, only the one is taken that bears the mark of the question.

import { randomBytes, randomUUID } from 'node:crypto'
import { UnreachableError } from '../../client/errors.ts'
import { MqttClient } from '../../client/mqtt-client.ts'
import { isObject, type JsonObject, member, objectsOf, textOf } from '../../dynsec/json.ts'
import type { Access } from './request.ts'

export interface Login extends Access {
  /** undefined for another one each time. */
  readonly clientId: string | undefined
  readonly cleanStart: boolean
}

/**
 * Asks a broker.
 *
 * @param command with what it is given
 * @returns the response as it came, without the mark; with an `error` when the command was not carried out
 * @throws UnreachableError
 * @throws RefusedError when the broker does not take the question
 */
export async function ask(login: Login, topic: string, command: JsonObject & { command: string }): Promise<JsonObject> {
  const client = await open(login)
  try {
    await client.subscribe(`${topic}/response`, login.qos)
    const mark = randomUUID()
    const question = { commands: [{ ...command, correlationData: mark }] }
    client.publish(topic, Buffer.from(JSON.stringify(question)), login.qos)
    for (;;) {
      const { payload } = await client.nextMessage()
      const response = responseOf(payload, mark, command.command)
      if (response !== undefined) return response
    }
  } finally {
    client.close()
  }
}

/**
 * Logs in, and goes.
 *
 * @throws UnreachableError
 * @throws RefusedError when the broker does not let in
 */
export async function tryLogin(login: Login): Promise<void> {
  const client = await open(login)
  client.close()
}

function open({ target, password, clientId, ...rest }: Login): Promise<MqttClient> {
  const bytes = password === undefined ? undefined : Buffer.from(password)
  return MqttClient.open(target, { ...rest, password: bytes, clientId: clientId ?? madeUpId() })
}

/** 3.1 demands one, of 23 characters at most (3.1 §3.1). */
function madeUpId(): string {
  return `ctl-${randomBytes(8).toString('hex')}`
}

/** @returns undefined for what answers another question */
function responseOf(payload: Uint8Array, mark: string, command: string): JsonObject | undefined {
  const answer = parse(payload)
  // What a broker says who has nothing there bears no mark, and is sent to nobody else.
  const refusal = textOf(answer, 'error')
  if (refusal !== undefined) return { command, error: refusal }
  const own = objectsOf(answer, 'responses').find(response => member(response, 'correlationData') === mark)
  if (own === undefined) return undefined
  const { correlationData: _, ...response } = own
  return response
}

function parse(payload: Uint8Array): JsonObject {
  try {
    const answer: unknown = JSON.parse(Buffer.from(payload).toString())
    if (isObject(answer)) return answer
  } catch (cause) {
    throw new UnreachableError('Error: The broker sent an answer that is not JSON.', { cause })
  }
  throw new UnreachableError('Error: The broker sent an answer that is no JSON object.')
}
