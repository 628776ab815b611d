// Publishes the `$SYS` tree every `sys_interval` seconds, aligned to the wall clock as Mosquitto does.

import type { Broker } from '../broker/broker.ts'
import type { Gauges } from '../observe/counters.ts'
import type { CensusFigures } from '../observe/metrics.ts'
import { residentBytes } from '../observe/process-figures.ts'
import { SysTree } from '../observe/sys-tree.ts'
import type { Census } from './census.ts'

/** How long a copy may wait for a subscriber that is away: newer ones follow. What is retained has no end. */
const lifeSeconds = 60

export class SysPublisher {
  readonly #broker: Broker
  readonly #census: Pick<Census, 'latest'>
  readonly #tree: SysTree
  #intervalMs = 0
  /** Which multiple of the interval was last published. */
  #multiple = 0
  /** As it was last known. */
  #residentBytes = 0

  /** @param version the value of `$SYS/broker/version` */
  constructor(broker: Broker, census: Pick<Census, 'latest'>, version: string) {
    this.#broker = broker
    this.#census = census
    this.#tree = new SysTree(broker.counters, broker.clock.now(), version)
  }

  /** What was published last, by topic; empty with `sys_interval 0`. */
  get published(): ReadonlyMap<string, string> {
    return this.#tree.published
  }

  /**
   * Publishes what has changed: at once at the start and after `sys_interval` was changed, then whenever the machine's clock
   * passes a multiple of it.
   *
   * @param now milliseconds of the broker's clock
   * @param wall milliseconds of the machine's clock, which somebody may set
   */
  advance(now: number, wall: number): void {
    if (!this.#isDue(wall)) return
    this.#residentBytes = residentBytes() ?? this.#residentBytes
    const figures = gauges(this.#broker, this.#census.latest, this.#residentBytes)
    for (const [topicName, value] of this.#tree.update(now, figures)) {
      this.#broker.publishOwn(topicName, Buffer.from(value), true, lifeSeconds)
    }
  }

  #isDue(wall: number): boolean {
    const intervalMs = this.#broker.settings.sys_interval * 1000
    const multiple = intervalMs === 0 ? 0 : Math.floor(wall / intervalMs)
    if (intervalMs === this.#intervalMs && multiple === this.#multiple) return false
    this.#intervalMs = intervalMs
    this.#multiple = multiple
    return intervalMs > 0
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
