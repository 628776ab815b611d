// Opens a bridge's session on its own broker before the other broker can be reached: what is published meanwhile waits in it.

import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { Timer } from '../base/timer-wheel.ts'
import { decodePacket, encodePacket } from '../mqtt/codec.ts'
import { Framer } from '../mqtt/framer.ts'
import { noProperties, type Packet, PacketType } from '../mqtt/packet.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import { describeReason } from './describe-reason.ts'
import type { BridgeHost } from './host.ts'
import type { BridgeIdentity } from './identity.ts'
import { type LocalEnd, LocalStream } from './local-stream.ts'
import { localConnect } from './login.ts'
import type { BridgeSettings } from './options.ts'
import { localSubscriptions } from './subscriptions.ts'
import { TopicMap } from './topic-map.ts'

/** Milliseconds; the own broker answers at once, unless its store does not. */
const mostMs = 10_000
const largestPacket = 268_435_455

/**
 * Makes the session and its subscriptions, and leaves it. What waits in it already is not taken.
 *
 * @returns whether there was none before
 */
export function prepareSession(host: BridgeHost, settings: BridgeSettings, identity: BridgeIdentity): Promise<boolean> {
  return new Promise(resolve => new Preparation(host, settings, identity, resolve).begin())
}

class Preparation implements LocalEnd {
  readonly #host: BridgeHost
  readonly #settings: BridgeSettings
  readonly #identity: BridgeIdentity
  readonly #done: (isNew: boolean) => void
  readonly #framer = new Framer(largestPacket)
  readonly #local = new LocalStream(this)
  readonly #deadline = new Timer(() => this.#finish('it does not answer'))
  #isNew = false
  #isOver = false

  constructor(host: BridgeHost, settings: BridgeSettings, identity: BridgeIdentity, done: (isNew: boolean) => void) {
    this.#host = host
    this.#settings = settings
    this.#identity = identity
    this.#done = done
  }

  begin(): void {
    const { wheel, clock, limits } = this.#host
    wheel.set(this.#deadline, clock.now() + mostMs)
    this.#host.accept(this.#local)
    // One message may be sent before there is a way to go for it: it is sent again later.
    this.#local.feed(encodePacket(localConnect(this.#settings, this.#identity, 5, limits, 1), 5))
  }

  fromBroker(bytes: Buffer): boolean {
    this.#framer.push(bytes, true)
    try {
      while (!this.#isOver && this.#framer.next()) {
        const { buffer, header, start, end } = this.#framer
        this.#take(decodePacket(buffer, header, start, end, 5))
      }
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      this.#finish(escapeText(error.message))
    }
    this.#framer.own()
    return true
  }

  brokerIsReady(): void {}

  brokerEnded(): void {
    this.#finish('it has closed the connection')
  }

  #take(packet: Packet): void {
    if (packet.type === PacketType.connack) {
      if (packet.reasonCode < ReasonCode.unspecifiedError) this.#subscribe(!packet.sessionPresent)
      else this.#finish(`it refuses the connection: ${describeReason(packet.reasonCode)}`)
    } else if (packet.type === PacketType.suback) {
      this.#finish()
    }
  }

  #subscribe(isNew: boolean): void {
    this.#isNew = isNew
    const { local } = new TopicMap(this.#settings.topic)
    for (const bytes of localSubscriptions(this.#host, this.#identity.localClientId, local, 5, 2))
      this.#local.feed(bytes)
    if (local.length === 0) this.#finish()
  }

  #finish(why?: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#host.wheel.clear(this.#deadline)
    if (why !== undefined) {
      const name = escapeText(this.#settings.name)
      this.#host.log.write('error', `Error: This broker has no session for bridge ${name}: ${why}.`)
    }
    this.#local.feed(encodePacket(goodbye, 5))
    this.#local.hangUp()
    this.#done(this.#isNew)
  }
}

const goodbye = { type: PacketType.disconnect, reasonCode: ReasonCode.success, properties: noProperties } as const
