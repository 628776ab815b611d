// What a program has of its broker.

import type { Duplex } from 'node:stream'
import type { AttachedServer, AttachOptions } from './attached-server.ts'
import type { Client } from './client.ts'
import type { BrokerEvents, EventName, ListenerAddress } from './events.ts'
import type { MessageHandler, PublishOptions, SubscribeOptions, Subscription } from './own-messages.ts'

export interface Broker extends AsyncDisposable {
  /** Where the listeners of the options are bound. */
  readonly addresses: readonly ListenerAddress[]
  /** Those that are connected. */
  readonly clients: readonly Client[]
  /**
   * Begins to accept at the listeners of the options. They are bound already: who comes earlier waits.
   *
   * @returns where they are bound
   * @throws ClosedError
   */
  listen(): Promise<readonly ListenerAddress[]>
  /**
   * Takes a stream that the program has accepted: a socket of `node:net` or `node:tls`, or any Duplex of bytes. It needs no `this`:
   * `createServer(broker.handle)`.
   *
   * @throws StreamError, ClosedError
   */
  readonly handle: (stream: Duplex) => void
  /**
   * Takes the connections of a server of the program's, from now on: all of `node:net` and `node:tls`, WebSockets of `node:http` and
   * `node:https`.
   *
   * @returns lets the server go again
   * @throws StreamError, ClosedError
   */
  attach(server: AttachedServer, options?: AttachOptions): () => void
  /**
   * Publishes in the name of the program, which no rule restricts; `$SYS` and `$CONTROL` are the broker's own.
   *
   * @returns resolved, at QoS 1 and 2, when the message is safe in every session and store that it has to reach
   * @throws MessageError, QueueFullError, RefusedError, ClosedError
   */
  publish(topicName: string, payload: string | Uint8Array, options?: PublishOptions): Promise<void>
  /**
   * Subscribes in the name of the program; what is retained comes first.
   *
   * @param handler called with one message after the other, the next when its promise has settled; without it, the subscription is an
   *   iteration
   * @returns when the subscription is there
   * @throws MessageError, RefusedError, ClosedError
   */
  subscribe(topicFilter: string, options?: SubscribeOptions): Promise<Subscription>
  subscribe(topicFilter: string, handler: MessageHandler, options?: SubscribeOptions): Promise<Subscription>
  /** Calls a listener for each event of this name, after the work at hand. */
  on<N extends EventName>(name: N, listener: (event: BrokerEvents[N]) => unknown): this
  once<N extends EventName>(name: N, listener: (event: BrokerEvents[N]) => unknown): this
  off<N extends EventName>(name: N, listener: (event: BrokerEvents[N]) => unknown): this
  /** Asks `authorizePublish` and `authorizeReceive` again about everything that their answers were remembered for. */
  reauthorize(): void
  /**
   * Says goodbye to every client, waits for what was recorded (`shutdown_timeout`) and lets go of everything that keeps the process
   * alive. Servers that were attached stay the program's. Further calls wait for the first.
   */
  close(): Promise<void>
}
