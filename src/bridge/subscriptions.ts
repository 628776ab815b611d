// What a bridge asks either broker for, and what it asks for no more: on the other broker a packet for each filter, because some
// take few at once.

import { escapeText } from '../base/escape.ts'
import { encodePacket } from '../mqtt/codec.ts'
import { noProperties, PacketType, type ProtocolVersion, type Suback, type Unsuback } from '../mqtt/packet.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import { describeReason } from './describe-reason.ts'
import type { BridgeHost } from './host.ts'
import { subscribeTo } from './login.ts'
import type { Wanted } from './topic-map.ts'

/** Own packets get ids from here downwards: messages are given theirs upwards from 1. */
const highestPacketId = 65_535

/** What the other broker is asked for at the beginning of a connection, until it has answered. */
export class RemoteSubscriptions {
  readonly #host: BridgeHost
  readonly #name: string
  readonly #version: ProtocolVersion
  /** Not answered yet. */
  readonly #pending = new Map<number, string>()

  /** @param name of the bridge, escaped */
  constructor(host: BridgeHost, name: string, version: ProtocolVersion) {
    this.#host = host
    this.#name = name
    this.#version = version
  }

  get isSettled(): boolean {
    return this.#pending.size === 0
  }

  /** The packets to send. Called once. @param localClientId whose exchanges have packet ids on the same connection */
  ask(localClientId: string, wanted: readonly Wanted[], unwanted: readonly string[]): readonly Buffer[] {
    const packets = unwanted.map(topicFilter => this.#unsubscribe(this.#take(localClientId, topicFilter), topicFilter))
    return [...packets, ...wanted.map(one => this.#subscribe(this.#take(localClientId, one.topicFilter), one))]
  }

  #take(localClientId: string, topicFilter: string): number {
    let packetId = highestPacketId
    while (this.#pending.has(packetId) || this.#host.usesPacketId(localClientId, packetId)) packetId--
    this.#pending.set(packetId, topicFilter)
    return packetId
  }

  #subscribe(packetId: number, one: Wanted): Buffer {
    const what = `Mid: ${packetId}, Topic: ${escapeText(one.topicFilter)}, QoS: ${one.qos}`
    this.#host.log.write('debug', `Bridge ${this.#name} sending SUBSCRIBE (${what})`)
    return encodePacket(subscribeTo([one], packetId), this.#version)
  }

  #unsubscribe(packetId: number, topicFilter: string): Buffer {
    const what = `Mid: ${packetId}, Topic: ${escapeText(topicFilter)}`
    this.#host.log.write('debug', `Bridge ${this.#name} sending UNSUBSCRIBE (${what})`)
    const packet = { type: PacketType.unsubscribe, packetId, topicFilters: [topicFilter], properties: noProperties }
    return encodePacket(packet, this.#version)
  }

  answered({ type, packetId, reasonCodes }: Suback | Unsuback): void {
    const topicFilter = this.#pending.get(packetId)
    if (topicFilter === undefined) return
    this.#pending.delete(packetId)
    const [reasonCode = ReasonCode.success] = reasonCodes
    if (type === PacketType.unsuback || reasonCode < ReasonCode.unspecifiedError) return
    const what = `${escapeText(topicFilter)}: ${describeReason(reasonCode)}`
    this.#host.log.write('warning', `Warning: The other broker refuses bridge ${this.#name} the topic ${what}.`)
  }
}

/**
 * The packets that make the session on the own broker have these subscriptions and no others.
 *
 * @param retainHandling as of `subscribeTo`
 */
export function localSubscriptions(
  host: BridgeHost,
  clientId: string,
  wanted: readonly Wanted[],
  version: ProtocolVersion,
  retainHandling: 0 | 2 = 0,
): readonly Buffer[] {
  const filters = new Set(wanted.map(({ topicFilter }) => topicFilter))
  const topicFilters = host.subscribed(clientId).filter(topicFilter => !filters.has(topicFilter))
  const leave = { type: PacketType.unsubscribe, packetId: 1, topicFilters, properties: noProperties } as const
  return [
    ...(topicFilters.length > 0 ? [encodePacket(leave, version)] : []),
    ...(wanted.length > 0 ? [encodePacket(subscribeTo(wanted, 2, retainHandling), version)] : []),
  ]
}
