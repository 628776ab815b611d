// The table of scenarios: what is asked of the load generator, with which configuration, and what is to be reached.

import type { Access } from './access.ts'
import type { FigureName } from './figures.ts'
import type { Scenario as LoadScenario } from './load/request.ts'
import type { Transport } from './mosquitto-conf.ts'

/** What is to be reached: a ratio of our figure to that of Debian's Mosquitto, or, where it has none, a figure. */
export type Target =
  | { readonly ratio: number }
  | { readonly most: number }
  /** At least so many times what Mosquitto reaches in another scenario. */
  | { readonly times: number; readonly than: string }

/** One line of the table that a scenario fills. */
export interface Row {
  /** Behind the scenario's name; empty where there is only one. */
  readonly part: '' | ' load' | ' search'
  /** The figure that ratios and comparisons are made of. */
  readonly headline: FigureName
  readonly target?: Target
}

/** What a scenario's request may depend on. */
export interface LoadContext {
  readonly quick: boolean
  /** Messages a second that Mosquitto delivers in `pairs-q1`, in this very run. */
  readonly saturation: () => Promise<number>
}

export interface Scenario {
  readonly name: string
  /** A further name that `--only` knows it by, together with others. */
  readonly family?: string
  /** For --list. */
  readonly what: string
  readonly rows: readonly Row[]
  /** Where it is about one of them; the others are measured with what --config asks for. */
  readonly access?: Access
  readonly transport: Transport
  /** Ten thousand rules instead of a few. */
  readonly largeAcl?: true
  /** A million revoked certificates among which each client's is looked for. */
  readonly longRevocationList?: true
  /** Each TLS connection continues a session. */
  readonly resume?: true
  /** Sockets that the broker has to hold at once. */
  readonly connections: number
  /** What a broker must be able to do, beyond the plain. */
  readonly needs?: 'shared-subscriptions' | 'persistence' | 'revocation-lists'
  /** Sessions survive the broker; what an acknowledgement promises where that can be chosen. */
  readonly durability?: 'sync' | 'write'
  /** Times the rounds asked for: latency is wall-clock time, of which few measurements say nothing. */
  readonly roundsTimes?: number
  readonly load: (context: LoadContext) => LoadScenario | Promise<LoadScenario>
}

const small = 64
const pairsOf = (pairs: number, qos: 0 | 1 | 2, window: number, payloadBytes = small) =>
  ({ kind: 'pairs', pairs, qos, window, payloadBytes }) as const
const perMessage = (ratio?: number): readonly Row[] => [
  { part: '', headline: 'cpuMicroseconds', ...(ratio !== undefined && { target: { ratio } }) },
]
const perConnection = perMessage
/** A save for each message: what a promise as good as ours costs Mosquitto. */
const savedEach: Target = { times: 50, than: 'durable-one' }
const perSecond = (target?: Target): readonly Row[] => [{ part: '', headline: 'perSecond', ...(target && { target }) }]
const p99: readonly Row[] = [{ part: '', headline: 'p99', target: { ratio: 1 } }]
const memoryOf = (most: number): readonly Row[] => [{ part: '', headline: 'bytesPerConnection', target: { most } }]

const idleConnections = 10_000
const idle = ({ quick }: LoadContext) =>
  ({ kind: 'idle', connections: quick ? idleConnections / 10 : idleConnections, settleSeconds: quick ? 1 : 3 }) as const
const connects = (connections: number) => (context: LoadContext) =>
  ({
    kind: 'connects',
    connections: context.quick ? connections / 5 : connections,
    concurrency: connectConcurrency,
    churn: true,
  }) as const
const connectConcurrency = 64
const subscriptions = (filters: number) => (context: LoadContext) => {
  const count = context.quick ? filters / 10 : filters
  return { kind: 'subscriptions', filters: count, topics: count, publishers: 10, subscribers: 10, ...loose } as const
}
const loose = { qos: 0, window: 20, payloadBytes: small } as const

/**
 * Connected, the sessions stay small, and with them what Mosquitto writes at each save: the kindest case for it. It
 * acknowledges before it saves, and saves once for all that its loop found to read: with many publishers that is far from a
 * save for each message, which `durable-one` has.
 */
const durable = (away: boolean) => () =>
  ({ kind: 'durable', publishers: 1000, sessions: 10, away, qos: 1, window: 4, payloadBytes: small }) as const

/** QoS 1 from 50 publishers to 50 subscribers, `pairs-q1` at a window of 20. */
const pairsAtLeastOnce = (window: number) => pairsOf(50, 1, window)

/** What `latency-half` does as fast as it goes: each message by itself, in a write of its own. */
export const saturating = pairsAtLeastOnce(1)

