// One run of `castellan bench`: connects, has the publishers send, waits for what is on the way, and counts up.

import { randomBytes } from 'node:crypto'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { systemClock } from '../../base/clock.ts'
import type { AppError } from '../../base/errors.ts'
import { Histogram, type Latency } from '../../client/histogram.ts'
import { LoadConnection, type LoadEvents } from '../../client/load-connection.ts'
import { LoadPublisher, stamp } from '../../client/load-publisher.ts'
import { SequenceCheck } from '../../client/sequence-check.ts'
import type { Login } from '../ctl/exchange.ts'
import type { BenchRequest } from './arguments.ts'

export interface BenchResult {
  /** In which publishers sent. */
  readonly seconds: number
  readonly published: number
  /** Messages that the broker has refused, at QoS 1 and 2. */
  readonly refused: number
  readonly delivered: number
  /** What should have been delivered: each message to each subscriber. */
  readonly expected: number
  readonly lost: number
  readonly duplicates: number
  readonly outOfOrder: number
  readonly publishedPerSecond: number
  readonly deliveredPerSecond: number
  /** Null where nothing was delivered. */
  readonly latencyMicroseconds: Latency | null
}

/** QoS 1 and 2 may be answered before they are delivered: so many windows may then be on their way. */
const deliveryWindows = 4
/** Connections that are opened at a time. */
const openingTogether = 32
/** Between two looks at the time, while messages are sent at a rate. */
const paceMs = 5
/** What has not come this long after the last one that came is lost. */
const quietMs = 2000

export class BenchRun {
  readonly #request: BenchRequest
  readonly #login: Login
  readonly #clock = systemClock()
  readonly #startedAt = this.#clock.now()
  readonly #run = randomBytes(4).readUInt32LE()
  readonly #latency = new Histogram()
  readonly #check: SequenceCheck
  readonly #publishers: LoadPublisher[] = []
  readonly #connections: LoadConnection[] = []
  /** How many of a publisher's messages have been delivered, to whichever subscriber. */
  readonly #arrivals: Float64Array
  #delivered = 0
  #refused = 0
  #lastMoveAt = 0
  #failure: AppError | undefined
  #isStopped = false

  constructor(request: BenchRequest, login: Login) {
    this.#request = request
    this.#login = login
    this.#check = new SequenceCheck(request.publishers * Math.max(1, request.subscribers), false)
    this.#arrivals = new Float64Array(request.publishers)
  }

  /** Ends the sending before its time. */
  stop(): void {
    this.#isStopped = true
  }

