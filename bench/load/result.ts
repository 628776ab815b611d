// What the load generator answers: one JSON object on its standard output.

import type { Latency } from '../../src/client/histogram.ts'
import type { Scenario } from './request.ts'

/** What must all be zero. */
export interface Faults {
  /** In the whole run: what was published and never arrived, though the run waited for it. */
  readonly lost: number
  readonly duplicates: number
  /** Arrived behind a later message of the same publisher. */
  readonly outOfOrder: number
  /** Connections that the broker, or the network, closed. */
  readonly closed: number
  /** Packets that the broker should not have sent, and refusals in acknowledgements. */
  readonly protocolErrors: number
  /** How often a closed loop stood still for a second and its missing messages had to be given up. */
  readonly stalls: number
}

/** One run's figures. Where `valid` is false they must not be quoted. */
export interface LoadResult extends Faults {
  readonly scenario: Scenario['kind']
  /** No message was lost, doubled or out of order, no connection was closed, no packet was wrong, nothing stalled. */
  readonly valid: boolean
  /** Why not, one sentence each; empty when `valid`. */
  readonly invalidReasons: readonly string[]
  /** The measured part, in which all the counts and times below fall unless they say otherwise. */
  readonly seconds: number
  /** Messages published: their bytes were handed to the socket. */
  readonly sent: number
  /** Acknowledgements of QoS 1 and 2 that publishers got. Old results lack it. */
  readonly acknowledged?: number
  /** Messages that arrived, once for each subscriber. */
  readonly delivered: number
  /** Delivered ones. */
  readonly messagesPerSecond: number
  /** User and system together, from the scheduler's nanoseconds where the kernel shows them; null without `brokerPids`. */
  readonly brokerCpuSeconds: number | null
  /** In ticks of the kernel's accounting, 10 ms as a rule. */
  readonly brokerUserSeconds: number | null
  readonly brokerSystemSeconds: number | null
  /** CPU of a piece of the probe's work on the broker's core in the measured part; null without a probe. Old results lack it. */
  readonly coreProbeMicroseconds?: number | null
  /** Per delivered message; null in scenarios without messages. For `retained`: per message of a delivery. */
  readonly cpuMicrosecondsPerMessage: number | null
  /** Per CONNACK; null but in `connects` and `idle`. */
  readonly cpuMicrosecondsPerConnection: number | null
  /** Resident memory at the end of the measured part. */
  readonly brokerRssBytes: number | null
  /**
   * From writing to reading, or from the intended time of sending in `paced`; from connect to CONNACK in `connects` and
   * `idle`. Null when there is none. Off by at most 1.6 %; the maximum is exact.
   */
  readonly latencyMicroseconds: Latency | null
  /** CPU of the generator in the measured part; near 100 means that it, not the broker, set the pace. */
  readonly generatorCpuPercent: number
  /** How the traffic was batched: what makes CPU per message comparable, or not. Zero in scenarios without messages. */
  readonly messagesPerWrite: number
  readonly messagesPerRead: number
  readonly connects?: ConnectsFigures
  readonly idle?: IdleFigures
  readonly retained?: RetainedFigures
  readonly subscriptions?: SubscriptionsFigures
  readonly paced?: PacedFigures
  readonly durable?: DurableFigures
  readonly flood?: FloodFigures
}

export interface ConnectsFigures {
  /** Those that got their CONNACK; the others are among `closed`. */
  readonly connections: number
  readonly perSecond: number
  /** TLS sessions that the broker agreed to resume. */
  readonly resumed: number
}

export interface IdleFigures {
  readonly connections: number
  /** Which figure of /proc/PID/smaps_rollup, or of /proc/PID/statm when that cannot be read. */
  readonly memory: 'Pss' | 'Rss'
  readonly bytesBefore: number | null
  readonly bytesAfter: number | null
  readonly bytesPerConnection: number | null
  readonly connectsPerSecond: number
  /** CPU of the broker while nobody said anything, in percent of one core. */
  readonly idleCpuPercent: number | null
}

export interface RetainedFigures {
  readonly messages: number
  readonly loadedPerSecond: number
  readonly loadCpuMicrosecondsPerMessage: number | null
  /** As `coreProbeMicroseconds`, while they were loaded. Old results lack it. */
  readonly loadCoreProbeMicroseconds?: number | null
  readonly bytesPerMessage: number | null
  /** Median of the deliveries of all messages to one subscriber. */
  readonly deliveryMilliseconds: number
  /** Median, from SUBSCRIBE to the one message that `PREFIX/r/+/x/N` matches. */
  readonly searchMicroseconds: number
  /** Mean of the broker's CPU over the searches. */
  readonly searchCpuMicroseconds: number | null
}

export interface SubscriptionsFigures {
  readonly filters: number
  readonly subscribedPerSecond: number
  readonly cpuMicrosecondsPerSubscription: number | null
  readonly bytesPerSubscription: number | null
}

export interface PacedFigures {
  readonly offeredPerSecond: number
  /** The longest that a message was sent behind its time; large: the generator could not keep up. */
  readonly latestSendMicroseconds: number
  /** 99 messages in 100 were sent less behind their time: the generator's own part of the latency. Old results lack it. */
  readonly sendDelayP99Microseconds?: number
}

export interface DurableFigures {
  readonly acknowledgedPerSecond: number
  /** From the end of the measured part until the sessions had all of it. */
  readonly drainSeconds: number
}

export interface FloodFigures {
  /** In the whole run, drain included, as all figures here. */
  readonly sent: number
  readonly acknowledged: number
  readonly delivered: number
  /** QoS 1 and 2: messages whose publisher has the acknowledgement and a subscriber not the message. */
  readonly acknowledgedLost: number
  /** Highest of the samples, one each 100 ms, and the one before the first message. */
  readonly brokerPeakRssBytes: number | null
  readonly brokerStartRssBytes: number | null
  readonly drainSeconds: number
}
