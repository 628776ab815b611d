// The client-to-server half: topic aliases and receive quota of one connection, and the QoS 2 packet ids of the session.

import { ProtocolViolationError } from '../mqtt/errors.ts'
import type { Publish } from '../mqtt/packet.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import { topicNameFault } from '../topic/name.ts'
import { PacketIdSet } from './packet-id-set.ts'
import type { SessionRecord } from './record.ts'

/** Topic aliases that the client has set on this connection (§3.3.2.3.4). */
export class InboundAliases {
  readonly #maximum: number
  /** Made with the first. */
  #topics: Map<number, string> | undefined = undefined
  /** The last name that passed: most publishers repeat it, and it is the same string object then. */
  #lastName = ''

  /** @param maximum the Topic Alias Maximum that CONNACK announced */
  constructor(maximum: number) {
    this.#maximum = maximum
  }

  /**
   * The topic name a PUBLISH means, after setting or resolving its alias.
   *
   * @throws ProtocolViolationError 0x94 for an alias out of range, 0x82 for an unknown one or no topic at all, 0x90 for
   *   a name that is none
   */
  resolve(packet: Publish): string {
    const alias = packet.properties.topicAlias
    if (packet.topicName === '') return this.#lookUp(alias)
    if (packet.topicName !== this.#lastName) this.#check(packet.topicName)
    if (alias !== undefined) {
      this.#topics ??= new Map()
      this.#topics.set(this.#checked(alias), packet.topicName)
    }
    return packet.topicName
  }

  #check(topicName: string): void {
    const fault = topicNameFault(topicName)
    if (fault !== undefined) throw new ProtocolViolationError('MQTT-3.3.2-2', fault, ReasonCode.topicNameInvalid)
    this.#lastName = topicName
  }

  #lookUp(alias: number | undefined): string {
    if (alias === undefined) {
      throw new ProtocolViolationError('§3.3.2.1', 'PUBLISH with neither a topic name nor a topic alias')
    }
    const topicName = this.#topics?.get(this.#checked(alias))
    if (topicName === undefined) {
      throw new ProtocolViolationError('§3.3.2.3.4', `topic alias ${alias} was never set on this connection`)
    }
    return topicName
  }

  #checked(alias: number): number {
    if (alias === 0 || alias > this.#maximum) {
      throw new ProtocolViolationError(
        'MQTT-3.3.2-9',
        `topic alias ${alias} where 1 to ${this.#maximum} are accepted`,
        ReasonCode.topicAliasInvalid,
      )
    }
    return alias
  }
}

/**
 * How many QoS 2 messages a client may still send on this connection: each PUBLISH takes one, the end of an exchange gives
 * one back, and every connection begins with all (§4.9). QoS 1 is answered within the turn.
 */
export class ReceiveQuota {
  readonly maximum: number
  #left: number

  /** @param maximum the Receive Maximum that CONNACK announced; Infinity where the version knows none */
  constructor(maximum: number) {
    this.maximum = maximum
    this.#left = maximum
  }

  /** @returns false when the client has used up what it was told [MQTT-3.3.4-7] */
  take(): boolean {
    if (this.#left === 0) return false
    this.#left--
    return true
  }

  /**
   * PUBCOMP or a refusing PUBREC. One that ends an exchange of an earlier connection counts as well: §4.9 lets the client
   * count it when it arrives, behind what the client has sent meanwhile.
   */
  giveBack(): void {
    this.#left++
  }
}

/**
 * QoS 2 packet ids whose message was taken over and that wait for PUBREL: a second PUBLISH with such an id is the same
 * message and is not routed again [MQTT-4.3.3-10].
 */
export class InboundExchanges {
  #record: SessionRecord | undefined = undefined
  /** Made with the first. */
  #received: PacketIdSet | undefined = undefined

  /** As of `Outbound`. */
  set record(record: SessionRecord | undefined) {
    const earlier = this.#record
    if (record === earlier) return
    this.#record = record
    for (const packetId of this.#received ?? []) {
      earlier?.removeInbound(packetId)
      record?.putInbound(packetId)
    }
  }

  /** What is there was loaded, and is recorded already. */
  adoptRecord(record: SessionRecord): void {
    this.#record = record
  }

  /** Takes back what a record had. */
  restore(packetId: number): void {
    this.#received ??= new PacketIdSet()
    this.#received.add(packetId)
  }

  has(packetId: number): boolean {
    return this.#received?.has(packetId) === true
  }

  receive(packetId: number): void {
    this.restore(packetId)
    this.#record?.putInbound(packetId)
  }

  /** The session has ended. */
  clear(): void {
    this.record = undefined
    this.#received = undefined
  }

  /** The client has lost its session, and will use these packet ids for other messages. */
  forgetAll(): void {
    for (const packetId of this.#received ?? []) this.#record?.removeInbound(packetId)
    this.#received = undefined
  }

  /** PUBREL. @returns whether the exchange was open */
  release(packetId: number): boolean {
    const isKnown = this.#received?.delete(packetId) === true
    if (isKnown) this.#record?.removeInbound(packetId)
    return isKnown
  }
}
