// Every metric of the broker, in one table: what `/metrics` answers and docs/reference/metrics.md are both made from it.
// Nothing here counts; values are read from where they are kept when somebody asks.

import type { Counters } from './counters.ts'
import type { Metric, MetricTable, Reading, Sample } from './exposition.ts'
import type { GarbageFigures } from './garbage.ts'
import type { ProcessFigures } from './process-figures.ts'
import type { Tally } from './tally.ts'

/** What the table reads; the server puts it together at each scrape. */
export interface MetricsSource {
  readonly counters: Counters
  /** Of this program, and of Node. */
  readonly versions: { readonly castellan: string; readonly node: string }
  readonly isReady: boolean
  /** Of the process, in seconds since the epoch. */
  readonly startedAt: number
  readonly listeners: readonly ListenerFigures[]
  readonly bridges: readonly BridgeFigures[]
  /** Of the listeners with a `crlfile`. */
  readonly revocations: readonly RevocationFigures[]
  /** Connected or not. */
  readonly sessions: number
  readonly subscriptions: number
  readonly sharedSubscriptions: number
  readonly retainedMessages: number
  readonly retainedBytes: number
  readonly census: CensusFigures
  readonly passwordChecksPending: number
  /** By what they are slowed down for: `failures`, `takeovers`. */
  readonly slowDowns: ReadonlyMap<string, SlowDownFigures>
  readonly longestLagMs: number
  readonly memory: MemoryShare
  /** Undefined without persistence. */
  readonly store: StoreFigures | undefined
  readonly garbage: ReadonlyMap<string, GarbageFigures>
  readonly process: ProcessFigures
}

export interface ListenerFigures {
  /** As its line in the configuration says: `8883 192.0.2.1`. */
  readonly name: string
  /** `mqtt`, or `mqtts` with TLS. */
  readonly protocol: string
  readonly connections: number
}

export interface BridgeFigures {
  /** Of its `connection`. */
  readonly name: string
  readonly isConnected: boolean
  /** In its session here, or under way from it. */
  readonly messagesWaiting: number
}

export interface RevocationFigures {
  readonly listener: string
  /** Revoked serial numbers, and what they occupy. */
  readonly serials: number
  readonly bytes: number
  /** When each list ends, in milliseconds since the epoch. */
  readonly ends: readonly { readonly issuer: string; readonly end: number }[]
}

/** What has to be looked at session by session; counted a few at a time, so it may be some seconds old. */
export interface CensusFigures {
  /** By protocol version: `3.1`, `3.1.1`, `5.0`. */
  readonly clientsConnected: ReadonlyMap<string, number>
  readonly publishersHeld: number
  readonly messagesWaiting: number
  readonly bytesWaiting: number
  /** Connections that have not taken everything yet, and what waits for them. */
  readonly connectionsBehind: number
  readonly bytesBehind: number
}

/** As `memory_limit` counts it. */
export interface MemoryShare {
  readonly usedBytes: number
  /** undefined without a limit. */
  readonly limitBytes: number | undefined
  readonly shortage: number
}

export interface SlowDownFigures {
  readonly waiting: number
  readonly total: number
}

export interface StoreFigures {
  readonly isFailing: boolean
  /** Attempts to write that failed. */
  readonly failures: number
  readonly waitingChanges: number
  /** For how long the commit has lasted that is under way. */
  readonly committingMs: number
}

/** Figures that a census takes may be so old, here in words for the reference. */
const byCensus = 'Counted a few at a time, so up to some seconds old.'

