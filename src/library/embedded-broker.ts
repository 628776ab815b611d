// The broker as an object of the program around it.

import type { Duplex } from 'node:stream'
import type { AuditTrail } from '../audit/trail.ts'
import { type AppError, assert } from '../base/errors.ts'
import type { BrokerLog } from '../observe/broker-log.ts'
import { closeAudit, noteStop } from '../server/audit.ts'
import type { CertificateService } from '../server/certificate-service.ts'
import type { RunningBroker } from '../server/running-broker.ts'
import type { AttachedServer, AttachOptions } from './attached-server.ts'
import type { Broker } from './broker.ts'
import type { Client } from './client.ts'
import type { Configuration } from './configuration.ts'
import { ClosedError } from './errors.ts'
import type { BrokerEvents, EventName, ListenerAddress } from './events.ts'
import { HookedConnection } from './hooked-connection.ts'
import type { TakeStream } from './in-process-client.ts'
import { messageOf } from './message.ts'
import type { MessageHandler, PublishOptions, SubscribeOptions, Subscription } from './own-messages.ts'
import type { Program } from './program.ts'
import { Publisher, packetOf } from './publisher.ts'
import { attachServer, type Doors, streamOf } from './servers.ts'
import { InProcessSubscription } from './subscription.ts'

/** What a broker is made of; `start.ts` puts it together. */
export interface BrokerParts {
  readonly configuration: Configuration
  readonly program: Program
  readonly log: BrokerLog
  readonly running: RunningBroker
  readonly audit: AuditTrail | undefined
  readonly certificates: CertificateService | undefined
}

export class EmbeddedBroker implements Broker {
  readonly #parts: BrokerParts
  readonly #doors: Doors
  /** The program's own. */
  readonly #take: TakeStream
  readonly #publisher: Publisher
  readonly #subscriptions = new Set<InProcessSubscription>()
  readonly #detach = new Set<() => void>()
  #closing: Promise<void> | undefined = undefined

  constructor(parts: BrokerParts) {
    this.#parts = parts
    const { own, given, givenWebSocket } = parts.configuration
    const [ownListener, mqtt, webSocket] = [own, given, givenWebSocket].map(settings => {
      const open = parts.running.listeners.find(({ context }) => context.settings === settings)
      assert(open !== undefined, 'the listeners without an address are opened with the others')
      open.listener.start()
      return open.listener
    })
    this.#doors = {
      mqtt: stream => mqtt?.take?.(stream),
      webSocket: (stream, request) => webSocket?.take?.(stream, request),
    }
    this.#take = stream => ownListener?.take?.(stream)
    this.#publisher = new Publisher(this.#take)
  }

  get addresses(): readonly ListenerAddress[] {
    return this.#bound.map(({ settings, port }) => ({ port, address: settings.address, path: settings.path }))
  }

  get clients(): readonly Client[] {
    const { connections } = this.#parts.running.broker
    return [...connections].flatMap(connection =>
      connection instanceof HookedConnection && connection.state === 'connected' && connection.client !== undefined
        ? [connection.client]
        : [],
    )
  }

  async listen(): Promise<readonly ListenerAddress[]> {
    this.#checkOpen()
    for (const listener of this.#bound) listener.start()
    const { addresses } = this
    this.#parts.program.events.emit('listening', { addresses })
    return addresses
  }

  readonly handle = (stream: Duplex): void => {
    this.#checkOpen()
    const accepted = streamOf(stream)
    // Of one that has closed already nothing more would be heard.
    if (!accepted.isDestroyed) this.#doors.mqtt(accepted)
  }

  attach(server: AttachedServer, options: AttachOptions = {}): () => void {
    this.#checkOpen()
    const detach = attachServer(server, options, this.#doors)
    this.#detach.add(detach)
    return () => {
      this.#detach.delete(detach)
      detach()
    }
  }

  async publish(topicName: string, payload: string | Uint8Array, options?: PublishOptions): Promise<void> {
    const packet = packetOf(topicName, payload, options)
    await this.#publisher.publish(packet)
    const { events } = this.#parts.program
    if (!events.isAwaited('published')) return
    events.emit('published', { client: undefined, message: messageOf(packet, topicName) })
  }

  subscribe(topicFilter: string, options?: SubscribeOptions): Promise<Subscription>
  subscribe(topicFilter: string, handler: MessageHandler, options?: SubscribeOptions): Promise<Subscription>
  async subscribe(
    topicFilter: string,
    first?: MessageHandler | SubscribeOptions,
    second?: SubscribeOptions,
  ): Promise<Subscription> {
    this.#checkOpen()
    const handler = typeof first === 'function' ? first : undefined
    const options = handler === undefined ? (first as SubscribeOptions | undefined) : second
    const subscription = await InProcessSubscription.open(this.#take, topicFilter, options)
    this.#subscriptions.add(subscription)
    subscription.onEnd = () => this.#subscriptions.delete(subscription)
    if (handler !== undefined) this.#deliver(subscription, handler)
    return subscription
  }

  on<N extends EventName>(name: N, listener: (event: BrokerEvents[N]) => unknown): this {
    this.#parts.program.events.on(name, listener)
    return this
  }

  once<N extends EventName>(name: N, listener: (event: BrokerEvents[N]) => unknown): this {
    this.#parts.program.events.once(name, listener)
    return this
  }

  off<N extends EventName>(name: N, listener: (event: BrokerEvents[N]) => unknown): this {
    this.#parts.program.events.off(name, listener)
    return this
  }

  reauthorize(): void {
    const { running, program } = this.#parts
    setImmediate(() => {
      program.answersVersion++
      running.broker.reconfigure(running.broker.settings)
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** @internal The store is gone: nothing can be acknowledged any more. */
  storeLost(error: AppError): void {
    this.#parts.program.events.emit('error', { error })
    this.#closing ??= this.#end(() => this.#parts.running.abandon().then(() => 'unsaved'), error.message)
  }

  get #bound() {
    const { configuration, running } = this.#parts
    const { own, given, givenWebSocket } = configuration
    const unbound = [own, given, givenWebSocket]
    return running.listeners
      .filter(({ context }) => !unbound.includes(context.settings as typeof own))
      .map(({ listener }) => listener)
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new ClosedError()
  }

  #deliver(subscription: InProcessSubscription, handler: MessageHandler): void {
    const { calls, events } = this.#parts.program
    const failed = (error: unknown) => calls.complain(`The handler of '${subscription.topicFilter}'`, error)
    subscription.deliver(handler, failed).catch((error: AppError) => {
      if (!(error instanceof ClosedError)) events.emit('error', { error })
    })
  }

  #close(): Promise<void> {
    const { running } = this.#parts
    return this.#end(() => running.stop(running.config.global.shutdown_timeout * 1000), 'the program')
  }

  /** @param why for the audit */
  async #end(stop: () => Promise<'stopped' | 'unsaved'>, why: string): Promise<void> {
    const { certificates, audit, log, program, running } = this.#parts
    for (const detach of this.#detach) detach()
    this.#detach.clear()
    this.#publisher.close()
    for (const subscription of this.#subscriptions) subscription.close()
    // From within a hook it is asked for in the midst of the engine's work.
    await new Promise<void>(resolve => void setImmediate(resolve))
    const outcome = await stop()
    certificates?.close()
    noteStop(audit, why)
    await closeAudit(audit)
    log.flush()
    log.configure({ ...running.config.global, log_dest: [] })
    program.events.emit('close', { isSaved: outcome === 'stopped' })
  }
}
