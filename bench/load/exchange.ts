// The middle of a run with messages: counts what arrives, times it, and gives publishers back their credit.

import { Histogram } from '../../src/client/histogram.ts'
import { ArrivalRing, SequenceCheck } from '../../src/client/sequence-check.ts'
import type { ClientListener, Counters } from './client.ts'
import type { Publisher } from './publisher.ts'
import { micros, readUint32, stamp } from './stamp.ts'
import type { Topology } from './topology.ts'

/** Filled with {@link publishers} before any of them is woken. */
export class Exchange implements ClientListener {
  readonly publishers: Publisher[] = []
  readonly latency = new Histogram()
  readonly check: SequenceCheck
  delivered = 0
  /** While false, no publisher is pumped. */
  sending = false
  /** Messages are timed when they were sent, or due, from here until {@link timedUntil}. */
  timedFrom = Number.POSITIVE_INFINITY
  timedUntil = Number.POSITIVE_INFINITY
  #awake: Publisher[] = []
  readonly #counters: Counters
  readonly #topology: Topology
  readonly #ring: ArrivalRing | undefined

  /** `inFlight`: the most messages of one publisher on their way; infinite where nothing is counted by message. */
  constructor(topology: Topology, inFlight: number, counters: Counters) {
    const { publishers, subscribers, subscriberStride, publisherStride, shared } = topology
    const tracks = (subscribers.length - 1) * subscriberStride + (publishers.length - 1) * publisherStride + 1
    this.check = new SequenceCheck(tracks, shared)
    this.#counters = counters
    this.#topology = topology
    const counted = shared || publishers.some(({ fan }) => fan > 1)
    if (counted && Number.isFinite(inFlight)) this.#ring = new ArrivalRing(publishers.length, inFlight)
  }

  message(subscriber: number, bytes: Uint8Array, payloadAt: number): void {
    const index = readUint32(bytes, payloadAt + stamp.publisher)
    const publisher = this.publishers[index]
    if (publisher === undefined) {
      this.#counters.protocolErrors += 1
      return
    }
    const sequence = readUint32(bytes, payloadAt + stamp.sequence)
    const { subscriberStride, publisherStride } = this.#topology
    if (!this.check.take(subscriber * subscriberStride + index * publisherStride, sequence)) return
    const arrivals = this.#ring === undefined ? 1 : this.#ring.arrive(index, sequence)
    const { fan } = this.#topology.publishers[index]!
    if (arrivals > fan) {
      this.check.duplicates += 1
      return
    }
    this.delivered += 1
    publisher.arrivals += 1
    const sentAt = readUint32(bytes, payloadAt + stamp.time)
    if (sentAt >= this.timedFrom && sentAt < this.timedUntil) this.latency.record(this.#counters.readAt - sentAt)
    if (arrivals < fan) return
    publisher.delivered += 1
    this.wake(publisher)
  }

  acknowledged(index: number): void {
    const publisher = this.publishers[index]!
    publisher.acknowledged += 1
    this.wake(publisher)
  }

  /** Has the publisher pumped when all sockets that are readable now have been read. */
  readonly wake = (publisher: Publisher): void => {
    if (publisher.queued || !this.sending) return
    publisher.queued = true
    if (this.#awake.push(publisher) === 1) setImmediate(this.#pump)
  }

  readonly #pump = (): void => {
    const awake = this.#awake
    this.#awake = []
    const now = micros()
    for (const publisher of awake) {
      publisher.queued = false
      if (this.sending) publisher.pump(now)
    }
  }
}
