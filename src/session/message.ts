// An application message on its way through the broker: made once per PUBLISH, shared by every session it reaches.

import { noProperties, PacketType, type Properties, type QoS } from '../mqtt/packet.ts'
import { propertiesLength } from '../mqtt/properties.ts'

/** The farthest expiry: never. */
export const neverExpires = Number.POSITIVE_INFINITY

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
  /** What the message counts for in the limits on bytes: payload, topic and properties as on the wire. */
  readonly size: number
  #payload: Uint8Array
  #owned: boolean
  /** @internal The PUBLISH at QoS 0 as every plain subscriber of that version gets it; made by the first of a turn. */
  frame4: Uint8Array | undefined
  /** @internal */
  frame5: Uint8Array | undefined

  /** @param payload may be a view into a receive buffer; `own` copies it before the message is kept past the turn */
  constructor(
    topicName: string,
    payload: Uint8Array,
    qos: QoS,
    retain: boolean,
    publisher: string,
    properties: Properties = noProperties,
    expiresAt: number = neverExpires,
  ) {
    this.topicName = topicName
    this.#payload = payload
    this.#owned = false
    this.qos = qos
    this.retain = retain
    this.publisher = publisher
    this.properties = properties
    this.expiresAt = expiresAt
    this.size = payload.length + Buffer.byteLength(topicName) + propertiesLength(properties, PacketType.publish)
    this.frame4 = undefined
    this.frame5 = undefined
  }

  get payload(): Uint8Array {
    return this.#payload
  }

  /** Makes the message fit to be queued or retained: the payload no longer pins or shares a receive buffer. */
  own(): this {
    if (!this.#owned) {
      this.#payload = Uint8Array.prototype.slice.call(this.#payload)
      this.#owned = true
    }
    return this
  }

  /** The turn that shared the frames is over: whoever keeps the message need not keep them too. */
  dropFrames(): void {
    this.frame4 = undefined
    this.frame5 = undefined
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
