// `castellan sub`, also as `mosquitto_sub`: subscribes, prints what arrives, and ends when it was told to.

import { setTimeout as delay } from 'node:timers/promises'
import { Conversation } from '../../client/conversation.ts'
import type { Publish, SubscriptionRequest } from '../../mqtt/packet.ts'
import { matchesFilter } from '../../topic/name.ts'
import { exitCode } from '../exit-code.ts'
import type { Command } from '../verbs.ts'
import { type ClientExit, done, interrupted, oldCodes, timedOut } from './error.ts'
import { MessagePrinter } from './message-printer.ts'
import { usualInFlight } from './settings.ts'
import { type ClientCall, complainOfRefusal, leave, packetProperties, runClient } from './tool.ts'
import { converse } from './way.ts'

const firstFailure = 0x80
const withWill = 0x04
const nothing = Buffer.alloc(0)
/** The broker said DISCONNECT: Mosquitto's tool ends well. */
const dismissed: ClientExit = { oldCode: oldCodes.ok, code: exitCode.unreachable }

export const sub: Command = (args, io) =>
  runClient({ tool: 'sub', shown: 'castellan sub', isOld: false }, args, io, call => new Subscriber(call).run())

export const mosquittoSub: Command = (args, io) =>
  runClient({ tool: 'sub', shown: 'mosquitto_sub', isOld: true }, args, io, call => new Subscriber(call).run())

class Subscriber {
  readonly #call: ClientCall
  readonly #conversation: Conversation
  readonly #printer: MessagePrinter
  readonly #over = new AbortController()
  #exit: ClientExit = done
  /** The broker has let us in once: from then on a signal is a farewell. */
  #wasConnected = false
  /** Messages are not looked at any more. */
  #isLeaving = false
  #printed = 0
  /** Retained messages that are being removed, and not answered. */
  #removing = 0
  /** A signal, or the end of the time, came before the broker had let us in. */
  readonly #stopped = Promise.withResolvers<'stopped'>()

  constructor(call: ClientCall) {
    this.#call = call
    const { options, io, complain } = call
    this.#printer = new MessagePrinter(options, io.stdout, options.path ?? options.host ?? 'localhost', complain)
    this.#conversation = new Conversation(call.connect, options.maximumInFlight ?? usualInFlight, {
      trace: call.trace,
      connected: code => this.#connected(code),
      subscribed: (packetId, reasonCodes) => this.#subscribed(packetId, reasonCodes),
      message: message => this.#receive(message),
      published: () => this.#removed(),
    })
  }

  async run(): Promise<ClientExit> {
    const { options, io } = this.#call
    const stop = () => this.#stop(done, interrupted)
    // Whoever read our lines has gone: there is nobody to print for.
    io.stdout.on('error', () => this.#leave())
    process.on('SIGINT', stop).on('SIGTERM', stop)
    if (options.timeout !== undefined) void this.#timeOut(options.timeout)
    try {
      const ending = await Promise.race([
        converse(options, this.#conversation, true, this.#over.signal),
        this.#stopped.promise,
      ])
      if (ending === 'dismissed') return dismissed
    } finally {
      this.#over.abort()
      process.off('SIGINT', stop).off('SIGTERM', stop)
    }
    if (this.#exit === timedOut) this.#call.complain('Timed out')
    return this.#exit
  }

  async #timeOut(seconds: number): Promise<void> {
    try {
      await delay(seconds * 1000, undefined, { signal: this.#over.signal })
    } catch {
      return
    }
    this.#stop(timedOut, timedOut)
  }

  /** The will is published: whoever stops a program by a signal may want others to know. */
  #stop(exit: ClientExit, early: ClientExit): void {
    this.#isLeaving = true
    this.#exit = this.#wasConnected ? exit : early
    if (this.#conversation.isOpen) leave(this.#conversation, this.#call, withWill)
    else this.#stopped.resolve('stopped')
  }

  #connected(code: number): void {
    if (code !== 0) {
      this.#exit = complainOfRefusal(this.#call, code)
      leave(this.#conversation, this.#call)
      return
    }
    this.#wasConnected = true
    const { options } = this.#call
    const subscriptions = options.topics.map(topicFilter => this.#subscription(topicFilter))
    if (subscriptions.length > 0) {
      this.#conversation.subscribe(subscriptions, packetProperties(options, 'subscribe', 'sub'))
    }
    for (const filter of options.unsubscribe) {
      this.#conversation.unsubscribe(filter, packetProperties(options, 'unsubscribe', 'sub'))
    }
  }

  #subscription(topicFilter: string): SubscriptionRequest {
    const { qos = 0, retainAsPublished, retainHandling = 0 } = this.#call.options
    return { topicFilter, qos, noLocal: false, retainAsPublished: retainAsPublished === true, retainHandling }
  }

  #subscribed(packetId: number, reasonCodes: readonly number[]): void {
    const { options, trace, complain } = this.#call
    if (!options.quiet) trace?.(`Subscribed (mid: ${packetId}): ${reasonCodes.join(', ')}`)
    if (reasonCodes.every(code => code >= firstFailure)) {
      leave(this.#conversation, this.#call)
      complain('All subscription requests were denied.')
    } else if (options.exitAfterSubscribing) {
      leave(this.#conversation, this.#call)
    }
  }

  #receive(message: Publish): void {
    const { retainedOnly, removeRetained, count } = this.#call.options
    if (this.#isLeaving) return
    if (retainedOnly && !message.retain) {
      this.#leave()
      return
    }
    if (!this.#isWanted(message)) return
    if (removeRetained && message.retain) this.#remove(message.topicName)
    this.#printer.print(message)
    if (++this.#printed === count) this.#leave()
  }

  #isWanted({ retain, topicName }: Publish): boolean {
    const { skipRetained, filterOut } = this.#call.options
    return !(retain && skipRetained) && !filterOut.some(filter => matchesFilter(filter, topicName))
  }

  #remove(topic: string): void {
    this.#removing++
    this.#conversation.publish(topic, nothing, 1, true, {})
  }

  #removed(): void {
    this.#removing--
    if (this.#isLeaving) this.#leave()
  }

  /** When everything is removed that was to be. */
  #leave(): void {
    this.#isLeaving = true
    if (this.#removing === 0) leave(this.#conversation, this.#call)
  }
}
