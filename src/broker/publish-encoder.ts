// PUBLISH packets for one client: its version, topic aliases, mount point and Maximum Packet Size. Plain QoS 0 copies of a
// message share one frame per version.

import { assert } from '../base/errors.ts'
import { noProperties, type Properties, type ProtocolVersion } from '../mqtt/packet.ts'
import { encodePublish, plainPublishSize, writePlainPublish } from '../mqtt/packets/publish.ts'
import { encodeUtf8String } from '../mqtt/utf8.ts'
import { forwardedProperties } from '../session/forwarded-properties.ts'
import { type Message, neverExpires } from '../session/message.ts'
import type { Delivery } from '../session/outbound.ts'
import type { Transport } from '../session/transport.ts'

export interface PublishEncoderOptions {
  readonly protocolVersion: ProtocolVersion
  /** The client's Maximum Packet Size in bytes, or Infinity. */
  readonly maximumPacketSize: number
  /** The lower of the client's Topic Alias Maximum and ours. */
  readonly topicAliasMaximum: number
  readonly mountPoint: string | undefined
}

export class PublishEncoder {
  readonly #version: ProtocolVersion
  readonly #maximumPacketSize: number
  readonly #topicAliasMaximum: number
  readonly #mountPoint: string | undefined
  /** Made with the first alias. */
  #aliases: Map<string, number> | undefined = undefined

  constructor(options: PublishEncoderOptions) {
    this.#version = options.protocolVersion
    this.#maximumPacketSize = options.maximumPacketSize
    this.#topicAliasMaximum = options.topicAliasMaximum
    this.#mountPoint = options.mountPoint
  }

  /** Whether plain packets of up to `size` bytes can go to the client as they are, and in what version's form. */
  takesPlain(size: number): boolean {
    return this.#mountPoint === undefined && this.#topicAliasMaximum === 0 && size <= this.#maximumPacketSize
  }

  /**
   * Puts the packet into the transport's queue.
   *
   * @returns false when it passes the client's Maximum Packet Size [MQTT-3.1.2-24], or has no name for the client: nothing is sent
   */
  send(transport: Transport, delivery: Delivery, packetId: number, dup: boolean, now: number): boolean {
    const { message } = delivery
    if (this.#isNameless(message.topicName)) return false
    if (this.#sharesFrame(delivery)) return this.#sendFrame(transport, sharedFrame(message, this.#version))
    if (!this.#isWithoutProperties(delivery)) {
      return this.#sendFrame(transport, this.#encode(delivery, packetId, dup, now))
    }
    const topicName = this.#encodedTopicName(message)
    const { qos, retain } = delivery
    const { payload } = message
    const size = plainPublishSize(topicName.length, payload.length, qos, this.#version)
    if (size > this.#maximumPacketSize) return false
    const start = transport.reserve(size)
    const { room } = transport
    const end = writePlainPublish(room, start, topicName, payload, qos, retain, dup, packetId, this.#version)
    // The room was not cleared: a byte left unwritten would disclose what lay there before.
    assert(end === start + size, 'packet was written to its end')
    return true
  }

  #sendFrame(transport: Transport, frame: Uint8Array): boolean {
    if (frame.length > this.#maximumPacketSize) return false
    transport.send(frame)
    return true
  }

  /** Nothing in the packet depends on the client but its version. */
  #sharesFrame(delivery: Delivery): boolean {
    return (
      delivery.qos === 0 &&
      !delivery.retain &&
      this.#mountPoint === undefined &&
      (this.#version < 5 ||
        (this.#topicAliasMaximum === 0 &&
          delivery.subscriptionIdentifiers === undefined &&
          delivery.message.expiresAt === neverExpires))
    )
  }

  #isWithoutProperties(delivery: Delivery): boolean {
    return (
      this.#version < 5 ||
      (this.#topicAliasMaximum === 0 &&
        delivery.subscriptionIdentifiers === undefined &&
        delivery.message.properties === noProperties &&
        delivery.message.expiresAt === neverExpires)
    )
  }

  #encodedTopicName(message: Message): Uint8Array {
    if (this.#mountPoint === undefined) return message.encodedTopicName
    return encodeUtf8String(this.#unmount(message.topicName))
  }

  #encode(delivery: Delivery, packetId: number, dup: boolean, now: number): Uint8Array {
    const { message, qos, retain } = delivery
    const topicName = this.#unmount(message.topicName)
    const known = this.#aliases?.get(topicName)
    const alias = known ?? this.#newAlias()
    const properties = publishProperties(delivery, alias, now)
    const sent = known === undefined ? topicName : ''
    const frame = encodePublish(sent, message.payload, qos, retain, dup, packetId, properties, 5)
    if (known === undefined && alias !== undefined && frame.length <= this.#maximumPacketSize) {
      this.#aliases ??= new Map()
      this.#aliases.set(topicName, alias)
    }
    return frame
  }

  #newAlias(): number | undefined {
    const used = this.#aliases?.size ?? 0
    return used < this.#topicAliasMaximum ? used + 1 : undefined
  }

  /** `a/` is empty below the mount point `a/` (a PUBLISH with such a topic ends connections), and `a`, which `a/#` matches, lies outside. */
  #isNameless(topicName: string): boolean {
    return this.#mountPoint?.startsWith(topicName) === true
  }

  #unmount(topicName: string): string {
    const mountPoint = this.#mountPoint
    if (mountPoint === undefined || !topicName.startsWith(mountPoint)) return topicName
    return topicName.slice(mountPoint.length)
  }
}

/** The message that was framed last, and its plain PUBLISH at QoS 0: most of its subscribers get the same bytes. */
const framed: { message: Message | undefined; upTo4: Uint8Array | undefined; for5: Uint8Array | undefined } = {
  message: undefined,
  upTo4: undefined,
  for5: undefined,
}

function sharedFrame(message: Message, version: ProtocolVersion): Uint8Array {
  if (framed.message !== message) {
    framed.message = message
    framed.upTo4 = undefined
    framed.for5 = undefined
  }
  const { topicName, payload, properties } = message
  if (version === 5) {
    framed.for5 ??= encodePublish(topicName, payload, 0, false, false, 0, properties, 5)
    return framed.for5
  }
  framed.upTo4 ??= encodePublish(topicName, payload, 0, false, false, 0, noProperties, version)
  return framed.upTo4
}

/** The forwarded properties plus those of this hop: alias, remaining life, identifiers. */
function publishProperties(delivery: Delivery, topicAlias: number | undefined, now: number): Properties {
  const { message, subscriptionIdentifiers } = delivery
  const messageExpiryInterval = message.secondsLeft(now)
  if (topicAlias === undefined && messageExpiryInterval === undefined && subscriptionIdentifiers === undefined) {
    return message.properties
  }
  const properties = forwardedProperties(message.properties)
  if (topicAlias !== undefined) properties.topicAlias = topicAlias
  if (messageExpiryInterval !== undefined) properties.messageExpiryInterval = messageExpiryInterval
  if (subscriptionIdentifiers !== undefined) properties.subscriptionIdentifiers = subscriptionIdentifiers
  return properties
}
