// What passes between the two brokers, packet by packet: a PUBLISH under the other's topic, everything else as it is. Packet ids
// go through unchanged, so whatever either session remembers of an exchange stays true, and nothing is acknowledged on one
// side before it is on the other (decision 25).

import { encodePacket } from '../mqtt/codec.ts'
import {
  type Acknowledgement,
  noProperties,
  PacketType,
  type Properties,
  type ProtocolVersion,
  type Publish,
  type QoS,
} from '../mqtt/packet.ts'
import { shortAcknowledgementSize, writeShortAcknowledgement } from '../mqtt/packets/acknowledgement.ts'
import { encodePublish } from '../mqtt/packets/publish.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import { forwardedProperties } from '../session/forwarded-properties.ts'
import { InboundAliases } from '../session/inbound.ts'
import { PacketIdSet } from '../session/packet-id-set.ts'
import { levelCount, topicNameFault } from '../topic/name.ts'
import { BridgeError } from './errors.ts'
import type { LocalLimits } from './host.ts'
import { OutgoingAliases } from './outgoing-aliases.ts'
import type { TopicMap } from './topic-map.ts'

/** Answers that the other broker can wait for: it has no more packet ids. */
export const mostAnswers = 65_535

/** What holds for one connection. */
export interface RelayTerms {
  readonly version: ProtocolVersion
  readonly topics: TopicMap
  readonly limits: LocalLimits
  /** Whether outgoing messages keep their retain flag. */
  readonly keepsRetain: boolean
  /** Bytes of a packet that the other broker takes. */
  readonly maximumPacketSize: number
  readonly maximumQoS: QoS
  /** Topic aliases to the other broker, and from it. */
  readonly outgoingAliases: number
  readonly incomingAliases: number
  /** Whether the other broker has begun a new session: what is sent again is new to it. */
  readonly isRemoteNew: boolean
  readonly memory: RelayMemory
}

/** What one connection leaves for the next. */
export interface RelayMemory {
  /**
   * Packet ids that the other broker surely knows nothing of any more; undefined where no id can be of an exchange that this
   * broker has forgotten.
   */
  released: PacketIdSet | undefined
}

export interface RelayEnds {
  toLocal(bytes: Buffer): void
  toRemote(bytes: Buffer): void
  /** A message went no further. */
  dropped(direction: 'to' | 'from', packet: Publish, why: string): void
}

export class Relay {
  readonly #terms: RelayTerms
  readonly #ends: RelayEnds
  readonly #outgoing: OutgoingAliases
  readonly #incoming: InboundAliases
  /** Exchanges of QoS 2 that this broker has begun and that end here, once it sends PUBREL. */
  readonly #settled = new PacketIdSet()
  /** The same of the other broker's: their messages were not for this one. */
  readonly #refused = new PacketIdSet()
  /** Exchanges of QoS 2 here that are of QoS 1 there. */
  readonly #lowered = new PacketIdSet()
  /** Messages of the other broker that this one was given above QoS 0, and how many of them it has answered. */
  #given = 0
  #answered = 0
  /** Answers to messages that went no further: each waits for those to the messages before it [MQTT-4.6.0-2] [MQTT-4.6.0-3]. */
  readonly #refusals: { readonly behind: number; readonly bytes: Buffer }[] = []

  constructor(terms: RelayTerms, ends: RelayEnds) {
    this.#terms = terms
    this.#ends = ends
    this.#outgoing = new OutgoingAliases(terms.outgoingAliases)
    this.#incoming = new InboundAliases(terms.incomingAliases)
  }

  publishFromLocal(packet: Publish): void {
    const { topics, version, keepsRetain, maximumPacketSize, isRemoteNew } = this.#terms
    const topicName = topics.toRemote(packet.topicName)
    if (topicName === undefined) {
      this.#dropOutgoing(packet, 'its topic is not shared')
      return
    }
    const { payload, packetId } = packet
    const qos = Math.min(packet.qos, this.#terms.maximumQoS) as QoS
    const retain = packet.retain && keepsRetain
    const dup = packet.dup && qos > 0 && !isRemoteNew
    const alias = this.#outgoing.find(topicName)
    const name = alias?.isKnown === true ? '' : topicName
    const properties = outgoing(packet.properties, alias?.number)
    const bytes = encodePublish(name, payload, qos, retain, dup, packetId, properties, version)
    if (bytes.length > maximumPacketSize) {
      this.#dropOutgoing(
        packet,
        `its ${bytes.length} bytes are more than the ${maximumPacketSize} that are taken there`,
      )
      return
    }
    this.#outgoing.sent(topicName)
    if (qos === 2) this.#release(packetId, dup)
    this.#ends.toRemote(bytes)
    if (qos === packet.qos) return
    if (qos === 1) this.#lowered.add(packetId)
    else this.#settle(packet)
  }

