// `castellan rr`, also as `mosquitto_rr`: publishes a request, prints the response that comes on a topic of its own, and ends.

import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../../base/clock.ts'
import { Conversation } from '../../client/conversation.ts'
import { PublishError } from '../../client/errors.ts'
import type { Publish } from '../../mqtt/packet.ts'
import type { Command } from '../verbs.ts'
import { ClientError, type ClientExit, connectionLost, done, failed, timedOut } from './error.ts'
import { MessagePrinter } from './message-printer.ts'
import type { MessageSource } from './options.ts'
import { readPayload } from './payload-source.ts'
import { reasonText } from './reasons.ts'
import { usualInFlight } from './settings.ts'
import { type ClientCall, complainOfRefusal, leave, packetProperties, runClient } from './tool.ts'
import { converse } from './way.ts'

const firstFailure = 0x80
const withWill = 0x04

export const rr: Command = (args, io) =>
  runClient({ tool: 'rr', shown: 'castellan rr', isOld: false }, args, io, request)

export const mosquittoRr: Command = (args, io) =>
  runClient({ tool: 'rr', shown: 'mosquitto_rr', isOld: true }, args, io, request)

async function request(call: ClientCall): Promise<ClientExit> {
  return new Requester(call, await readPayload(call.options.source as MessageSource, call.io)).run()
}

class Requester {
  readonly #call: ClientCall
  readonly #payload: Buffer
  readonly #conversation: Conversation
  readonly #printer: MessagePrinter
  readonly #clock = systemClock()
  readonly #over = new AbortController()
  readonly #tooLate = Promise.withResolvers<'stopped'>()
  #exit: ClientExit = done
  #failure: unknown
  #sentAt = 0

  constructor(call: ClientCall, payload: Buffer) {
    this.#call = call
    this.#payload = payload
    const { options, io, complain } = call
    this.#printer = new MessagePrinter(options, io.stdout, '', complain)
    this.#conversation = new Conversation(call.connect, options.maximumInFlight ?? usualInFlight, {
      trace: call.trace,
      connected: code => this.#connected(code),
      subscribed: (_, [reasonCode = 0]) => this.#subscribed(reasonCode),
      message: message => this.#receive(message),
    })
  }

  async run(): Promise<ClientExit> {
    const { options, complain } = this.#call
    if (options.timeout !== undefined) void this.#timeOut(options.timeout)
    try {
      const ending = await Promise.race([
        converse(options, this.#conversation, false, this.#over.signal),
        this.#tooLate.promise,
      ])
      if (ending === 'dismissed') throw new ClientError('Error: The connection was lost.', connectionLost)
    } finally {
      this.#over.abort()
    }
    if (this.#failure !== undefined) throw this.#failure
    if (this.#exit === timedOut) complain('Timed out')
    return this.#exit
  }

  async #timeOut(seconds: number): Promise<void> {
    try {
      await delay(seconds * 1000, undefined, { signal: this.#over.signal })
    } catch {
      return
    }
    this.#exit = timedOut
    if (this.#conversation.isOpen) leave(this.#conversation, this.#call, withWill)
    else this.#tooLate.resolve('stopped')
  }

  #connected(code: number): void {
    if (code !== 0) {
      this.#exit = complainOfRefusal(this.#call, code)
      leave(this.#conversation, this.#call)
      return
    }
    const { options } = this.#call
    const { responseTopic, qos = 0, retainAsPublished, retainHandling = 0 } = options
    const subscription = {
      topicFilter: responseTopic as string,
      qos,
      noLocal: false,
      retainAsPublished: retainAsPublished === true,
      retainHandling,
    }
    this.#conversation.subscribe([subscription], packetProperties(options, 'subscribe', 'rr'))
  }

  #subscribed(reasonCode: number): void {
    if (reasonCode >= firstFailure) this.#end(failed(reasonText(reasonCode)))
    else this.#ask()
  }

  #ask(): void {
    const { options } = this.#call
    const { responseTopic, topics, qos = 0 } = options
    const properties = { ...packetProperties(options, 'publish', 'rr'), responseTopic: responseTopic as string }
    this.#sentAt = this.#clock.now()
    try {
      this.#conversation.publish(topics[0] as string, this.#payload, qos, false, properties)
    } catch (error) {
      if (!(error instanceof PublishError)) throw error
      this.#end(failed(error.message, error))
    }
  }

  #receive(message: Publish): void {
    const { skipRetained, latency } = this.#call.options
    if (message.retain && skipRetained) return
    this.#printer.print(message)
    if (latency) this.#call.io.stdout.write(`Latency: ${(this.#clock.now() - this.#sentAt).toFixed(6)}ms\n`)
    leave(this.#conversation, this.#call)
  }

  #end(failure: unknown): void {
    this.#failure = failure
    leave(this.#conversation, this.#call)
  }
}
