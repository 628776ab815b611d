// Subscribes and unsubscribes, and sends itself a message each time an answer says what it has to come to: in its inbox, or to
// nothing.

import {
  acknowledgementBytes,
  publishBytes,
  subscribeBytes,
  unsubscribeBytes,
  type Version,
} from '../support/packet-bytes.ts'
import { type RawPacket, readAcknowledgement, readPublish, readSubscribeAnswer } from '../support/packet-reader.ts'
import { type ConnectWish, LoadClient, type World } from './load-client.ts'

const filterCount = 6
/** Milliseconds between two steps: kills fall between them as well as into them. */
const pauseMs = 10

type Step = 'subscribe' | 'publish while on' | 'unsubscribe' | 'publish while off'
const steps: readonly Step[] = ['subscribe', 'publish while on', 'unsubscribe', 'publish while off']

export class FilterLoad extends LoadClient {
  readonly #expected = new Set<string>()
  readonly #forbidden = new Set<string>()
  readonly #received = new Set<string>()
  #filter = 0
  #step = 0
  #count = 0
  #probe = ''
  #timer: NodeJS.Timeout | undefined

  constructor(world: World, clientId: string, version: Version) {
    super(world, clientId, version)
  }

  get isDone(): boolean {
    return this.missing.length === 0
  }

  get missing(): string[] {
    return [...this.#expected].filter(probe => !this.#received.has(probe))
  }

  closeBooks(): void {
    for (const probe of this.missing) this.world.ledger.fault(`lost: ${this.clientId} never got its own ${probe}`)
  }

  protected wish(): ConnectWish {
    return { cleanStart: false, expiry: 3600 }
  }

  /** What was asked and not answered is asked again. */
  protected connected(): void {
    clearTimeout(this.#timer)
    this.#ask(true)
  }

  override brokerDied(): void {
    super.brokerDied()
    clearTimeout(this.#timer)
  }

  protected packet(packet: RawPacket): void {
    if (packet.name === 'PUBLISH') this.#receive(packet)
    else if (packet.name === 'PUBACK') {
      if (readAcknowledgement(packet).packetId !== this.#packetId) return
      this.#answered()
    } else if (packet.name === 'SUBACK' || packet.name === 'UNSUBACK') {
      if (readSubscribeAnswer(packet, this.version).packetId !== this.#packetId) return
      this.world.ledger.counts.subscriptions++
      this.#answered()
    }
  }

  get #packetId(): number {
    return (this.#count % 1000) + 1
  }

  get #topic(): string {
    return `filters/${this.clientId}/${this.#filter}`
  }

  #receive(packet: RawPacket): void {
    const { payload, packetId } = readPublish(packet, this.version)
    if (this.#forbidden.has(payload)) this.world.ledger.fault(`${this.clientId} got ${payload} without a subscription`)
    this.#received.add(payload)
    this.send(acknowledgementBytes('PUBACK', packetId))
  }

  #answered(): void {
    if (steps[this.#step] === 'publish while on') this.#expected.add(this.#probe)
    this.#step++
    this.#count++
    if (this.#step === steps.length) {
      this.#step = 0
      this.#filter = this.world.random.below(filterCount)
    }
    this.#timer = setTimeout(() => this.#ask(false), pauseMs)
  }

  #ask(dup: boolean): void {
    if (!this.isConnected || (this.world.isEnding && this.#step === 0)) return
    const { version } = this
    const packetId = this.#packetId
    const topic = this.#topic
    const step = steps[this.#step] as Step
    if (step === 'subscribe')
      this.send(subscribeBytes({ version, packetId, subscriptions: [{ filter: topic, qos: 1 }] }))
    else if (step === 'unsubscribe') this.send(unsubscribeBytes({ version, packetId, filters: [topic] }))
    else {
      this.#probe = `${step} #${this.#count}`
      if (step === 'publish while off') this.#forbidden.add(this.#probe)
      this.send(publishBytes({ version, topic, packetId, qos: 1, dup, payload: this.#probe }))
    }
  }
}