const traffic: MetricTable<MetricsSource> = {
  castellan_received_bytes_total: counter('Bytes of MQTT received, before TLS.', ({ bytesReceived }) => bytesReceived),
  castellan_sent_bytes_total: counter('Bytes of MQTT sent, before TLS.', ({ bytesSent }) => bytesSent),
  castellan_packets_received_total: counter(
    'Packets received, of every type.',
    ({ packetsReceived }) => packetsReceived,
  ),
  castellan_packets_sent_total: counter('Packets sent, of every type.', ({ packetsSent }) => packetsSent),
  castellan_messages_received_total: counter('PUBLISH packets received.', ({ publishReceived }) => publishReceived),
  castellan_messages_sent_total: counter('PUBLISH packets sent.', ({ publishSent }) => publishSent),
  castellan_messages_dropped_total: counter(
    'Messages that were not published, or kept from a subscriber: not permitted, expired, too large, or its queue was full.',
    ({ publishDropped }) => publishDropped,
  ),
  castellan_messages_shed_total: counter(
    'Of those, messages of QoS 0 dropped from queues because memory was short.',
    ({ messagesShed }) => messagesShed,
  ),
  castellan_payload_received_bytes_total: counter(
    'Payload bytes of PUBLISH packets received.',
    ({ publishBytesReceived }) => publishBytesReceived,
  ),
  castellan_payload_sent_bytes_total: counter(
    'Payload bytes of PUBLISH packets sent.',
    ({ publishBytesSent }) => publishBytesSent,
  ),
}

const connections: MetricTable<MetricsSource> = {
  castellan_connections: {
    type: 'gauge',
    help: 'Open connections, those still in their TLS handshake or waiting for a place included.',
    labels: ['listener', 'protocol'],
    read: ({ listeners }) => listeners.map(({ name, protocol, connections }) => [[name, protocol], connections]),
  },
  castellan_bridge_connected: {
    type: 'gauge',
    help: 'Whether a bridge is connected to the other broker: 1 or 0.',
    labels: ['bridge'],
    read: ({ bridges }) => bridges.map(({ name, isConnected }) => [[name], Number(isConnected)]),
  },
  castellan_bridge_messages_waiting: {
    type: 'gauge',
    help: 'Messages that wait for the other broker of a bridge, or are under way to it.',
    labels: ['bridge'],
    read: ({ bridges }) => bridges.map(({ name, messagesWaiting }) => [[name], messagesWaiting]),
  },
  castellan_connections_opened_total: counter(
    'Connections that were let in to speak MQTT; with TLS, those whose handshake and certificate were right.',
    ({ socketsOpened }) => socketsOpened,
  ),
  castellan_connects_received_total: counter('CONNECT packets received.', ({ connectsReceived }) => connectsReceived),
  castellan_connects_refused_total: tally(
    'CONNECT packets refused, by what the log calls their reason.',
    ({ connectsRefused }) => connectsRefused,
  ),
  castellan_subscriptions_refused_total: tally(
    'Topic filters of SUBSCRIBE packets that were refused, by reason.',
    ({ subscriptionsRefused }) => subscriptionsRefused,
  ),
  castellan_limits_reached_total: tally(
    'How often a limit was reached, by the option that names it.',
    ({ limitsReached }) => limitsReached,
    'limit',
  ),
  castellan_password_checks_pending: gauge(
    'Password checks that run or wait, out of max_pending_authentications.',
    ({ passwordChecksPending }) => passwordChecksPending,
  ),
  castellan_slow_downs_total: {
    type: 'counter',
    help: 'CONNECT packets that had to wait, after failed logins or after takeovers.',
    labels: ['after'],
    read: ({ slowDowns }) => bySlowDown(slowDowns, ({ total }) => total),
  },
  castellan_slow_downs_waiting: {
    type: 'gauge',
    help: 'CONNECT packets that wait now, after failed logins or after takeovers.',
    labels: ['after'],
    read: ({ slowDowns }) => bySlowDown(slowDowns, ({ waiting }) => waiting),
  },
}

const certificates: MetricTable<MetricsSource> = {
  castellan_client_certificates_refused_total: tally(
    'Client certificates refused at the TLS handshake, by reason.',
    ({ certificatesRefused }) => certificatesRefused,
  ),
  castellan_client_certificates_ended_total: tally(
    'Connections that were ended because of their certificate: revoked, expired, or not trusted any more.',
    ({ certificatesEnded }) => certificatesEnded,
  ),
  castellan_revoked_certificates: {
    type: 'gauge',
    help: 'Revoked serial numbers in the lists of `crlfile` that are used.',
    labels: ['listener'],
    read: ({ revocations }) => revocations.map(({ listener, serials }) => [[listener], serials]),
  },
  castellan_revocation_bytes: {
    type: 'gauge',
    help: 'Memory that they occupy. Listeners that name the same file share it.',
    labels: ['listener'],
    read: ({ revocations }) => revocations.map(({ listener, bytes }) => [[listener], bytes]),
  },
  castellan_revocation_list_end_seconds: {
    type: 'gauge',
    help: 'When a revocation list that is used ends (its nextUpdate), in seconds since the Unix epoch; the earliest of an issuer.',
    labels: ['listener', 'issuer'],
    read: ({ revocations }) =>
      revocations.flatMap(({ listener, ends }) =>
        [...earliest(ends)].map(([issuer, end]): Sample => [[listener, issuer], end / 1000]),
      ),
  },
}

