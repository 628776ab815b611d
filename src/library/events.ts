// What happens in the broker, told to whoever listens: in order, and after the work at hand, so that no listener runs in the midst
// of it. One that throws is named in the log, and keeps nothing from the others.

import { EventEmitter } from 'node:events'
import type { AppError } from '../base/errors.ts'
import type { ProtocolVersion, QoS } from '../mqtt/packet.ts'
import type { Client } from './client.ts'
import type { Message } from './message.ts'

export interface ListenerAddress {
  /** The TCP port that is bound; 0 for a unix socket. */
  readonly port: number
  /** As in the options; undefined for all of the machine's. */
  readonly address: string | undefined
  /** Of a unix socket. */
  readonly path: string | undefined
}

export interface GrantedSubscription {
  readonly topicFilter: string
  /** What was granted; from 0x80 on why it was refused (§3.9.3). */
  readonly reasonCode: number
}

/** By name; each listener is given one object. */
export interface BrokerEvents {
  /** The listeners of the options accept. */
  listening: { readonly addresses: readonly ListenerAddress[] }
  /** A client was let in, and is told so. */
  clientConnect: { readonly client: Client; readonly sessionPresent: boolean }
  /** A client that was in has gone. */
  clientDisconnect: {
    readonly client: Client
    /** Why the broker has ended the connection (§3.14.2.1); undefined where the other side has. */
    readonly reasonCode: number | undefined
  }
  /** A session has ended, and nothing of it is left: with its connection, by its expiry, or by somebody who began anew. */
  sessionEnd: { readonly clientId: string; readonly username: string | undefined }
  /** A CONNECT was refused. */
  clientRefused: {
    readonly clientId: string
    readonly username: string | undefined
    readonly address: string
    readonly protocolVersion: ProtocolVersion
    readonly reasonCode: number
  }
  /** A peer has broken MQTT, and its connection ends. */
  clientError: {
    /** undefined before it was let in. */
    readonly client: Client | undefined
    readonly address: string
    readonly error: AppError
  }
  subscribe: { readonly client: Client; readonly subscriptions: readonly GrantedSubscription[] }
  unsubscribe: { readonly client: Client; readonly topicFilters: readonly string[] }
  /** A message was accepted and handed to its subscribers. */
  published: {
    /** undefined for a message of the program itself. */
    readonly client: Client | undefined
    readonly message: Message
  }
  /** A client has acknowledged a message of QoS 1 or 2. */
  acknowledged: { readonly client: Client; readonly topicName: string; readonly qos: QoS }
  /** Something of the broker has failed, and not of a client: a store that is lost ends the broker. */
  error: { readonly error: AppError }
  /** The broker has closed. */
  close: { readonly isSaved: boolean }
}

export type EventName = keyof BrokerEvents

type Listener = (event: never) => unknown

export class Events {
  readonly #emitter = new EventEmitter()
  readonly #failed: (name: EventName, error: unknown) => void
  readonly #waiting: { readonly name: EventName; readonly event: unknown }[] = []

  /** @param failed is told of a listener that throws */
  constructor(failed: (name: EventName, error: unknown) => void) {
    this.#failed = failed
  }

  on(name: EventName, listener: Listener): void {
    this.#emitter.on(name, listener as () => void)
  }

  once(name: EventName, listener: Listener): void {
    this.#emitter.once(name, listener as () => void)
  }

  off(name: EventName, listener: Listener): void {
    this.#emitter.off(name, listener as () => void)
  }

  /** Ask before making an event of what happens often. */
  isAwaited(name: EventName): boolean {
    return this.#emitter.listenerCount(name) > 0
  }

  emit<N extends EventName>(name: N, event: BrokerEvents[N]): void {
    if (!this.isAwaited(name)) return
    this.#waiting.push({ name, event })
    if (this.#waiting.length === 1) queueMicrotask(() => this.#deliver())
  }

  #deliver(): void {
    for (const { name, event } of this.#waiting.splice(0)) {
      for (const listener of this.#emitter.rawListeners(name))
        this.#tell(name, () => Reflect.apply(listener, this.#emitter, [event]))
    }
  }

  #tell(name: EventName, call: () => unknown): void {
    try {
      const outcome = call()
      if (outcome instanceof Promise) outcome.catch((error: unknown) => this.#failed(name, error))
    } catch (error) {
      this.#failed(name, error)
    }
  }
}
