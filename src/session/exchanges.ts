// The exchanges that a session has begun with its client, by packet id and in their order. A `Map` would do, but one that
// is emptied and filled with every message makes V8 allocate and keep a new table each time: at 10,000 messages of QoS 1 a
// second nine tenths of what outlived a collection of the young generation was that.

import { assert } from '../base/errors.ts'
import type { Delivery } from './outbound.ts'

/**
 * An exchange with the client: `publish` until it is acknowledged (QoS 1) or received (QoS 2), then `pubrel` until
 * PUBCOMP. The table of what may follow what is the spec's figure 4.3; no other move exists.
 */
export class Exchange {
  readonly packetId: number
  delivery: Delivery
  state: 'publish' | 'pubrel'
  /** Sent on this connection; after a reconnect everything waits to be sent again, in order [MQTT-4.4.0-1]. */
  sent: boolean
  /** Its PUBLISH went out on this connection, so it takes a place in the client's Receive Maximum (§4.9). */
  counted: boolean
  /** @internal Neighbours in the order, and the next one of the same slot; the table's to change. */
  before: Exchange | undefined = undefined
  after: Exchange | undefined = undefined
  sameSlot: Exchange | undefined = undefined

  constructor(packetId: number, delivery: Delivery, state: Exchange['state'], isSent: boolean) {
    this.packetId = packetId
    this.delivery = delivery
    this.state = state
    this.sent = isSent
    this.counted = isSent
  }
}

const fewestSlots = 8
/** A table that is larger is given back when the last exchange ends. */
const mostIdleSlots = 64

/** Packet ids are given one after the other: mostly each exchange has a slot to itself. */
export class Exchanges {
  /** A power of two of them; undefined until the first exchange. */
  #slots: (Exchange | undefined)[] | undefined = undefined
  #first: Exchange | undefined = undefined
  #last: Exchange | undefined = undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  get(packetId: number): Exchange | undefined {
    const slots = this.#slots
    if (slots === undefined) return undefined
    let exchange = slots[packetId & (slots.length - 1)]
    while (exchange !== undefined && exchange.packetId !== packetId) exchange = exchange.sameSlot
    return exchange
  }

  /** Puts it last in the order. Its packet id must be free. */
  add(exchange: Exchange): void {
    assert(this.get(exchange.packetId) === undefined, 'a packet id is in use once')
    this.#slots ??= emptySlots(fewestSlots)
    if (this.#size === this.#slots.length) this.#grow(this.#slots.length * 2)
    this.#occupy(exchange)
    this.#append(exchange)
    this.#size++
  }

  delete(exchange: Exchange): void {
    this.#vacate(exchange)
    this.#unlink(exchange)
    if (--this.#size === 0 && (this.#slots as unknown[]).length > mostIdleSlots) this.#slots = undefined
  }

  /** Makes it the last in the order. */
  moveToEnd(exchange: Exchange): void {
    this.#unlink(exchange)
    this.#append(exchange)
  }

  clear(): void {
    this.#slots = undefined
    this.#first = undefined
    this.#last = undefined
    this.#size = 0
  }

  /** In their order. The one that was given last may be deleted meanwhile. */
  *[Symbol.iterator](): Generator<Exchange, void, undefined> {
    let next = this.#first
    while (next !== undefined) {
      const exchange = next
      next = exchange.after
      yield exchange
    }
  }

  #grow(slots: number): void {
    this.#slots = emptySlots(slots)
    for (const exchange of this) this.#occupy(exchange)
  }

  #occupy(exchange: Exchange): void {
    const slots = this.#slots as (Exchange | undefined)[]
    const slot = exchange.packetId & (slots.length - 1)
    exchange.sameSlot = slots[slot]
    slots[slot] = exchange
  }

  #vacate(exchange: Exchange): void {
    const slots = this.#slots as (Exchange | undefined)[]
    const slot = exchange.packetId & (slots.length - 1)
    let holder = slots[slot]
    if (holder === exchange) slots[slot] = exchange.sameSlot
    else {
      while (holder !== undefined && holder.sameSlot !== exchange) holder = holder.sameSlot
      assert(holder !== undefined, 'only what is there can be deleted')
      holder.sameSlot = exchange.sameSlot
    }
    exchange.sameSlot = undefined
  }

  #append(exchange: Exchange): void {
    exchange.before = this.#last
    if (this.#last === undefined) this.#first = exchange
    else this.#last.after = exchange
    this.#last = exchange
  }

  /** Leaves nothing behind by which a dead exchange would keep a younger one. */
  #unlink(exchange: Exchange): void {
    const { before, after } = exchange
    if (before === undefined) this.#first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    exchange.before = undefined
    exchange.after = undefined
  }
}

function emptySlots(count: number): (Exchange | undefined)[] {
  return new Array<Exchange | undefined>(count).fill(undefined)
}