const sessions: MetricTable<MetricsSource> = {
  castellan_clients_connected: {
    type: 'gauge',
    help: `Clients whose CONNECT was accepted and that are still there. ${byCensus}`,
    labels: ['version'],
    read: ({ census }) => [...census.clientsConnected].map(([version, clients]) => [[version], clients]),
  },
  castellan_sessions: gauge('Sessions, their clients connected or not.', source => source.sessions),
  castellan_sessions_expired_total: counter(
    'Sessions that ended because their client stayed away for too long.',
    ({ sessionsExpired }) => sessionsExpired,
  ),
  castellan_subscriptions: gauge('Subscriptions, shared ones included.', source => source.subscriptions),
  castellan_shared_subscriptions: gauge('Shared subscriptions.', source => source.sharedSubscriptions),
  castellan_retained_messages: gauge(
    'Retained messages, those of the $SYS tree included.',
    source => source.retainedMessages,
  ),
  castellan_retained_bytes: gauge('Bytes of retained messages.', source => source.retainedBytes),
  castellan_waiting_messages: gauge(
    `Messages that wait in sessions, or were sent and are not acknowledged yet. ${byCensus}`,
    ({ census }) => census.messagesWaiting,
  ),
  castellan_waiting_bytes: gauge(`Bytes of those messages. ${byCensus}`, ({ census }) => census.bytesWaiting),
  castellan_publishers_held: gauge(
    `Publishers that are not heard until a subscriber has room again. ${byCensus}`,
    ({ census }) => census.publishersHeld,
  ),
  castellan_outbox_connections: gauge(
    `Connections whose peer or kernel has not taken everything yet. ${byCensus}`,
    ({ census }) => census.connectionsBehind,
  ),
  castellan_outbox_bytes: gauge(`Bytes that wait for them. ${byCensus}`, ({ census }) => census.bytesBehind),
}

const store: MetricTable<MetricsSource> = {
  castellan_store_writable: ofStore(
    'gauge',
    '1 unless the last attempt to write failed. Nothing here is told without `persistence true`.',
    ({ isFailing }) => Number(!isFailing),
  ),
  castellan_store_write_failures_total: ofStore(
    'counter',
    'Attempts to write that failed; each is made again.',
    ({ failures }) => failures,
  ),
  castellan_store_waiting_changes: ofStore(
    'gauge',
    'Changes that wait for the commit before theirs.',
    ({ waitingChanges }) => waitingChanges,
  ),
  castellan_store_commit_seconds: ofStore(
    'gauge',
    'How long the commit has lasted that is under way; 0 without one.',
    ({ committingMs }) => committingMs / 1000,
  ),
}

