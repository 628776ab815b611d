// The topics under `$SYS/broker` and their values, as Mosquitto 2.1 names them (features J4): one table, from which they are
// published and docs/reference/sys-tree.md is made.

import type { Counters, Gauges } from './counters.ts'

export type SysTopic = readonly [topic: string, value: string]

/** What every topic of the table begins with. */
export const sysPrefix = '$SYS/broker/'

/** A whole number, which is published without a unit. */
export interface SysFigure {
  /** What it counts, for the reference. */
  readonly doc: string
  readonly read: (counters: Counters, gauges: Gauges) => number
  /** An older name of the same value. */
  readonly alias?: string
  /** The greatest value that was ever published, not the present one. */
  readonly isMaximum?: true
}

/** Averages of how often something happens, in events a minute with two decimals. */
export interface SysLoad {
  readonly doc: string
  readonly read: (counters: Counters) => number
}

/** Keys are topics below `sysPrefix`. */
export const sysFigures: Readonly<Record<string, SysFigure>> = {
  'bytes/received': counter(
    'Bytes of MQTT received; what TLS adds is not counted.',
    ({ bytesReceived }) => bytesReceived,
  ),
  'bytes/sent': counter('Bytes of MQTT sent; what TLS adds is not counted.', ({ bytesSent }) => bytesSent),
  'clients/total': gauge('Sessions, their clients connected or not.', ({ clientsTotal }) => clientsTotal),
  'clients/maximum': {
    ...gauge('The most that `clients/total` has been.', ({ clientsTotal }) => clientsTotal),
    isMaximum: true,
  },
  'clients/disconnected': {
    ...gauge('Sessions whose client is away.', ({ clientsTotal, clientsConnected }) => clientsTotal - clientsConnected),
    alias: 'clients/inactive',
  },
  'clients/connected': {
    ...gauge('Clients that are connected.', ({ clientsConnected }) => clientsConnected),
    alias: 'clients/active',
  },
  'clients/expired': counter(
    'Sessions that ended because their client stayed away for too long (`persistent_client_expiration`, or their own expiry interval).',
    ({ sessionsExpired }) => sessionsExpired,
  ),
  'connections/socket/count': counter(
    'Connections that were let in to speak MQTT; with TLS, after their handshake.',
    ({ socketsOpened }) => socketsOpened,
  ),
  'heap/current': gauge('Bytes of memory that the process occupies (its resident set).', ({ heapBytes }) => heapBytes),
  'heap/maximum': { ...gauge('The most that `heap/current` has been.', ({ heapBytes }) => heapBytes), isMaximum: true },
  'messages/received': counter('MQTT packets received, of every type.', ({ packetsReceived }) => packetsReceived),
  'messages/sent': counter('MQTT packets sent, of every type.', ({ packetsSent }) => packetsSent),
  'store/messages/count': {
    ...gauge('Messages that wait in sessions, and retained ones.', ({ messagesStored }) => messagesStored),
    alias: 'messages/stored',
  },
  'store/messages/bytes': gauge('Bytes of those messages.', ({ bytesStored }) => bytesStored),
  'packet/out/count': gauge(
    'Connections whose peer or kernel has not taken everything yet.',
    ({ packetsQueued }) => packetsQueued,
  ),
  'packet/out/bytes': gauge('Bytes that wait for them.', ({ bytesQueued }) => bytesQueued),
  'publish/messages/received': counter('PUBLISH packets received.', ({ publishReceived }) => publishReceived),
  'publish/messages/sent': counter('PUBLISH packets sent.', ({ publishSent }) => publishSent),
  'publish/messages/dropped': counter(
    'Messages that were not published, or kept from a subscriber: not permitted, expired, too large, or its queue was full.',
    ({ publishDropped }) => publishDropped,
  ),
  'publish/bytes/received': counter(
    'Payload bytes of PUBLISH packets received.',
    ({ publishBytesReceived }) => publishBytesReceived,
  ),
  'publish/bytes/sent': counter('Payload bytes of PUBLISH packets sent.', ({ publishBytesSent }) => publishBytesSent),
  'retained messages/count': gauge(
    'Retained messages, those of this tree included.',
    ({ retainedMessages }) => retainedMessages,
  ),
  'subscriptions/count': gauge('Subscriptions, shared ones included.', ({ subscriptions }) => subscriptions),
  'shared_subscriptions/count': gauge('Shared subscriptions.', ({ sharedSubscriptions }) => sharedSubscriptions),
}

