// An application message on its way through the broker: made once per PUBLISH, shared by every session it reaches.

import { noProperties, PacketType, type Properties, type QoS } from '../mqtt/packet.ts'
import { propertiesLength } from '../mqtt/properties.ts'
import { encodeUtf8String } from '../mqtt/utf8.ts'

/** The farthest expiry: never. */
export const neverExpires = Number.POSITIVE_INFINITY

/** From here on V8 keeps the bytes of an array outside its heap, with an object of its own for them. */
const offHeapFrom = 65
/** Up to here the payload of a message that is kept for long lies in a string. */
const longestPacked = 16 * 1024

/** What a message counts for in the limits on bytes: payload, topic and properties as on the wire. */
export function sizeOfMessage(payloadBytes: number, topicBytes: number, properties: Properties): number {
  const propertyBytes = properties === noProperties ? 0 : propertiesLength(properties, PacketType.publish)
  return payloadBytes + topicBytes + propertyBytes
}

export class Message {
  readonly topicName: string
  /** As published; what a subscriber gets is the lower of this and its subscription's (§3.8.4). */
  readonly qos: QoS
  /** The RETAIN flag as published. */
  readonly retain: boolean
  /** What is forwarded unaltered: payload format, content type, response topic, correlation data, user properties. */
  readonly properties: Properties
  /** Milliseconds on the broker's clock, or `neverExpires`. */
  readonly expiresAt: number
  /** The client id of the publisher, for no-local; `''` for the broker's own messages. */
  readonly publisher: string
  /** See `sizeOfMessage`. */
  readonly size: number
  /**
   * @internal For broker/journal.ts: the message in the store, or 0; how many deliveries there are of it; whether it has a row of
   * its own, besides that of the first.
   */
  recordId = 0
  recordedDeliveries = 0
  isRecordedApart = false
  /**
   * Packed, one character a byte: thousands of kept arrays outside V8's heap, some of which come and go with every message, cost a
   * collection several times what as many strings do.
   */
  #payload: Uint8Array | string
  /** Whether the payload is a copy of its own, and pins nothing else. */
  #owned: boolean
  #held: boolean
  #encodedTopicName: Uint8Array | undefined

  /**
   * @param payload may be a view into a receive buffer; `hold` or `own` copies it before the message is kept past the turn
   * @param encodedTopicName as of the property of that name, where the caller has it
   * @param isHeld whether the payload is fit to be under way already, see `hold`
   */
  constructor(
    topicName: string,
    payload: Uint8Array,
    qos: QoS,
    retain: boolean,
    publisher: string,
    properties: Properties = noProperties,
    expiresAt: number = neverExpires,
    encodedTopicName?: Uint8Array,
    isHeld = false,
  ) {
    this.topicName = topicName
    this.#payload = payload
    this.#owned = false
    this.#held = isHeld
    this.qos = qos
    this.retain = retain
    this.publisher = publisher
    this.properties = properties
    this.expiresAt = expiresAt
    this.#encodedTopicName = encodedTopicName
    const topicBytes = encodedTopicName === undefined ? Buffer.byteLength(topicName) : encodedTopicName.length - 2
    this.size = sizeOfMessage(payload.length, topicBytes, properties)
  }

  /** Made anew each time when the message is owned and of middling size: ask once. */
  get payload(): Uint8Array {
    return unpacked(this.#payload)
  }

  get payloadLength(): number {
    return this.#payload.length
  }

  /** The topic name as on the wire: two bytes of length, then UTF-8. */
  get encodedTopicName(): Uint8Array {
    this.#encodedTopicName ??= encodeUtf8String(this.topicName)
    return this.#encodedTopicName
  }

  /**
   * Makes the message fit to be under way for a while: the payload no longer pins a receive buffer, at most it shares a
   * small block with others that came about the same time.
   */
  hold(): void {
    if (this.#held) return
    this.#payload = Buffer.from(this.payload)
    this.#held = true
  }

  /** Makes the message fit to be queued or retained: the payload pins and shares nothing. */
  own(): this {
    if (!this.#owned) {
      this.#payload = packedCopy(this.payload)
      this.#owned = true
      this.#held = true
    }
    return this
  }

  /** The payload may be kept as it is: what a store has loaded shares blocks, never more of them than were loaded. */
  keepAsIs(): this {
    this.#owned = true
    this.#held = true
    return this
  }

  hasExpired(now: number): boolean {
    return now >= this.expiresAt
  }

  /** Whole seconds of life left, at least 1 while it has not expired [MQTT-3.3.2-6]; undefined when it never expires. */
  secondsLeft(now: number): number | undefined {
    if (this.expiresAt === neverExpires) return undefined
    return Math.max(1, Math.ceil((this.expiresAt - now) / 1000))
  }
}

/** A copy that pins nothing, in the form that costs V8 least to keep. */
export function packedCopy(payload: Uint8Array): Uint8Array | string {
  const { buffer, byteOffset, length } = payload
  if (length < offHeapFrom || length > longestPacked) return Uint8Array.prototype.slice.call(payload)
  return Buffer.from(buffer, byteOffset, length).toString('latin1')
}

export function unpacked(payload: Uint8Array | string): Uint8Array {
  return typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload
}
