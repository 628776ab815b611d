// Subscribes to everything that is published, and answers as a client does that keeps its QoS 2 packet ids through
// connections and kills [MQTT-4.3.3-10].

import { acknowledgementBytes, subscribeBytes, type Version } from '../support/packet-bytes.ts'
import { type Publish, type RawPacket, readAcknowledgement, readPublish } from '../support/packet-reader.ts'
import type { Inbox } from './ledger.ts'
import { type ConnectWish, LoadClient, type World } from './load-client.ts'
import { payloadOf } from './publisher.ts'

/** What a subscriber does with its connection between two kills. */
export type Habit = 'stays' | 'comes and goes' | 'is away' | 'takes over'

export interface SubscriberPlan {
  readonly version: Version
  readonly qos: 1 | 2
  readonly filter: string
  readonly habit: Habit
  /** MQTT 5 alone. */
  readonly receiveMaximum?: number
  readonly inbox: Inbox
}

/** Milliseconds between two things that it does. */
const restlessMs = 120

export class Subscriber extends LoadClient {
  readonly habit: Habit
  readonly #plan: SubscriberPlan
  /** QoS 2: what came under a packet id that is not released yet. */
  readonly #taken = new Map<number, string>()
  #isSubscribed = false
  #timer: NodeJS.Timeout | undefined
  #whenSubscribed: (() => void) | undefined

  constructor(world: World, clientId: string, plan: SubscriberPlan) {
    super(world, clientId, plan.version)
    this.#plan = plan
    this.habit = plan.habit
  }

  /** Connects for the first time, and is through when the subscription is acknowledged. */
  begin(): Promise<void> {
    this.arrive()
    return new Promise(resolve => {
      this.#whenSubscribed = resolve
    })
  }

  /** From now on it does what its habit is. */
  settle(): void {
    if (this.habit === 'is away') this.leave('breaks off')
    else if (this.habit !== 'stays') this.#timer = setInterval(() => this.#stir(), restlessMs)
  }

  /** Comes to stay. */
  comeHome(): void {
    clearInterval(this.#timer)
    this.arrive()
  }

  #stir(): void {
    const { random, isUp } = this.world
    if (!isUp) return
    if (!this.isConnected) this.arrive()
    else if (this.habit === 'takes over') {
      // More often, and the broker slows the two down.
      if (random.oneIn(6)) this.takeOver()
    } else if (random.oneIn(2)) this.leave(random.pick(['breaks off', 'says goodbye'] as const))
  }

  protected wish(): ConnectWish {
    const { receiveMaximum } = this.#plan
    return { cleanStart: false, expiry: 3600, ...(receiveMaximum !== undefined && { receiveMaximum }) }
  }

  protected connected(sessionPresent: boolean): void {
    const { version, filter, qos } = this.#plan
    // [MQTT-3.2.2-4] what the broker has forgotten is forgotten here.
    if (!sessionPresent) this.#taken.clear()
    if (this.#isSubscribed) return
    this.send(subscribeBytes({ version, packetId: 1, subscriptions: [{ filter, qos }] }))
  }

  protected packet(packet: RawPacket): void {
    if (packet.name === 'PUBLISH') this.#receive(readPublish(packet, this.version))
    else if (packet.name === 'PUBREL') this.#release(readAcknowledgement(packet).packetId)
    else if (packet.name === 'SUBACK') {
      this.#isSubscribed = true
      this.#whenSubscribed?.()
    } else this.world.ledger.fault(`${this.clientId} got ${packet.name}`)
  }

  #receive(publish: Publish): void {
    const { packetId, qos } = publish
    if (qos === 1) {
      this.#take(publish)
      this.send(acknowledgementBytes('PUBACK', packetId))
    } else if (qos === 2) {
      const what = `${publish.topic} ${publish.payload}`
      const earlier = this.#taken.get(packetId)
      if (earlier === undefined) this.#take(publish)
      else this.#compare(publish, earlier, what)
      this.#taken.set(packetId, what)
      this.send(acknowledgementBytes('PUBREC', packetId))
    } else this.world.ledger.fault(`${this.clientId} got ${publish.topic} at QoS 0`)
  }

  /** The packet id is not released yet: this has to be the same message again, and say so [MQTT-3.3.1-1]. */
  #compare({ topic, packetId, dup }: Publish, earlier: string, what: string): void {
    if (earlier !== what) {
      this.world.ledger.fault(`lost: ${this.clientId} takes ${topic} for what came under packet id ${packetId} before`)
    }
    if (!dup)
      this.world.ledger.fault(`dup: ${this.clientId} got ${topic} again under packet id ${packetId} without DUP`)
  }

  #release(packetId: number): void {
    this.#taken.delete(packetId)
    this.send(acknowledgementBytes('PUBCOMP', packetId))
  }

  #take({ topic, payload }: Publish): void {
    const stream = this.world.streams.get(topic)
    const number = Number.parseInt(payload, 10)
    if (stream === undefined || !(number >= 0))
      this.world.ledger.fault(`${this.clientId} got ${topic}, which nobody sent`)
    else if (payload !== payloadOf(stream, number)) this.world.ledger.fault(`${topic} #${number} came damaged`)
    else this.#plan.inbox.receive(stream, number)
  }
}