  acknowledgementFromLocal(packet: Acknowledgement): void {
    const { type, packetId, reasonCode } = packet
    if (type === PacketType.pubrel && this.#settled.delete(packetId)) {
      this.#ends.toLocal(this.#encode(PacketType.pubcomp, packetId))
      return
    }
    // It is not taken now, and would not be sent again if the other broker heard so: the next connection brings it again.
    if (reasonCode === ReasonCode.quotaExceeded) throw new BridgeError('this broker takes no messages at present')
    this.#ends.toRemote(this.#encode(type, packetId, reasonCode))
    if (type !== PacketType.puback && type !== PacketType.pubrec) return
    this.#answered++
    this.#sendRefusals()
  }

  #sendRefusals(): void {
    while (this.#refusals[0] !== undefined && this.#refusals[0].behind <= this.#answered) {
      this.#ends.toRemote((this.#refusals.shift() as { bytes: Buffer }).bytes)
    }
  }

  /** @throws AppError for a topic alias or name that is none, and for a flood of messages that nobody here has asked for */
  publishFromRemote(packet: Publish): void {
    const name = this.#incoming.resolve(packet)
    const topicName = this.#terms.topics.toLocal(name)
    const why = topicName === undefined ? 'its topic is not shared' : this.#faultOf(packet, topicName)
    if (topicName === undefined || why !== undefined) {
      this.#dropIncoming({ ...packet, topicName: name }, why ?? '')
      return
    }
    const { version, limits } = this.#terms
    const { payload, qos, dup, packetId } = packet
    const retain = packet.retain && limits.retain_available
    const properties = outgoing(packet.properties, undefined)
    const bytes = encodePublish(topicName, payload, qos, retain, dup, packetId, properties, version)
    if (bytes.length > limits.max_packet_size) {
      this.#dropIncoming({ ...packet, topicName: name }, 'max_packet_size')
      return
    }
    if (qos > 0) this.#given++
    this.#ends.toLocal(bytes)
  }

  acknowledgementFromRemote({ type, packetId, reasonCode }: Acknowledgement): void {
    if (type === PacketType.pubrel && this.#refused.delete(packetId)) {
      this.#ends.toRemote(this.#encode(PacketType.pubcomp, packetId))
    } else if (type === PacketType.puback && this.#lowered.delete(packetId)) {
      this.#settled.add(packetId)
      this.#ends.toLocal(this.#encode(PacketType.pubrec, packetId))
    } else {
      this.#ends.toLocal(this.#encode(type, packetId, reasonCode))
    }
  }

  /** What this broker would end the connection for, and meet again with the next one. */
  #faultOf({ properties }: Publish, topicName: string): string | undefined {
    if (levelCount(topicName) > this.#terms.limits.max_topic_levels) return 'max_topic_levels'
    const { responseTopic } = properties
    return responseTopic === undefined ? undefined : topicNameFault(responseTopic)
  }

  #dropOutgoing(packet: Publish, why: string): void {
    this.#ends.dropped('to', packet, why)
    this.#settle(packet)
  }

  /** Answers in the other broker's stead. */
  #settle({ qos, packetId }: Publish): void {
    if (qos === 0) return
    if (qos === 2) this.#settled.add(packetId)
    this.#ends.toLocal(this.#encode(qos === 1 ? PacketType.puback : PacketType.pubrec, packetId))
  }

  #dropIncoming(packet: Publish, why: string): void {
    const { qos, packetId } = packet
    this.#ends.dropped('from', packet, why)
    if (qos === 0) return
    if (qos === 2) this.#refused.add(packetId)
    const bytes = this.#encode(qos === 1 ? PacketType.puback : PacketType.pubrec, packetId)
    if (this.#refusals.length === mostAnswers) throw new BridgeError('it sends on, though nothing has been answered')
    this.#refusals.push({ behind: this.#given, bytes })
    this.#sendRefusals()
  }

  /**
   * An exchange of this packet id that this broker knows nothing of any more would make the other one take a new message for one
   * that it has. PUBREL ends it; the PUBCOMP that answers is for an exchange that has not come so far, and is ignored.
   */
  #release(packetId: number, isKnownThere: boolean): void {
    const { released } = this.#terms.memory
    if (released === undefined || released.has(packetId)) return
    released.add(packetId)
    if (!isKnownThere) this.#ends.toRemote(this.#encode(PacketType.pubrel, packetId))
  }

  #encode(type: Acknowledgement['type'], packetId: number, reasonCode: number = ReasonCode.success): Buffer {
    if (reasonCode === ReasonCode.success) {
      const bytes = Buffer.allocUnsafe(shortAcknowledgementSize)
      writeShortAcknowledgement(bytes, 0, type, packetId)
      return bytes
    }
    return encodePacket({ type, packetId, reasonCode, properties: noProperties }, this.#terms.version)
  }
}

/** Those that belong to one hop are left behind; the expiry has been counted down by whoever sent it. */
function outgoing(properties: Properties, topicAlias: number | undefined): Properties {
  if (properties === noProperties && topicAlias === undefined) return noProperties
  const copy = forwardedProperties(properties)
  if (properties.messageExpiryInterval !== undefined) copy.messageExpiryInterval = properties.messageExpiryInterval
  if (topicAlias !== undefined) copy.topicAlias = topicAlias
  return copy
}
