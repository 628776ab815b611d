// PUBLISH packets for one client: its version, topic aliases, mount point and Maximum Packet Size. Plain QoS 0 copies of a
// message share one frame per version.

import { noProperties, type Properties, type ProtocolVersion } from '../mqtt/packet.ts'
import { encodePublish } from '../mqtt/packets/publish.ts'
import { forwardedProperties } from '../session/forwarded-properties.ts'
import type { Message } from '../session/message.ts'
import type { Delivery } from '../session/outbound.ts'

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
  readonly #aliases = new Map<string, number>()

  constructor(options: PublishEncoderOptions) {
    this.#version = options.protocolVersion
    this.#maximumPacketSize = options.maximumPacketSize
    this.#topicAliasMaximum = options.topicAliasMaximum
    this.#mountPoint = options.mountPoint
  }

  /** @returns the packet, or undefined when it passes the client's Maximum Packet Size [MQTT-3.1.2-24] */
  encode(delivery: Delivery, packetId: number, dup: boolean, now: number): Uint8Array | undefined {
    const frame = this.#isPlain(delivery)
      ? sharedFrame(delivery.message, this.#version)
      : this.#encodeOwn(delivery, packetId, dup, now)
    return frame.length > this.#maximumPacketSize ? undefined : frame
  }

  /** Nothing in the packet depends on the client but its version. */
  #isPlain(delivery: Delivery): boolean {
    return (
      delivery.qos === 0 &&
      !delivery.retain &&
      this.#mountPoint === undefined &&
      (this.#version < 5 ||
        (this.#topicAliasMaximum === 0 &&
          delivery.subscriptionIdentifiers === undefined &&
          delivery.message.expiresAt === Number.POSITIVE_INFINITY))
    )
  }

  #encodeOwn(delivery: Delivery, packetId: number, dup: boolean, now: number): Uint8Array {
    const { message, qos, retain } = delivery
    const topicName = this.#unmount(message.topicName)
    if (this.#version < 5) {
      return encodePublish(topicName, message.payload, qos, retain, dup, packetId, noProperties, this.#version)
    }
    const known = this.#aliases.get(topicName)
    const alias = known ?? this.#newAlias()
    const properties = publishProperties(delivery, alias, now)
    const sent = known === undefined ? topicName : ''
    const frame = encodePublish(sent, message.payload, qos, retain, dup, packetId, properties, 5)
    if (known === undefined && alias !== undefined && frame.length <= this.#maximumPacketSize) {
      this.#aliases.set(topicName, alias)
    }
    return frame
  }

  #newAlias(): number | undefined {
    return this.#aliases.size < this.#topicAliasMaximum ? this.#aliases.size + 1 : undefined
  }

  #unmount(topicName: string): string {
    const mountPoint = this.#mountPoint
    if (mountPoint === undefined || !topicName.startsWith(mountPoint)) return topicName
    return topicName.slice(mountPoint.length)
  }
}

function sharedFrame(message: Message, version: ProtocolVersion): Uint8Array {
  if (version === 5) {
    message.frame5 ??= encodePublish(message.topicName, message.payload, 0, false, false, 0, message.properties, 5)
    return message.frame5
  }
  message.frame4 ??= encodePublish(message.topicName, message.payload, 0, false, false, 0, noProperties, version)
  return message.frame4
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
