// What a program says of the messages that it publishes and subscribes to itself.

import type { QoS } from '../mqtt/packet.ts'
import type { Message, MessageProperties } from './message.ts'

export interface PublishOptions {
  /** 0 when left out: then the promise says that the broker has the message, and nothing of where it is kept. */
  readonly qos?: QoS
  readonly retain?: boolean
  readonly properties?: MessageProperties
}

export interface SubscribeOptions {
  /** 0 when left out. */
  readonly qos?: QoS
  /** Messages that may wait for the program, from 1 to 65,535; 100 when left out. */
  readonly maxWaiting?: number
  /** Whether retained messages keep their RETAIN flag when they are published, too (§3.3.1.3). */
  readonly retainAsPublished?: boolean
}

export type MessageHandler = (message: Message) => unknown

/** A subscription: an iteration over its messages, which ends with it. */
export interface Subscription extends AsyncIterable<Message>, AsyncDisposable {
  readonly topicFilter: string
  /** Messages of QoS 0 that there was no room for. */
  readonly dropped: number
  /**
   * The next message; that before it is done with, and is acknowledged. One iteration at a time.
   *
   * @throws RefusedError or ClosedError where the broker has ended the subscription
   */
  next(): Promise<IteratorResult<Message, undefined>>
  /** Ends the subscription and the iteration; messages that wait are given up. */
  close(): void
}
