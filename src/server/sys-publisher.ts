// Publishes the `$SYS` tree every `sys_interval` seconds, aligned to the wall clock as Mosquitto does.

import type { Broker } from '../broker/broker.ts'
import type { Gauges } from '../observe/counters.ts'
import type { CensusFigures } from '../observe/metrics.ts'
import { residentBytes } from '../observe/process-figures.ts'
import { SysTree } from '../observe/sys-tree.ts'
import type { Census } from './census.ts'

export class SysPublisher {
  readonly #broker: Broker
  readonly #census: Census
  readonly #tree: SysTree
  #nextAt: number
  /** As it was last known. */
  #residentBytes = 0

  /** @param version the value of `$SYS/broker/version` */
  constructor(broker: Broker, census: Census, version: string) {
    this.#broker = broker
    this.#census = census
    const now = broker.clock.now()
    this.#tree = new SysTree(broker.counters, now, version)
    this.#nextAt = now
  }

  /** What was published last, by topic; empty with `sys_interval 0`. */
  get published(): ReadonlyMap<string, string> {
    return this.#tree.published
  }

  advance(now: number): void {
    const { sys_interval: seconds } = this.#broker.settings
    if (seconds === 0 || now < this.#nextAt) return
    const interval = seconds * 1000
    this.#nextAt = (Math.floor(now / interval) + 1) * interval
    this.#residentBytes = residentBytes() ?? this.#residentBytes
    const figures = gauges(this.#broker, this.#census.latest, this.#residentBytes)
    for (const [topicName, value] of this.#tree.update(now, figures)) {
      this.#broker.publishOwn(topicName, Buffer.from(value), true, 60)
    }
  }
}

function gauges({ registry, router, retained }: Broker, census: CensusFigures, heapBytes: number): Gauges {
  const connected = [...census.clientsConnected.values()].reduce((sum, clients) => sum + clients, 0)
  return {
    clientsTotal: registry.size,
    // Counted earlier than the total, which may have become smaller since.
    clientsConnected: Math.min(connected, registry.size),
    messagesStored: census.messagesWaiting + retained.size,
    bytesStored: census.bytesWaiting + retained.bytes,
    subscriptions: router.subscriptionCount,
    sharedSubscriptions: router.sharedSubscriptionCount,
    retainedMessages: retained.size,
    packetsQueued: census.connectionsBehind,
    bytesQueued: census.bytesBehind,
    heapBytes,
  }
}
