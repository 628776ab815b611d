// `castellan pub`, also as `mosquitto_pub`: publishes one message, several times where that is asked for, or every line of its
// input, and ends when the broker has all.

import { setTimeout as delay } from 'node:timers/promises'
import { escapeText } from '../../base/escape.ts'
import { Conversation } from '../../client/conversation.ts'
import { PublishError } from '../../client/errors.ts'
import type { Properties } from '../../mqtt/packet.ts'
import { exitCode } from '../exit-code.ts'
import type { Command } from '../verbs.ts'
import { ClientError, type ClientExit, done, failed, oldCodes } from './error.ts'
import type { MessageSource } from './options.ts'
import { readLines, readPayload } from './payload-source.ts'
import { reasonText } from './reasons.ts'
import { usualInFlight } from './settings.ts'
import { type ClientCall, complainOfRefusal, leave, packetProperties, runClient } from './tool.ts'
import { converse } from './way.ts'

const firstFailure = 0x80

export const pub: Command = (args, io) =>
  runClient({ tool: 'pub', shown: 'castellan pub', isOld: false }, args, io, publish)

export const mosquittoPub: Command = (args, io) =>
  runClient({ tool: 'pub', shown: 'mosquitto_pub', isOld: true }, args, io, publish)

async function publish(call: ClientCall): Promise<ClientExit> {
  const source = call.options.source as MessageSource
  const publisher = new Publisher(call, source.from === 'lines' ? undefined : await readPayload(source, call.io))
  return publisher.run()
}

class Publisher {
  readonly #call: ClientCall
  readonly #conversation: Conversation
  /** undefined where the lines of the input are. */
  readonly #payload: Buffer | undefined
  #exit: ClientExit = done
  #failure: unknown
  /** Left to be published, this one included. */
  #repeats: number
  /** Published, and not answered. */
  #open = 0
  #isReading = false
  #hasEnded = false
  /** Nothing was published on this connection: the broker does not know the topic alias. */
  #isFirst = true

  constructor(call: ClientCall, payload: Buffer | undefined) {
    this.#call = call
    this.#payload = payload
    this.#repeats = call.options.repeat ?? 1
    this.#conversation = new Conversation(call.connect, call.options.maximumInFlight ?? usualInFlight, {
      trace: call.trace,
      connected: code => this.#connected(code),
      published: (packetId, reasonCode, properties) => this.#published(packetId, reasonCode, properties),
    })
  }

  async run(): Promise<ClientExit> {
    const ending = await converse(this.#call.options, this.#conversation, this.#payload === undefined)
    if (this.#failure !== undefined) throw this.#failure
    if (ending === 'dismissed') throw new ClientError('Error: The client is not currently connected.', dismissed)
    return this.#exit
  }

  #connected(code: number): void {
    if (code !== 0) {
      this.#exit = complainOfRefusal(this.#call, code)
      this.#call.complain('Error: The connection was refused.')
      return
    }
    this.#isFirst = true
    if (this.#payload !== undefined) this.#send(this.#payload)
    else if (this.#hasEnded) this.#leaveWhenAllIsSaid()
    else if (!this.#isReading) void this.#sendLines()
  }

  /** What a broker does not take ends the program: nothing that follows would be taken, either. */
  #send(payload: Buffer): void {
    const { options } = this.#call
    const properties = packetProperties(options, 'publish', 'pub')
    const topic = options.topics[0] as string
    const known = properties.topicAlias !== undefined && !this.#isFirst
    try {
      this.#conversation.publish(known ? '' : topic, payload, options.qos ?? 0, options.retain === true, properties)
      this.#isFirst = false
      this.#open++
    } catch (error) {
      if (!(error instanceof PublishError)) throw error
      this.#end(failed(error.message, error))
    }
  }

  #published(packetId: number, reasonCode: number, properties: Properties): void {
    this.#open--
    if (reasonCode >= firstFailure) {
      this.#call.complain(`Warning: Publish ${packetId} failed: ${reasonText(reasonCode)}.`)
      if (properties.reasonString !== undefined) this.#call.complain(escapeText(properties.reasonString))
    }
    if (this.#payload === undefined) this.#leaveWhenAllIsSaid()
    else if (--this.#repeats > 0) void this.#repeat(this.#payload)
    else leave(this.#conversation, this.#call)
  }

  async #repeat(payload: Buffer): Promise<void> {
    const { repeatDelay = 0 } = this.#call.options
    if (repeatDelay > 0) await delay(repeatDelay * 1000)
    if (this.#conversation.isOpen) this.#send(payload)
  }

  async #sendLines(): Promise<void> {
    this.#isReading = true
    try {
      for await (const line of readLines(this.#call.io)) {
        while (!this.#conversation.isOpen || this.#conversation.isBehind) await this.#conversation.moved()
        this.#send(line)
        if (this.#failure !== undefined) return
      }
      this.#hasEnded = true
      this.#leaveWhenAllIsSaid()
    } catch (error) {
      this.#end(error)
    }
  }

  #leaveWhenAllIsSaid(): void {
    if (this.#hasEnded && this.#open === 0) leave(this.#conversation, this.#call)
  }

  #end(failure: unknown): void {
    this.#failure = failure
    leave(this.#conversation, this.#call)
  }
}

const dismissed: ClientExit = { oldCode: oldCodes.noConnection, code: exitCode.unreachable }