const program: MetricTable<MetricsSource> = {
  castellan_build_info: {
    type: 'gauge',
    help: 'Always 1; the versions of Castellan and of Node are its labels.',
    labels: ['version', 'node'],
    read: ({ versions }) => [[[versions.castellan, versions.node], 1]],
  },
  castellan_ready: gauge('1 when /readyz answers 200, otherwise 0.', ({ isReady }) => Number(isReady)),
  castellan_event_loop_lag_seconds: gauge(
    'The longest delay of the event loop in the last ten to twenty seconds; /healthz goes by it.',
    ({ longestLagMs }) => longestLagMs / 1000,
  ),
  castellan_event_loop_busy_seconds_total: ofProcess(
    'counter',
    'Time that the event loop was busy, and not waiting; 1 per second is all of it.',
    ({ loopBusySeconds }) => loopBusySeconds,
  ),
  castellan_gc_runs_total: {
    type: 'counter',
    help: 'Collections of garbage.',
    labels: ['kind'],
    read: ({ garbage }) => [...garbage].map(([kind, { runs }]) => [[kind], runs]),
  },
  castellan_gc_seconds_total: {
    type: 'counter',
    help: 'Time that collections of garbage have taken.',
    labels: ['kind'],
    read: ({ garbage }) => [...garbage].map(([kind, { seconds }]) => [[kind], seconds]),
  },
  castellan_heap_used_bytes: ofProcess('gauge', "Memory in use on V8's heap.", ({ heapUsedBytes }) => heapUsedBytes),
  castellan_heap_bytes: ofProcess('gauge', "Memory that V8's heap has taken.", ({ heapTotalBytes }) => heapTotalBytes),
  castellan_memory_used_bytes: gauge('Memory in use as memory_limit counts it.', ({ memory }) => memory.usedBytes),
  castellan_memory_limit_bytes: {
    type: 'gauge',
    help: 'The bytes of memory_limit, or of what stands for it; left out without a limit.',
    read: ({ memory }) => memory.limitBytes,
  },
  castellan_memory_shortage: gauge(
    'How short memory is: 0 not at all, 1 nothing new is taken, 2 critical: nobody is let in but who has messages waiting.',
    ({ memory }) => memory.shortage,
  ),
  castellan_external_memory_bytes: ofProcess(
    'gauge',
    'Memory of buffers and other things outside the heap.',
    ({ externalBytes }) => externalBytes,
  ),
  process_cpu_seconds_total: ofProcess(
    'counter',
    'CPU time of all threads, user and system.',
    ({ cpuSeconds }) => cpuSeconds,
  ),
  process_resident_memory_bytes: ofProcess(
    'gauge',
    'Memory of the process that is not swapped out.',
    ({ residentBytes }) => residentBytes,
  ),
  process_open_fds: ofProcess('gauge', 'Open file descriptors. Linux 6.2 and later.', ({ openFiles }) => openFiles),
  process_max_fds: ofProcess(
    'gauge',
    'Most file descriptors that may be open. Linux.',
    ({ mostOpenFiles }) => mostOpenFiles,
  ),
  process_start_time_seconds: gauge(
    'When the process started, in seconds since the Unix epoch.',
    ({ startedAt }) => startedAt,
  ),
}

/** In the order of the reference documentation. */
export const metricTables = { traffic, connections, certificates, sessions, store, program }

export const metrics: MetricTable<MetricsSource> = {
  ...traffic,
  ...connections,
  ...certificates,
  ...sessions,
  ...store,
  ...program,
}

function earliest(ends: RevocationFigures['ends']): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  for (const { issuer, end } of ends) found.set(issuer, Math.min(end, found.get(issuer) ?? end))
  return found
}

function counter(help: string, read: (counters: Counters) => number): Metric<MetricsSource> {
  return { type: 'counter', help, read: ({ counters }) => read(counters) }
}

function gauge(help: string, read: (source: MetricsSource) => number): Metric<MetricsSource> {
  return { type: 'gauge', help, read }
}

function tally(help: string, read: (counters: Counters) => Tally, label = 'reason'): Metric<MetricsSource> {
  return {
    type: 'counter',
    help,
    labels: [label],
    read: ({ counters }) => [...read(counters).entries()].map(([reason, total]) => [[reason], total]),
  }
}

function ofProcess(
  type: 'counter' | 'gauge',
  help: string,
  read: (figures: ProcessFigures) => number | undefined,
): Metric<MetricsSource> {
  return { type, help, read: ({ process }): Reading => read(process) }
}

function ofStore(
  type: 'counter' | 'gauge',
  help: string,
  read: (figures: StoreFigures) => number,
): Metric<MetricsSource> {
  return { type, help, read: ({ store }): Reading => store && read(store) }
}

function bySlowDown(
  slowDowns: MetricsSource['slowDowns'],
  read: (figures: SlowDownFigures) => number,
): readonly Sample[] {
  return [...slowDowns].map(([kind, figures]) => [[kind], read(figures)])
}
