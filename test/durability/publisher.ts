// Publishes numbered messages at QoS 1 or 2, and sends again what was not acknowledged, as the standards ask of a client
// [MQTT-4.4.0-1]: in order, with DUP, a PUBREL where a PUBREC has come.

import { concat } from '../support/bytes.ts'
import { acknowledgementBytes, publishBytes, type Version } from '../support/packet-bytes.ts'
import { type RawPacket, readAcknowledgement } from '../support/packet-reader.ts'
import { property } from '../support/property-bytes.ts'
import type { Stream } from './ledger.ts'
import { type ConnectWish, LoadClient, type World } from './load-client.ts'

interface Pending {
  readonly packetId: number
  readonly stream: Stream
  readonly number: number
  state: 'publish' | 'pubrel'
}

export interface PublisherPlan {
  readonly version: Version
  readonly qos: 1 | 2
  /** Without a session that lasts, what was not acknowledged is given up. */
  readonly lasts: boolean
  /** Most messages under way. */
  readonly window: number
  readonly topics: readonly string[]
}

/** So few, that they come again soon. */
const packetIds = 100
/** Bytes of payload behind the number: small, of a middling size, and more than fits into one packet of TCP. */
const paddings = [0, 0, 0, 90, 300, 5000]
/** What is kept beside a payload; MQTT 5 alone sends it. */
const lastingProperties = concat(property.messageExpiryInterval(3600), property.userProperty('kept', 'beside'))
/** Messages between two kills. */
const mostPerLife = 120

export class Publisher extends LoadClient {
  readonly #plan: PublisherPlan
  readonly #streams: readonly Stream[]
  #pending = new Map<number, Pending>()
  #lastPacketId = 0
  #sentInLife = 0

  constructor(world: World, clientId: string, plan: PublisherPlan) {
    super(world, clientId, plan.version)
    this.#plan = plan
    this.#streams = plan.topics.map(topic => {
      const stream: Stream = { name: `${topic}/${clientId}`, qos: plan.qos, acknowledged: [] }
      world.streams.set(stream.name, stream)
      return stream
    })
  }

  get isDone(): boolean {
    return this.#pending.size === 0
  }

  protected wish(): ConnectWish {
    return this.#plan.lasts ? { cleanStart: false, expiry: 3600 } : { cleanStart: true, expiry: 0 }
  }

  override brokerDied(): void {
    super.brokerDied()
    this.#sentInLife = 0
    if (!this.#plan.lasts) this.#pending.clear()
  }

  protected override lost(): void {
    if (!this.#plan.lasts) this.#pending.clear()
  }

  protected connected(): void {
    if (!this.#plan.lasts) this.#pending.clear()
    for (const pending of this.#pending.values()) this.#send(pending, true)
    this.#publish()
  }

  protected packet(packet: RawPacket): void {
    const { packetId, reasonCode } = readAcknowledgement(packet)
    const pending = this.#pending.get(packetId)
    if (reasonCode >= 0x80 && packet.name !== 'PUBCOMP') {
      this.world.ledger.fault(`${this.clientId} got ${packet.name} 0x${reasonCode.toString(16)}`)
      return
    }
    if (pending === undefined) {
      this.world.ledger.fault(`${this.clientId} got ${packet.name} for packet id ${packetId}, which is free`)
    } else if (packet.name === 'PUBREC' && this.#plan.qos === 2) {
      this.#acknowledged(pending)
      pending.state = 'pubrel'
      this.#send(pending, false)
    } else if (packet.name === (this.#plan.qos === 1 ? 'PUBACK' : 'PUBCOMP')) {
      this.#acknowledged(pending)
      this.#pending.delete(packetId)
      this.#publish()
    } else {
      this.world.ledger.fault(`${this.clientId} got ${packet.name} at QoS ${this.#plan.qos}`)
    }
  }

  #acknowledged({ stream, number }: Pending): void {
    if (stream.acknowledged[number] !== true) this.world.ledger.counts.acknowledged++
    stream.acknowledged[number] = true
  }

  #publish(): void {
    while (this.#pending.size < this.#plan.window && !this.world.isEnding && this.#sentInLife < mostPerLife) {
      const stream = this.world.random.pick(this.#streams)
      const number = stream.acknowledged.push(false) - 1
      const pending: Pending = { packetId: this.#freePacketId(), stream, number, state: 'publish' }
      this.#pending.set(pending.packetId, pending)
      this.#sentInLife++
      this.#send(pending, false)
    }
  }

  #send({ packetId, stream, number, state }: Pending, dup: boolean): void {
    const { version, qos } = this.#plan
    if (state === 'pubrel') {
      this.send(acknowledgementBytes('PUBREL', packetId))
      return
    }
    const payload = payloadOf(stream, number)
    const properties = number % 2 === 0 ? lastingProperties : new Uint8Array()
    this.send(publishBytes({ version, topic: stream.name, payload, qos, dup, packetId, properties }))
  }

  #freePacketId(): number {
    do this.#lastPacketId = (this.#lastPacketId % packetIds) + 1
    while (this.#pending.has(this.#lastPacketId))
    return this.#lastPacketId
  }
}

/** The number, and what shows that the rest has come whole. */
export function payloadOf({ name }: Stream, number: number): string {
  const padding = paddings[(number * 7 + name.length) % paddings.length] as number
  return `${number} ${String.fromCharCode(97 + (number % 26)).repeat(padding)}`
}
