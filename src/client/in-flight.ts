// What a client has published at QoS 1 and 2 and not brought to its end yet: no more on the way than both sides allow, the
// others wait in order. It outlives the connection: what was not answered is sent again on the next one.

import type { Publish } from '../mqtt/packet.ts'

export interface OnTheWay {
  readonly publish: Publish
  /** QoS 2: the broker has it (PUBREC), only PUBREL and PUBCOMP are left. */
  isReleased: boolean
}

export class InFlight {
  /** What the user allows (`-M`). */
  readonly #ownLimit: number
  #limit: number
  readonly #onTheWay = new Map<number, OnTheWay>()
  #waiting: Publish[] = []

  constructor(limit: number) {
    this.#ownLimit = limit
    this.#limit = limit
  }

  /** Messages that have not been sent. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** The broker's limit, its receive maximum (§3.2.2.3.3). */
  limitTo(receiveMaximum: number): void {
    this.#limit = Math.min(this.#ownLimit, receiveMaximum)
  }

  isUsed(packetId: number): boolean {
    return this.#onTheWay.has(packetId)
  }

  enqueue(publish: Publish): void {
    this.#waiting.push(publish)
  }

  /** The messages that may be sent now, taken for sent. */
  takeSendable(): readonly Publish[] {
    const free = Math.max(0, this.#limit - this.#onTheWay.size)
    const sendable = this.#waiting.slice(0, free)
    if (sendable.length > 0) this.#waiting = this.#waiting.slice(sendable.length)
    for (const publish of sendable) this.#onTheWay.set(publish.packetId, { publish, isReleased: false })
    return sendable
  }

  /** @returns whether the message was on the way */
  release(packetId: number): boolean {
    const entry = this.#onTheWay.get(packetId)
    if (entry !== undefined) entry.isReleased = true
    return entry !== undefined
  }

  /** @returns whether the message was on the way */
  end(packetId: number): boolean {
    return this.#onTheWay.delete(packetId)
  }

  /** What a new connection begins with, in the order in which it was sent [MQTT-4.4.0-1]. */
  unanswered(): readonly OnTheWay[] {
    return [...this.#onTheWay.values()]
  }
}
