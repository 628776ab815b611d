// What all scenarios with messages share: connect, subscribe, let publishers go, measure, drain, and count up.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, ClientOptions } from './client.ts'
import { ClientPool } from './client-pool.ts'
import { Exchange } from './exchange.ts'
import { loadResult, type MessageFigures } from './judgement.ts'
import { Publisher } from './publisher.ts'
import { Reel } from './reel.ts'
import { type LoadRequest, maximumWindow, type Traffic } from './request.ts'
import type { Faults, LoadResult } from './result.ts'
import { Span, type SpanFigures } from './span.ts'
import { micros } from './stamp.ts'
import { type Topology, type TrafficScenario, topologyOf } from './topology.ts'

/** Between SUBACK and the first message, so that nothing of the set-up falls into the measured part. */
const settleMs = 300
/** A closed loop that gets nothing back for so long has lost what it waits for. */
const stallMs = 2_000
/** Nothing more is to be expected of a broker that has delivered nothing for so long. */
const quietMs = 3_000
const drainCheckMs = 20
/** QoS 1 and 2 may be acknowledged before they are delivered: this many windows may then be on their way. */
const deliveryWindows = 4

/** How much publishers may have on their way; a scenario that is no closed loop has none of its own. */
export interface Pace {
  readonly window: number
  readonly deliveryWindow: number
}

type SubscriberExtras = Pick<ClientOptions, 'readBudget' | 'lasting'>

/** @throws LoadError when the set-up fails */
export async function runClosedLoop(
  request: LoadRequest,
  scenario: TrafficScenario & { readonly window: number },
  added: (run: TrafficRun) => Promise<Partial<LoadResult>> = run => run.subscribe().then(() => ({})),
): Promise<LoadResult> {
  const { qos, window } = scenario
  const closedLoop =
    qos === 0
      ? { window: Number.POSITIVE_INFINITY, deliveryWindow: window }
      : { window, deliveryWindow: deliveryWindows * window }
  await using run = new TrafficRun(request, scenario, closedLoop)
  await run.connect()
  const figures = await added(run)
  run.watch()
  run.start()
  const measured = await run.measure()
  await run.drain()
  return loadResult(scenario.kind, measured.span, measured.messages, run.faults(), {
    latencyMicroseconds: run.exchange.latency.summary(),
    ...figures,
  })
}

/** Everything of one run with messages; the end of its scope closes all connections. */
export class TrafficRun {
  readonly request: LoadRequest
  readonly topology: Topology
  readonly pool: ClientPool
  readonly exchange: Exchange
  readonly subscribers: readonly Client[]
  #stalls = 0
  #watch: NodeJS.Timeout | undefined
  readonly #scenario: Traffic
  readonly #pace: Pace
  /** Ends waiting when a connection is closed: what comes after that is no figure. */
  readonly #broken = new AbortController()

  constructor(request: LoadRequest, scenario: TrafficScenario, pace: Pace, extras: SubscriberExtras = {}) {
    this.request = request
    this.#scenario = scenario
    this.#pace = pace
    this.topology = topologyOf(request)
    this.pool = new ClientPool(request)
    this.exchange = new Exchange(this.topology, pace.deliveryWindow, this.pool.counters)
    this.subscribers = this.topology.subscribers.map((_, index) => this.pool.add('s', index, this.exchange, extras))
  }