export const scenarios: readonly Scenario[] = [
  {
    name: 'pairs-q0',
    what: '20 pairs, QoS 0, 64 bytes, 200 messages under way each: deep batches',
    rows: perMessage(0.05),
    transport: 'plain',
    connections: 40,
    load: () => pairsOf(20, 0, 200),
  },
  {
    name: 'pairs-q0-1k',
    what: 'the same with 1 KiB',
    rows: perMessage(0.1),
    transport: 'plain',
    connections: 40,
    load: () => pairsOf(20, 0, 200, 1024),
  },
  {
    name: 'pairs-q1',
    what: '50 pairs, QoS 1, window 20',
    rows: perMessage(0.15),
    transport: 'plain',
    connections: 100,
    load: () => pairsAtLeastOnce(20),
  },
  {
    name: 'pairs-q2',
    what: '50 pairs, QoS 2, window 20',
    rows: perMessage(0.1),
    transport: 'plain',
    connections: 100,
    load: () => pairsOf(50, 2, 20),
  },
  {
    name: 'wide',
    what: '500 pairs, one message under way each: a thousand sockets, hardly any batching',
    rows: perMessage(0.7),
    transport: 'plain',
    connections: 1000,
    load: () => pairsOf(500, 0, 1),
  },
  {
    name: 'fan-in-q0',
    what: '50 publishers, one subscriber, QoS 0',
    rows: perMessage(0.12),
    transport: 'plain',
    connections: 51,
    load: () => ({ kind: 'fan-in', publishers: 50, ...loose }),
  },
  {
    name: 'fan-in-q1',
    what: '50 publishers, one subscriber, QoS 1',
    rows: perMessage(0.12),
    transport: 'plain',
    connections: 51,
    load: () => ({ kind: 'fan-in', publishers: 50, ...loose, qos: 1 }),
  },
  {
    name: 'fan-out',
    what: 'one publisher, 1000 subscribers, 8 messages under way',
    rows: perMessage(0.25),
    transport: 'plain',
    connections: 1001,
    load: () => ({ kind: 'fan-out', subscribers: 1000, ...loose, window: 8 }),
  },
  {
    name: 'fan-out-one',
    what: 'the same, one message at a time: one small write to each of 1000 sockets',
    rows: perMessage(0.9),
    transport: 'plain',
    connections: 1001,
    load: () => ({ kind: 'fan-out', subscribers: 1000, ...loose, window: 1 }),
  },
  {
    name: 'shared-q0',
    what: 'shared subscription, 10 publishers, 10 consumers, QoS 0',
    rows: perMessage(0.12),
    transport: 'plain',
    connections: 20,
    needs: 'shared-subscriptions',
    load: () => ({ kind: 'shared', publishers: 10, consumers: 10, ...loose, window: 50 }),
  },
  {
    name: 'shared-q1',
    what: 'the same at QoS 1',
    rows: perMessage(0.12),
    transport: 'plain',
    connections: 20,
    needs: 'shared-subscriptions',
    load: () => ({ kind: 'shared', publishers: 10, consumers: 10, ...loose, qos: 1, window: 50 }),
  },
  {
    name: 'acl-10k',
    what: '20 pairs, QoS 0, window 20, with an access control list of 10,000 rules',
    rows: perMessage(),
    access: 'acl',
    transport: 'plain',
    largeAcl: true,
    connections: 40,
    load: () => pairsOf(20, 0, 20),
  },
  {
    name: 'subs-50k',
    what: '50,000 subscriptions, two thirds with wildcards, and topics that match one each',
    rows: perMessage(0.15),
    transport: 'plain',
    connections: 20,
    load: subscriptions(50_000),
  },
  {
    name: 'subs-100k',
    what: 'the same with 100,000',
    rows: perMessage(),
    transport: 'plain',
    connections: 20,
    load: subscriptions(100_000),
  },
  {
    name: 'scatter-q0',
    what: '20 publishers with 10,000 topics: every message another topic than the one before, QoS 0',
    rows: perMessage(0.3),
    transport: 'plain',
    connections: 40,
    load: () => ({ kind: 'scatter', publishers: 20, topics: 10_000, ...loose, window: 50 }),
  },
  {
    name: 'scatter-q1',
    what: 'the same at QoS 1',
    rows: perMessage(0.3),
    transport: 'plain',
    connections: 40,
    load: () => ({ kind: 'scatter', publishers: 20, topics: 10_000, ...loose, qos: 1, window: 20 }),
  },
  {
    name: 'retained-1m',
    what: 'a million retained messages: loaded, then one searched among them',
    rows: [
      { part: ' load', headline: 'cpuMicroseconds' },
      // A search is over before the kernel counts its CPU.
      { part: ' search', headline: 'p50' },
    ],
    transport: 'plain',
    connections: 10,
    load: ({ quick }) => ({
      kind: 'retained',
      messages: quick ? 100_000 : 1_000_000,
      payloadBytes: small,
      repeat: 1,
    }),
  },
  {
    name: 'retained-20k',
    what: '20,000 retained messages delivered to a new subscriber',
    rows: perMessage(0.35),
    transport: 'plain',
    connections: 10,
    load: ({ quick }) => ({ kind: 'retained', messages: 20_000, payloadBytes: small, repeat: quick ? 3 : 10 }),
  },
  {
    name: 'tls-q0',
    what: 'pairs-q0 over TLS 1.3',
    rows: perMessage(0.05),
    transport: 'tls',
    connections: 40,
    load: () => pairsOf(20, 0, 200),
  },
  {
    name: 'connects',
    what: 'connections opened and closed again, 64 of them open or opening at any time, anonymous',
    rows: perConnection(1.2),
    access: 'anonymous',
    transport: 'plain',
    connections: connectConcurrency,
    load: connects(10_000),
  },
  {
    name: 'connects-password',
    what: 'the same with a password, all as one user: Castellan hashes it once and then recognises it',
    rows: perConnection(),
    access: 'acl',
    transport: 'plain',
    connections: connectConcurrency,
    load: connects(10_000),
  },
  {
    name: 'connects-tls',
    what: 'the same over TLS 1.3, a full handshake each, anonymous',
    rows: perConnection(1.5),
    access: 'anonymous',
    transport: 'tls',
    connections: connectConcurrency,
    load: connects(2000),
  },
  {
    name: 'connects-mtls',
    what: 'the same with a client certificate each',
    rows: perConnection(0.9),
    access: 'anonymous',
    transport: 'mutual-tls',
    connections: connectConcurrency,
    load: connects(2000),
  },
  {
    name: 'connects-mtls-crl',
    what: 'the same, with a list of a million revoked certificates; few, since Mosquitto takes a tenth of a second for each',
    rows: perConnection(0.9),
    access: 'anonymous',
    transport: 'mutual-tls',
    longRevocationList: true,
    needs: 'revocation-lists',
    connections: connectConcurrency,
    load: connects(250),
  },
  {
    name: 'connects-tls-resumed',
    what: 'as connects-tls, each continuing a TLS session',
    rows: perConnection(1.3),
    access: 'anonymous',
    transport: 'tls',
    resume: true,
    connections: connectConcurrency,
    load: connects(2000),
  },
  {
    name: 'idle-plain',
    what: '10,000 connections that say nothing: memory of each',
    rows: memoryOf(5000),
    transport: 'plain',
    connections: idleConnections,
    load: idle,
  },
  {
    name: 'idle-tls',
    what: 'the same over TLS 1.3',
    rows: memoryOf(40_000),
    transport: 'tls',
    connections: idleConnections,
    load: idle,
  },
  {
    name: 'durable-q1',
    family: 'durable',
    what: '1000 publishers, QoS 1, window 4, for 10 lasting sessions: acknowledged when it is on the disk; Mosquitto saves at every change',
    rows: perSecond(savedEach),
    transport: 'plain',
    needs: 'persistence',
    durability: 'sync',
    connections: 1010,
    load: durable(false),
  },
  {
    name: 'durable-away',
    family: 'durable',
    what: 'the same while the sessions are away: everything waits, and Mosquitto writes all of it at every save',
    rows: perSecond(savedEach),
    transport: 'plain',
    needs: 'persistence',
    durability: 'sync',
    connections: 1010,
    load: durable(true),
  },
  {
    name: 'durable-one',
    family: 'durable',
    what: 'one publisher, one message at a time: each waits for a save, or a sync, of its own',
    rows: perSecond(),
    transport: 'plain',
    needs: 'persistence',
    durability: 'sync',
    connections: 2,
    load: () => ({ ...durable(false)(), publishers: 1, sessions: 1, window: 1 }),
  },
  {
    name: 'durable-write',
    family: 'durable',
    what: 'as durable-q1, but acknowledged when the operating system has it',
    rows: perSecond(savedEach),
    transport: 'plain',
    needs: 'persistence',
    durability: 'write',
    connections: 1010,
    load: durable(false),
  },
  {
    name: 'latency-10k',
    family: 'latency',
    roundsTimes: 3,
    what: 'latency at 10,000 messages a second, QoS 1, 50 pairs',
    rows: p99,
    transport: 'plain',
    connections: 100,
    load: () => ({ kind: 'paced', pairs: 50, rate: 10_000, qos: 1, payloadBytes: small }),
  },
  {
    name: 'latency-half',
    family: 'latency',
    roundsTimes: 3,
    what: 'latency at half of what keeps the core of Mosquitto busy, each message by itself',
    rows: p99,
    transport: 'plain',
    connections: 100,
    load: async ({ saturation }) => {
      const rate = Math.round((await saturation()) / 2)
      return { kind: 'paced', pairs: 50, rate, qos: 1, payloadBytes: small }
    },
  },
]
