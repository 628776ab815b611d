// Publishes the `$SYS` tree every `sys_interval` seconds, aligned to the wall clock as Mosquitto does.

import type { Broker } from '../broker/broker.ts'
import type { Gauges } from '../observe/counters.ts'
import { SysTree } from '../observe/sys-tree.ts'

export class SysPublisher {
  readonly #broker: Broker
  readonly #tree: SysTree
  #nextAt: number

  /** @param version the value of `$SYS/broker/version` */
  constructor(broker: Broker, version: string) {
    this.#broker = broker
    const now = broker.clock.now()
    this.#tree = new SysTree(broker.counters, now, version)
    this.#nextAt = now
  }

  advance(now: number): void {
    const { sys_interval: seconds } = this.#broker.settings
    if (seconds === 0 || now < this.#nextAt) return
    const interval = seconds * 1000
    this.#nextAt = (Math.floor(now / interval) + 1) * interval
    for (const [topicName, value] of this.#tree.update(now, gauges(this.#broker))) {
      this.#broker.publishOwn(topicName, Buffer.from(value), true, 60)
    }
  }
}

function gauges(broker: Broker): Gauges {
  let clientsConnected = 0
  let waiting = 0
  let waitingBytes = 0
  for (const session of broker.registry.values()) {
    if (session.connection !== undefined) clientsConnected++
    waiting += session.outbound.queuedMessages + session.outbound.inflightMessages
    waitingBytes += session.outbound.waitingBytes
  }
  let bytesQueued = 0
  let packetsQueued = 0
  for (const { transport } of broker.connections) {
    bytesQueued += transport.queuedBytes
    if (transport.queuedBytes > 0) packetsQueued++
  }
  return {
    clientsTotal: broker.registry.size,
    clientsConnected,
    messagesStored: waiting + broker.retained.size,
    bytesStored: waitingBytes + broker.retained.bytes,
    subscriptions: broker.router.subscriptionCount,
    sharedSubscriptions: broker.router.sharedSubscriptionCount,
    retainedMessages: broker.retained.size,
    packetsQueued,
    bytesQueued,
    heapBytes: process.memoryUsage.rss(),
  }
}