/** Keys are topics below `$SYS/broker/load/`; below each of them is one for each of `loadPeriods`. */
export const sysLoads: Readonly<Record<string, SysLoad>> = {
  'bytes/received': { doc: 'Bytes received.', read: ({ bytesReceived }) => bytesReceived },
  'bytes/sent': { doc: 'Bytes sent.', read: ({ bytesSent }) => bytesSent },
  connections: { doc: 'CONNECT packets received.', read: ({ connectsReceived }) => connectsReceived },
  'messages/received': { doc: 'MQTT packets received.', read: ({ packetsReceived }) => packetsReceived },
  'messages/sent': { doc: 'MQTT packets sent.', read: ({ packetsSent }) => packetsSent },
  'publish/dropped': { doc: 'Messages dropped.', read: ({ publishDropped }) => publishDropped },
  'publish/received': { doc: 'PUBLISH packets received.', read: ({ publishReceived }) => publishReceived },
  'publish/sent': { doc: 'PUBLISH packets sent.', read: ({ publishSent }) => publishSent },
  sockets: { doc: 'Connections that were let in.', read: ({ socketsOpened }) => socketsOpened },
}

/** Names of the averages, and over how many seconds each is taken. */
export const loadPeriods: Readonly<Record<string, number>> = { '1min': 60, '5min': 300, '15min': 900 }

/** Turns counters and gauges into `$SYS` topics; keeps what it published before, the maxima and the averages. */
export class SysTree {
  readonly #counters: Counters
  readonly #startedAt: number
  readonly #version: string
  readonly #published = new Map<string, string>()
  readonly #maxima = new Map<string, number>()
  readonly #averages: readonly Average[]
  #updatedAt: number

  /**
   * @param now milliseconds; when the broker started
   * @param version the text of `$SYS/broker/version`
   */
  constructor(counters: Counters, now: number, version: string) {
    this.#counters = counters
    this.#startedAt = now
    this.#updatedAt = now
    this.#version = version
    this.#averages = averagesOf(counters)
  }

  /** What was published last, by topic. */
  get published(): ReadonlyMap<string, string> {
    return this.#published
  }

  /** The topics whose values have changed since the last call; at first all of them. */
  update(now: number, gauges: Gauges): readonly SysTopic[] {
    this.#updateAverages(now)
    const changed = this.#topics(now, gauges).filter(([topic, value]) => this.#published.get(topic) !== value)
    for (const [topic, value] of changed) this.#published.set(topic, value)
    return changed
  }

  #topics(now: number, gauges: Gauges): readonly SysTopic[] {
    const topics: [string, string][] = [
      ['version', this.#version],
      ['uptime', `${Math.floor((now - this.#startedAt) / 1000)} seconds`],
    ]
    for (const [name, figure] of Object.entries(sysFigures)) {
      const value = String(this.#valueOf(name, figure, gauges))
      topics.push([name, value])
      if (figure.alias !== undefined) topics.push([figure.alias, value])
    }
    for (const { name, perMinute } of this.#averages) topics.push([`load/${name}`, perMinute.toFixed(2)])
    return topics.map(([name, value]) => [sysPrefix + name, value])
  }

  #valueOf(name: string, { read, isMaximum }: SysFigure, gauges: Gauges): number {
    const value = read(this.#counters, gauges)
    if (isMaximum === undefined) return value
    const maximum = Math.max(value, this.#maxima.get(name) ?? 0)
    this.#maxima.set(name, maximum)
    return maximum
  }

  // Exponentially damped: events a minute since the last update, weighed against what was.
  #updateAverages(now: number): void {
    const elapsedSeconds = (now - this.#updatedAt) / 1000
    if (elapsedSeconds <= 0) return
    this.#updatedAt = now
    for (const average of this.#averages) {
      const count = average.read(this.#counters)
      const latest = ((count - average.count) * 60) / elapsedSeconds
      average.count = count
      average.perMinute = latest + Math.exp(-elapsedSeconds / average.periodSeconds) * (average.perMinute - latest)
    }
  }
}

interface Average {
  /** Below `load/`. */
  readonly name: string
  readonly periodSeconds: number
  readonly read: (counters: Counters) => number
  /** At the last update. */
  count: number
  perMinute: number
}

function averagesOf(counters: Counters): readonly Average[] {
  return Object.entries(sysLoads).flatMap(([load, { read }]) =>
    Object.entries(loadPeriods).map(([period, periodSeconds]) => ({
      name: `${load}/${period}`,
      periodSeconds,
      read,
      count: read(counters),
      perMinute: 0,
    })),
  )
}

function counter(doc: string, read: (counters: Counters) => number): SysFigure {
  return { doc, read }
}

function gauge(doc: string, read: (gauges: Gauges) => number): SysFigure {
  return { doc, read: (_counters, gauges) => read(gauges) }
}
