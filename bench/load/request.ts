// What the load generator is asked to do: one JSON object on its standard input, checked here to the last field.
//
// Names that a broker's access rules may need: every topic begins with `topicPrefix/`, every client id with `bench-`.

import { Fields } from './fields.ts'
import { LoadError } from './load-error.ts'

/** A whole run: one scenario against one broker that is already up. */
export interface LoadRequest {
  /** An address; of several loopback addresses the generator may use any as its own. */
  readonly host: string
  readonly port: number
  /** MQTT 3.1.1 (4) or 5.0 (5). */
  readonly protocol: 4 | 5
  readonly username?: string
  readonly password?: string
  readonly tls?: TlsRequest
  /** CPU time and memory are summed over these processes and their living descendants; none: those figures are null. */
  readonly brokerPids: readonly number[]
  /** The file of the probe that shares the broker's core; without it, `coreProbeMicroseconds` is null. */
  readonly coreProbe?: string
  /** Default `bench`. */
  readonly topicPrefix: string
  readonly scenario: Scenario
  /** Traffic before the measured part; default 1. Scenarios that count instead of timing do not use it. */
  readonly warmupSeconds: number
  /** The measured part; default 5. Scenarios that count instead of timing do not use it. */
  readonly seconds: number
}

/** TLS to the broker, with PEM files; the chain is checked against `cafile`, the name in the certificate is not. */
export interface TlsRequest {
  readonly cafile: string
  readonly certfile?: string
  readonly keyfile?: string
  /** Exactly this version; without it, whatever both sides like best. */
  readonly version?: '1.2' | '1.3'
  /** Each connection resumes a session that a first, uncounted connection was given. Default false. */
  readonly resume: boolean
}

/** What the scenarios with messages share. */
export interface Traffic {
  readonly qos: 0 | 1 | 2
  /** At least {@link minimumPayloadBytes}: the payload carries time, publisher and sequence number. */
  readonly payloadBytes: number
}

/** A closed loop. */
export interface ClosedLoop extends Traffic {
  /**
   * Per publisher. QoS 0: messages sent but not yet delivered to everybody. QoS 1 and 2: messages not yet acknowledged,
   * and at most four times as many not yet delivered. MQTT 5's Receive Maximum of the broker lowers it.
   */
  readonly window: number
}

/** One topic per pair; subscriber and publisher have connections of their own. */
export interface Pairs extends ClosedLoop {
  readonly kind: 'pairs'
  readonly pairs: number
}

/** Each publisher has a topic of its own; one subscriber on a wildcard hears them all. */
export interface FanIn extends ClosedLoop {
  readonly kind: 'fan-in'
  readonly publishers: number
}

/** One publisher, one topic, many subscribers; a message leaves the window when all of them have it. */
export interface FanOut extends ClosedLoop {
  readonly kind: 'fan-out'
  readonly subscribers: number
}

/** Each publisher has a topic of its own; the consumers share one subscription to them, so each message arrives once. */
export interface Shared extends ClosedLoop {
  readonly kind: 'shared'
  readonly publishers: number
  readonly consumers: number
}

/** A subscriber per publisher, on a wildcard; each message goes to another topic than the one before it. */
export interface Scatter extends ClosedLoop {
  readonly kind: 'scatter'
  readonly publishers: number
  /** In all; each publisher takes an equal part and goes round in it. */
  readonly topics: number
}

/** Many filters, a third each of exact, `+` and `#`; then messages that match exactly one of them. */
export interface Subscriptions extends ClosedLoop {
  readonly kind: 'subscriptions'
  readonly filters: number
  /** Topics that are published to, in all: as many filters, picked without order. At most `filters`. */
  readonly topics: number
  readonly publishers: number
  /** Connections over which the filters are spread. Default 10. */
  readonly subscribers: number
}

/** Loads retained messages (at QoS 1), then has them delivered, then searches one among them. Counts, does not time. */
export interface Retained {
  readonly kind: 'retained'
  readonly messages: number
  readonly payloadBytes: number
  /** Deliveries of all messages, each to a new subscriber, and as many searches; medians are reported. Default 3. */
  readonly repeat: number
}

