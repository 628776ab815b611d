// Sets, replaces and clears retained messages, and looks from time to time whether what is retained is what it has to be.

import {
  disconnectBytes,
  publishBytes,
  subscribeBytes,
  unsubscribeBytes,
  type Version,
} from '../support/packet-bytes.ts'
import { type RawPacket, readAcknowledgement, readPublish, readSubscribeAnswer } from '../support/packet-reader.ts'
import { type ConnectWish, LoadClient, type World } from './load-client.ts'

/** One retained topic. */
interface Topic {
  readonly name: string
  /** Everything ever sent to it, in order; `''` clears. */
  readonly values: string[]
  /** The last of them that is acknowledged, -1 before the first. */
  acknowledged: number
}

const topicCount = 12
/** Between two kills. */
const mostPerLife = 60

export class RetainedLoad extends LoadClient {
  readonly #topics: Topic[] = []
  readonly #pending = new Map<number, { readonly topic: Topic; readonly index: number }>()
  #lastPacketId = 0
  #count = 0
  #sentInLife = 0

  constructor(world: World, clientId: string, version: Version) {
    super(world, clientId, version)
    for (let i = 0; i < topicCount; i++) {
      this.#topics.push({ name: `retained/${clientId}/${i}`, values: [], acknowledged: -1 })
    }
  }

  get isDone(): boolean {
    return this.#pending.size === 0
  }

  get topics(): readonly Topic[] {
    return this.#topics
  }

  protected wish(): ConnectWish {
    return { cleanStart: false, expiry: 3600 }
  }

  override brokerDied(): void {
    super.brokerDied()
    this.#sentInLife = 0
  }

  protected connected(): void {
    for (const [packetId, { topic, index }] of this.#pending) this.#send(packetId, topic, index, true)
    this.#go()
  }

  protected packet(packet: RawPacket): void {
    const { packetId } = readAcknowledgement(packet)
    const pending = this.#pending.get(packetId)
    this.#pending.delete(packetId)
    if (packet.name !== 'PUBACK' || pending === undefined) {
      this.world.ledger.fault(`${this.clientId} got ${packet.name} for packet id ${packetId}`)
      return
    }
    this.world.ledger.counts.retained++
    pending.topic.acknowledged = Math.max(pending.topic.acknowledged, pending.index)
    this.#go()
  }

  #go(): void {
    const { random, isEnding } = this.world
    while (this.#pending.size < 2 && !isEnding && this.#sentInLife < mostPerLife) {
      this.#sentInLife++
      const topic = random.pick(this.#topics)
      const index = topic.values.push(random.oneIn(4) ? '' : `value ${++this.#count}`) - 1
      this.#lastPacketId = (this.#lastPacketId % 100) + 1
      this.#pending.set(this.#lastPacketId, { topic, index })
      this.#send(this.#lastPacketId, topic, index, false)
    }
  }

  #send(packetId: number, { name, values }: Topic, index: number, dup: boolean): void {
    const payload = values[index] as string
    this.send(publishBytes({ version: this.version, topic: name, payload, qos: 1, retain: true, dup, packetId }))
  }
}

/** Looks at all topics once, as a client that has just come. */
export class RetainedLook extends LoadClient {
  readonly #load: RetainedLoad
  /** What was acknowledged before this began, by topic. */
  #floor: number[] = []
  readonly #found = new Map<string, string>()
  #done: (() => void) | undefined

  constructor(world: World, load: RetainedLoad) {
    super(world, `${load.clientId}-look`, 5)
    this.#load = load
  }

  /** Resolves when it has looked, or the broker died. */
  look(): Promise<void> {
    this.#found.clear()
    this.arrive()
    return new Promise(resolve => {
      this.#done = resolve
    })
  }

  protected wish(): ConnectWish {
    return { cleanStart: true, expiry: 0 }
  }

  protected connected(): void {
    this.#floor = this.#load.topics.map(({ acknowledged }) => acknowledged)
    const subscriptions = this.#load.topics.map(({ name }) => ({ filter: name }))
    // UNSUBACK comes behind what SUBSCRIBE has brought.
    this.send(subscribeBytes({ packetId: 1, subscriptions }), unsubscribeBytes({ packetId: 2, filters: ['none'] }))
  }

  protected packet(packet: RawPacket): void {
    if (packet.name === 'PUBLISH') {
      const { topic, payload, retain } = readPublish(packet, 5)
      // What comes without RETAIN is a new one that passes by.
      if (retain) this.#found.set(topic, payload)
    } else if (packet.name === 'UNSUBACK' && readSubscribeAnswer(packet, 5).packetId === 2) {
      this.#compare()
      this.send(disconnectBytes())
      this.leave('breaks off')
      this.#done?.()
    }
  }

  override brokerDied(): void {
    super.brokerDied()
    this.leave('breaks off')
    this.#done?.()
  }

  #compare(): void {
    for (const [at, { name, values }] of this.#load.topics.entries()) {
      const found = this.#found.get(name) ?? ''
      const first = this.#floor[at] as number
      const allowed = first < 0 ? ['', ...values] : values.slice(first)
      if (allowed.includes(found)) continue
      this.world.ledger.fault(`retained: ${name} is '${found}' where one of '${allowed.join("', '")}' has to be`)
    }
  }
}