  async connect(): Promise<void> {
    const publishers = this.topology.publishers.map((_, index) => this.pool.add('p', index, this.exchange))
    await this.pool.prepareSession()
    await this.pool.openAll([...this.subscribers, ...publishers])
    for (const [index, client] of publishers.entries()) this.exchange.publishers.push(this.#publisher(client, index))
  }

  /** The subscribers take leave; what is for them waits in their sessions. */
  async sendAway(): Promise<void> {
    await Promise.all(this.subscribers.map(client => client.leave()))
  }

  async callBack(): Promise<void> {
    await this.pool.openAll(this.subscribers)
  }

  subscribe(): Promise<void> {
    return this.pool.subscribeAll(this.subscribers, this.topology.subscribers, this.#scenario.qos)
  }

  /** From now on a closed connection ends {@link measure}, and a loop that stands still is counted and given up. */
  watch(): void {
    this.watchConnections()
    this.#watch = setInterval(() => this.#countStalls(), stallMs)
  }

  /** From now on a closed connection ends {@link measure}. */
  watchConnections(): void {
    this.pool.counters.onClosed = () => this.#broken.abort()
  }

  /** Lets publishers go after a pause. */
  start(): void {
    setTimeout(() => {
      this.exchange.sending = true
      for (const publisher of this.exchange.publishers) this.exchange.wake(publisher)
    }, settleMs)
  }

  /** Waits for settling and warm-up, then measures; afterwards publishers are still. */
  async measure(): Promise<{ readonly span: SpanFigures; readonly messages: MessageFigures }> {
    await this.#pause(settleMs + this.request.warmupSeconds * 1000)
    const span = new Span(this.request)
    const before = this.#counts()
    this.exchange.timedFrom = micros()
    await this.#pause(this.request.seconds * 1000)
    this.exchange.timedUntil = micros()
    const figures = span.end()
    this.stop()
    return { span: figures, messages: difference(before, this.#counts()) }
  }

  stop(): void {
    this.exchange.sending = false
    clearInterval(this.#watch)
  }

  /** Waits until all has arrived, or nothing comes any more; not at all when the run is void already. */
  async drain(): Promise<void> {
    if (this.#broken.signal.aborted) return
    let delivered = -1
    let since = micros()
    while (this.expected() > this.exchange.delivered && micros() - since < quietMs * 1000) {
      if (delivered !== this.exchange.delivered) since = micros()
      delivered = this.exchange.delivered
      await sleep(drainCheckMs)
    }
  }

  /** Deliveries of all that was sent so far. */
  expected(): number {
    const { publishers } = this.exchange
    return publishers.reduce((sum, { sent }, index) => sum + sent * this.topology.publishers[index]!.fan, 0)
  }

  faults(): Faults {
    const { duplicates, outOfOrder } = this.exchange.check
    const { closed, protocolErrors } = this.pool.counters
    const lost = Math.max(0, this.expected() - this.exchange.delivered)
    return { lost, duplicates, outOfOrder, closed, protocolErrors, stalls: this.#stalls }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop()
    await this.pool.close()
  }

  #publisher(client: Client, index: number): Publisher {
    const { request, exchange, topology } = this
    const { qos, payloadBytes } = this.#scenario
    const window = qos === 0 ? this.#pace.window : Math.min(this.#pace.window, client.receiveMaximum)
    const reel = new Reel({
      topics: topology.publishers[index]!.topics,
      publisher: index,
      qos,
      protocol: request.protocol,
      payloadBytes,
      window: Math.min(window, this.#pace.deliveryWindow, maximumWindow),
    })
    return new Publisher({ client, reel, window, deliveryWindow: this.#pace.deliveryWindow, wake: exchange.wake })
  }

  #countStalls(): void {
    for (const publisher of this.exchange.publishers) if (publisher.giveUpIfStalled()) this.#stalls += 1
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#broken.signal }).catch(() => {})
  }

  #counts(): Counts {
    const { reads, writes } = this.pool.counters
    const sent = this.exchange.publishers.reduce((sum, publisher) => sum + publisher.sent, 0)
    const acknowledged = this.exchange.publishers.reduce((sum, publisher) => sum + publisher.acknowledged, 0)
    return { sent, acknowledged, delivered: this.exchange.delivered, reads, writes }
  }
}

interface Counts {
  readonly sent: number
  readonly acknowledged: number
  readonly delivered: number
  readonly reads: number
  readonly writes: number
}

function difference(before: Counts, after: Counts): MessageFigures {
  const sent = after.sent - before.sent
  const delivered = after.delivered - before.delivered
  return {
    sent,
    acknowledged: after.acknowledged - before.acknowledged,
    delivered,
    messagesPerWrite: sent / Math.max(1, after.writes - before.writes),
    messagesPerRead: delivered / Math.max(1, after.reads - before.reads),
  }
}
