// The topics under `$SYS/broker` and their values, as Mosquitto 2.1 names them (features J4).

import type { Counters, Gauges } from './counters.ts'

export type SysTopic = readonly [topic: string, value: string]

/** Turns counters and gauges into `$SYS` topics; keeps what it published before, and the load averages. */
export class SysTree {
  readonly #counters: Counters
  readonly #startedAt: number
  readonly #version: string
  readonly #published = new Map<string, string>()
  readonly #loads: readonly Load[]
  #updatedAt: number
  #clientsMaximum = 0
  #heapMaximum = 0

  /**
   * @param now milliseconds; when the broker started
   * @param version the text of `$SYS/broker/version`
   */
  constructor(counters: Counters, now: number, version: string) {
    this.#counters = counters
    this.#startedAt = now
    this.#updatedAt = now
    this.#version = version
    this.#loads = loadSources.map(([name, read]) => ({ name, read, count: read(counters), averages: [0, 0, 0] }))
  }

  /** What was published last, by topic. */
  get published(): ReadonlyMap<string, string> {
    return this.#published
  }

  /** The topics whose values have changed since the last call; at first all of them. */
  update(now: number, gauges: Gauges): readonly SysTopic[] {
    this.#clientsMaximum = Math.max(this.#clientsMaximum, gauges.clientsTotal)
    this.#heapMaximum = Math.max(this.#heapMaximum, gauges.heapBytes)
    this.#updateLoads(now)
    const changed = this.#topics(now, gauges).filter(([topic, value]) => this.#published.get(topic) !== value)
    for (const [topic, value] of changed) this.#published.set(topic, value)
    return changed
  }

  #topics(now: number, gauges: Gauges): readonly SysTopic[] {
    const values = { ...counterValues(this.#counters), ...gaugeValues(gauges) }
    const maxima = { 'clients/maximum': this.#clientsMaximum, 'heap/maximum': this.#heapMaximum }
    const numbers = Object.entries({ ...values, ...maxima }).map(([name, value]) => [name, String(value)] as const)
    const texts = [
      ['version', this.#version],
      ['uptime', `${Math.floor((now - this.#startedAt) / 1000)} seconds`],
    ] as const
    return [...texts, ...numbers, ...this.#loads.flatMap(loadValues)].map(([name, value]) => [
      `$SYS/broker/${name}`,
      value,
    ])
  }

  // An exponentially damped average per period: events a minute since the last update, weighed against what was.
  #updateLoads(now: number): void {
    const elapsedSeconds = (now - this.#updatedAt) / 1000
    if (elapsedSeconds <= 0) return
    this.#updatedAt = now
    for (const load of this.#loads) {
      const count = load.read(this.#counters)
      const perMinute = ((count - load.count) * 60) / elapsedSeconds
      load.count = count
      load.averages = periods.map(([, seconds], index) => {
        const before = load.averages[index] as number
        return perMinute + Math.exp(-elapsedSeconds / seconds) * (before - perMinute)
      })
    }
  }
}

interface Load {
  readonly name: string
  readonly read: (counters: Counters) => number
  count: number
  averages: readonly number[]
}

const periods = [
  ['1min', 60],
  ['5min', 300],
  ['15min', 900],
] as const

const loadSources: readonly (readonly [string, (counters: Counters) => number])[] = [
  ['messages/received', counters => counters.packetsReceived],
  ['messages/sent', counters => counters.packetsSent],
  ['publish/dropped', counters => counters.publishDropped],
  ['publish/received', counters => counters.publishReceived],
  ['publish/sent', counters => counters.publishSent],
  ['bytes/received', counters => counters.bytesReceived],
  ['bytes/sent', counters => counters.bytesSent],
  ['sockets', counters => counters.socketsOpened],
  ['connections', counters => counters.connectsReceived],
]

function loadValues({ name, averages }: Load): readonly SysTopic[] {
  return periods.map(([period], index) => [`load/${name}/${period}`, (averages[index] as number).toFixed(2)])
}

function counterValues(counters: Counters): Readonly<Record<string, number>> {
  return {
    'bytes/received': counters.bytesReceived,
    'bytes/sent': counters.bytesSent,
    'messages/received': counters.packetsReceived,
    'messages/sent': counters.packetsSent,
    'publish/messages/received': counters.publishReceived,
    'publish/messages/sent': counters.publishSent,
    'publish/messages/dropped': counters.publishDropped,
    'publish/bytes/received': counters.publishBytesReceived,
    'publish/bytes/sent': counters.publishBytesSent,
    'connections/socket/count': counters.socketsOpened,
    'clients/expired': counters.sessionsExpired,
  }
}

// `inactive`, `active` and `messages/stored` are older names of the line above them.
function gaugeValues(gauges: Gauges): Readonly<Record<string, number>> {
  return {
    'clients/total': gauges.clientsTotal,
    'clients/disconnected': gauges.clientsTotal - gauges.clientsConnected,
    'clients/inactive': gauges.clientsTotal - gauges.clientsConnected,
    'clients/connected': gauges.clientsConnected,
    'clients/active': gauges.clientsConnected,
    'store/messages/count': gauges.messagesStored,
    'messages/stored': gauges.messagesStored,
    'store/messages/bytes': gauges.bytesStored,
    'subscriptions/count': gauges.subscriptions,
    'shared_subscriptions/count': gauges.sharedSubscriptions,
    'retained messages/count': gauges.retainedMessages,
    'packet/out/count': gauges.packetsQueued,
    'packet/out/bytes': gauges.bytesQueued,
    'heap/current': gauges.heapBytes,
  }
}