/** Opens connections, `concurrency` at a time. Counts, does not time. */
export interface Connects {
  readonly kind: 'connects'
  /** Measured ones; a few more come first and are not counted. */
  readonly connections: number
  readonly concurrency: number
  /** Each sends DISCONNECT as soon as it has its CONNACK; otherwise all stay open to the end. Default true. */
  readonly churn: boolean
}

/** Opens connections that then say nothing, and looks at the broker's memory. Counts, does not time. */
export interface Idle {
  readonly kind: 'idle'
  readonly connections: number
  /** Between the last CONNACK and the second look. Default 3. */
  readonly settleSeconds: number
}

/** An open loop at a fixed rate; latency counts from when a message should have been sent. */
export interface Paced extends Traffic {
  readonly kind: 'paced'
  readonly pairs: number
  /** Messages per second, over all pairs. */
  readonly rate: number
}

/**
 * Publishers at QoS 1, and sessions that outlive their connections; each message is for one of them. Acknowledgements are
 * what is counted. At the end the sessions must have all that was sent.
 */
export interface Durable extends ClosedLoop {
  readonly kind: 'durable'
  readonly qos: 1
  readonly publishers: number
  readonly sessions: number
  /** The sessions' clients are away until the measured part is over, and come back for what waited. Default false. */
  readonly away: boolean
}

/** Publishers that wait for nothing but TCP, subscribers that are slower; then everything that is left is drained. */
export interface Flood extends Traffic {
  readonly kind: 'flood'
  readonly publishers: number
  /** Publishers and subscribers are dealt over as many topics as the smaller of the two numbers. */
  readonly subscribers: number
  /** What each subscriber reads at most in each tick of 10 ms while the flood lasts. Default 16384. */
  readonly readBytesPerTick: number
}

export type Scenario =
  | Pairs
  | FanIn
  | FanOut
  | Shared
  | Scatter
  | Subscriptions
  | Retained
  | Connects
  | Idle
  | Paced
  | Durable
  | Flood

/** Time, publisher and sequence number, four bytes each. */
export const minimumPayloadBytes = 12
/** What one packet may take of the shared receive buffer. */
export const maximumPayloadBytes = 256 * 1024
/** Packet ids, and the ring that tells duplicates, end here. */
export const maximumWindow = 60_000
const maximumConnections = 60_000
const maximumMessages = 10_000_000
/** Times in payloads are 32 bits of microseconds: they go round after 71 minutes. */
const maximumSeconds = 1800

/**
 * Reads a request from JSON text.
 *
 * @throws LoadError `ERR_LOAD_REQUEST` that names the field, what it holds and what it should hold
 */
export function parseRequest(text: string): LoadRequest {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new LoadError('ERR_LOAD_REQUEST', 'standard input is not JSON; expected one object', { cause })
  }
  const fields = Fields.of(value, 'request')
  const request: LoadRequest = {
    host: fields.text('host'),
    port: fields.integer('port', 1, 65_535),
    protocol: fields.oneOf('protocol', [4, 5]),
    ...fields.optionalText('username'),
    ...fields.optionalText('password'),
    ...parseTls(fields),
    brokerPids: fields.integers('brokerPids', 1, 2 ** 31),
    ...fields.optionalText('coreProbe'),
    topicPrefix: fields.text('topicPrefix', 'bench'),
    scenario: parseScenario(Fields.of(fields.take('scenario'), 'scenario')),
    warmupSeconds: fields.number('warmupSeconds', 0, maximumSeconds, 1),
    seconds: fields.number('seconds', 0.05, maximumSeconds, 5),
  }
  fields.end()
  return request
}