  /**
   * @param progress is called with the seconds that have passed
   * @throws UnreachableError
   * @throws RefusedError
   */
  async measure(progress: (seconds: number) => void): Promise<BenchResult> {
    try {
      await this.#connect()
      const seconds = await this.#send(progress)
      await this.#drain()
      return this.#result(seconds)
    } finally {
      for (const connection of this.#connections) connection.close()
    }
  }

  /** Microseconds since the run began, below 2^32 for more than an hour. */
  #micros(): number {
    return Math.trunc((this.#clock.now() - this.#startedAt) * 1000)
  }

  async #connect(): Promise<void> {
    const { publishers, subscribers, topics, qos } = this.#request
    const prefix = this.#request.prefix ?? `castellan-bench/${randomBytes(4).toString('hex')}`
    await inTurns(subscribers, async index => {
      const connection = await this.#open(`s${index}`, this.#subscriberEvents(index))
      await connection.subscribe(`${prefix}/#`, qos)
    })
    const names = Array.from({ length: topics }, (_, index) => `${prefix}/${index}`)
    await inTurns(publishers, async index => {
      const connection = await this.#open(`p${index}`, this.#publisherEvents(index))
      const own = names.filter((_, topic) => topics < publishers || topic % publishers === index)
      this.#publishers[index] = this.#publisher(connection, own, index)
    })
  }

  #publisher(connection: LoadConnection, topics: readonly string[], index: number): LoadPublisher {
    const { size, qos, subscribers } = this.#request
    const most = this.#request.window
    const windows = {
      window: qos === 0 ? Number.POSITIVE_INFINITY : Math.min(most, connection.receiveMaximum),
      deliveryWindow: subscribers === 0 ? Number.POSITIVE_INFINITY : qos === 0 ? most : most * deliveryWindows,
    }
    const version = this.#login.protocolVersion
    return new LoadPublisher({ connection, version, topics, size, qos, ...windows, run: this.#run, index })
  }

  async #open(name: string, events: LoadEvents): Promise<LoadConnection> {
    const connection = new LoadConnection(this.#login, events)
    this.#connections.push(connection)
    await connection.open(`bench-${this.#run.toString(36)}-${name}`, this.#request.duration * 2 + 60)
    return connection
  }

  #subscriberEvents(subscriber: number): LoadEvents {
    const { publishers, size } = this.#request
    return {
      message: (bytes, at, end) => {
        if (end - at !== size || bytes.readUInt32LE(at + stamp.run) !== this.#run) return
        const publisher = bytes.readUInt32LE(at + stamp.publisher)
        if (publisher >= publishers) return
        this.#lastMoveAt = this.#micros()
        const sequence = bytes.readUInt32LE(at + stamp.sequence)
        if (!this.#check.take(subscriber * publishers + publisher, sequence)) return
        this.#delivered += 1
        this.#arrivals[publisher] = (this.#arrivals[publisher] ?? 0) + 1
        this.#latency.record(this.#lastMoveAt - bytes.readUInt32LE(at + stamp.time))
      },
      acknowledged: () => {},
      wasRead: () => this.#tellHeard(),
      lost: error => this.#fail(error),
    }
  }

  #publisherEvents(index: number): LoadEvents {
    return {
      message: () => {},
      acknowledged: isRefused => {
        const publisher = this.#publishers[index]
        if (publisher === undefined) return
        publisher.answered += 1
        if (isRefused) {
          publisher.writtenOff += 1
          this.#refused += 1
        }
        this.#lastMoveAt = this.#micros()
      },
      wasRead: () => {},
      lost: error => this.#fail(error),
    }
  }

  #fail(error: AppError): void {
    this.#failure ??= error
  }

  #tellHeard(): void {
    const { subscribers } = this.#request
    for (const [index, publisher] of this.#publishers.entries()) {
      publisher.heard = Math.floor((this.#arrivals[index] ?? 0) / subscribers)
    }
  }

  /** @returns the seconds that it took */
  async #send(progress: (seconds: number) => void): Promise<number> {
    const { duration, rate } = this.#request
    const from = this.#micros()
    this.#lastMoveAt = from
    let shown = 0
    for (;;) {
      const now = this.#micros()
      const passed = (now - from) / 1e6
      if (this.#failure !== undefined) throw this.#failure
      if (passed >= duration || this.#isStopped) return passed
      if (passed >= shown + 1) {
        shown = Math.floor(passed)
        progress(shown)
      }
      if (rate === 0) this.#sendAll(now)
      else this.#sendDue(from, now)
      this.#giveUpStalled(now)
      await (rate === 0 ? nextTurn() : delay(paceMs))
    }
  }

  #sendAll(now: number): void {
    for (const publisher of this.#publishers) publisher.send(now, now, 0)
  }

  /** Each message has its time. */
  #sendDue(from: number, now: number): void {
    const { rate, publishers } = this.#request
    const gap = (1e6 * publishers) / rate
    for (const [index, publisher] of this.#publishers.entries()) {
      publisher.send(now, from + (index * gap) / publishers, gap)
    }
  }

  /** What was lost would be waited for forever. */
  #giveUpStalled(now: number): void {
    if (now - this.#lastMoveAt < quietMs * 1000) return
    this.#lastMoveAt = now
    for (const publisher of this.#publishers) publisher.writtenOff = publisher.sent - publisher.heard
  }

  async #drain(): Promise<void> {
    this.#lastMoveAt = this.#micros()
    while (!this.#isComplete() && this.#micros() - this.#lastMoveAt < quietMs * 1000) {
      if (this.#failure !== undefined) throw this.#failure
      await delay(paceMs)
    }
  }

  #isComplete(): boolean {
    const isAnswered = this.#request.qos === 0 || this.#publishers.every(({ sent, answered }) => answered >= sent)
    return isAnswered && this.#delivered >= this.#expected()
  }

  #published(): number {
    return this.#publishers.reduce((sum, { sent }) => sum + sent, 0)
  }

  #expected(): number {
    return (this.#published() - this.#refused) * this.#request.subscribers
  }

  #result(seconds: number): BenchResult {
    const published = this.#published()
    const expected = this.#expected()
    return {
      seconds,
      published,
      refused: this.#refused,
      delivered: this.#delivered,
      expected,
      lost: Math.max(0, expected - this.#delivered),
      duplicates: this.#check.duplicates,
      outOfOrder: this.#check.outOfOrder,
      publishedPerSecond: published / seconds,
      deliveredPerSecond: this.#delivered / seconds,
      latencyMicroseconds: this.#latency.summary(),
    }
  }
}

/** Does something for each number below `count`, a bounded number at a time. @throws what the first that fails throws */
async function inTurns(count: number, begin: (index: number) => Promise<void>): Promise<void> {
  for (let from = 0; from < count; from += openingTogether) {
    const length = Math.min(openingTogether, count - from)
    await Promise.all(Array.from({ length }, (_, offset) => begin(from + offset)))
  }
}
