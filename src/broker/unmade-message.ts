// Messages that an earlier run has left, as little more than their place in what was read: of the million that a start may find,
// most wait on for somebody who comes much later. One becomes a `Message` when it is asked for.

import type { Properties, QoS } from '../mqtt/packet.ts'
import { Message, neverExpires, sizeOfMessage } from '../session/message.ts'
import type { Delivery } from '../session/outbound.ts'
import type { PutQueued, StoredMessage } from '../store/session-store.ts'
import { Retained, type RetainSource, type UnmadeRetained } from './retained.ts'

const qosBits = 3
const retainBit = 4

/** What all of them have: of a message that never expires. */
class Unmade {
  readonly size: number
  readonly #bytes: ArrayBufferLike
  readonly #start: number
  readonly #length: number
  readonly #flags: number
  readonly #publisher: string
  readonly #properties: Properties

  constructor(row: StoredMessage, properties: Properties) {
    const { payload, qos, retain, publisher } = row
    this.size = sizeOfMessage(payload.length, Buffer.byteLength(row.topicName), properties)
    this.#bytes = payload.buffer
    this.#start = payload.byteOffset
    this.#length = payload.length
    this.#flags = qos | (retain ? retainBit : 0)
    this.#publisher = publisher
    this.#properties = properties
  }

  protected made(topicName: string): Message {
    const payload = new Uint8Array(this.#bytes, this.#start, this.#length)
    const qos = (this.#flags & qosBits) as QoS
    const retain = (this.#flags & retainBit) !== 0
    return restoredMessage({ topicName, payload, qos, retain, publisher: this.#publisher }, this.#properties)
  }
}

/** @param row whose payload may be kept as it is */
export function restoredMessage(
  row: Omit<StoredMessage, 'properties' | 'expiresAt'>,
  properties: Properties,
  expiresAt = neverExpires,
): Message {
  const { topicName, payload, qos, retain, publisher } = row
  return new Message(topicName, payload, qos, retain, publisher, properties, expiresAt, undefined, true).keepAsIs()
}

/** What is retained, and whoever retained it. */
export class UnmadeRetainedMessage extends Unmade implements UnmadeRetained {
  readonly #source: RetainSource

  constructor(row: StoredMessage, properties: Properties, source: RetainSource) {
    super(row, properties)
    this.#source = source
  }

  make(topicName: string): Retained {
    return new Retained(this.made(topicName), this.#source, neverExpires)
  }
}

/** What waits for one session alone. */
export class UnmadeDelivery extends Unmade implements Delivery {
  readonly qos: QoS
  readonly retain: boolean
  readonly subscriptionIdentifiers: readonly number[] | undefined
  sequence: number
  readonly #topicName: string
  readonly #messageId: number
  #message: Message | undefined

  /** @param row with its message */
  constructor(row: PutQueued, stored: StoredMessage, properties: Properties) {
    super(stored, properties)
    this.qos = row.qos
    this.retain = row.retain
    this.subscriptionIdentifiers = row.subscriptionIdentifiers
    this.sequence = row.sequence
    this.#topicName = stored.topicName
    this.#messageId = row.messageId
    this.#message = undefined
  }

  get message(): Message {
    this.#message ??= this.#make()
    return this.#message
  }

  #make(): Message {
    const message = this.made(this.#topicName)
    message.recordId = this.#messageId
    message.recordedDeliveries = 1
    return message
  }
}