function parseTls(request: Fields): { readonly tls?: TlsRequest } {
  const value = request.take('tls')
  if (value === undefined) return {}
  const fields = Fields.of(value, 'tls')
  const version = fields.oneOf('version', ['1.2', '1.3', undefined])
  const tls: TlsRequest = {
    cafile: fields.text('cafile'),
    ...fields.optionalText('certfile'),
    ...fields.optionalText('keyfile'),
    ...(version !== undefined && { version }),
    resume: fields.boolean('resume', false),
  }
  fields.end()
  return { tls }
}

function parseScenario(fields: Fields): Scenario {
  const kind = fields.oneOf('kind', Object.keys(parsers) as (keyof typeof parsers)[])
  const scenario = parsers[kind](fields)
  fields.end()
  return scenario
}

/** One row a scenario: which fields it has, within which limits. */
const parsers = {
  pairs: fields => ({ kind: 'pairs', pairs: connections(fields, 'pairs'), ...closedLoop(fields) }),
  'fan-in': fields => ({ kind: 'fan-in', publishers: connections(fields, 'publishers'), ...closedLoop(fields) }),
  'fan-out': fields => ({ kind: 'fan-out', subscribers: connections(fields, 'subscribers'), ...closedLoop(fields) }),
  shared: fields => ({
    kind: 'shared',
    publishers: connections(fields, 'publishers'),
    consumers: connections(fields, 'consumers'),
    ...closedLoop(fields),
  }),
  scatter: fields => {
    const publishers = connections(fields, 'publishers')
    return {
      kind: 'scatter',
      publishers,
      topics: fields.integer('topics', 2 * publishers, maximumMessages),
      ...closedLoop(fields),
    }
  },
  subscriptions: fields => {
    const publishers = connections(fields, 'publishers')
    const filters = fields.integer('filters', publishers, maximumMessages)
    const topics = fields.integer('topics', publishers, filters)
    const subscribers = connections(fields, 'subscribers', 10)
    return { kind: 'subscriptions', filters, topics, publishers, subscribers, ...closedLoop(fields) }
  },
  retained: fields => ({
    kind: 'retained',
    messages: fields.integer('messages', 10, maximumMessages),
    payloadBytes: payloadBytes(fields),
    repeat: fields.integer('repeat', 1, 1000, 3),
  }),
  connects: fields => ({
    kind: 'connects',
    connections: fields.integer('connections', 1, maximumMessages),
    concurrency: fields.integer('concurrency', 1, maximumConnections),
    churn: fields.boolean('churn', true),
  }),
  idle: fields => ({
    kind: 'idle',
    connections: connections(fields, 'connections'),
    settleSeconds: fields.number('settleSeconds', 0, maximumSeconds, 3),
  }),
  paced: fields => ({
    kind: 'paced',
    pairs: connections(fields, 'pairs'),
    rate: fields.number('rate', 1, 10_000_000),
    ...traffic(fields),
  }),
  durable: fields => ({
    kind: 'durable',
    publishers: connections(fields, 'publishers'),
    sessions: connections(fields, 'sessions'),
    away: fields.boolean('away', false),
    ...closedLoop(fields),
    qos: 1,
  }),
  flood: fields => ({
    kind: 'flood',
    publishers: connections(fields, 'publishers'),
    subscribers: connections(fields, 'subscribers'),
    readBytesPerTick: fields.integer('readBytesPerTick', 1, 2 ** 30, 16_384),
    ...traffic(fields),
  }),
} as const satisfies { readonly [Kind in Scenario['kind']]: (fields: Fields) => Extract<Scenario, { kind: Kind }> }

function connections(fields: Fields, name: string, fallback?: number): number {
  return fields.integer(name, 1, maximumConnections, fallback)
}

function payloadBytes(fields: Fields): number {
  return fields.integer('payloadBytes', minimumPayloadBytes, maximumPayloadBytes)
}

function traffic(fields: Fields): Traffic {
  return { qos: fields.oneOf('qos', [0, 1, 2]), payloadBytes: payloadBytes(fields) }
}

function closedLoop(fields: Fields): ClosedLoop {
  return { ...traffic(fields), window: fields.integer('window', 1, maximumWindow) }
}
