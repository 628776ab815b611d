// An open loop: messages leave at fixed times, whatever came of the earlier ones, and latency counts from those times. A
// generator that waited for a slow broker would leave out just the messages that suffered from it.

import { loadResult } from './judgement.ts'
import type { Publisher } from './publisher.ts'
import { type LoadRequest, maximumWindow, type Paced } from './request.ts'
import type { LoadResult } from './result.ts'
import { micros } from './stamp.ts'
import { TrafficRun } from './traffic-run.ts'

/** Messages sent in one turn at most, so that reading is never put off for long by a schedule that fell behind. */
const messagesPerTurn = 64

/** @throws LoadError when the set-up fails */
export async function runPaced(request: LoadRequest, scenario: Paced): Promise<LoadResult> {
  const pace = {
    window: scenario.qos === 0 ? Number.POSITIVE_INFINITY : maximumWindow,
    deliveryWindow: Number.POSITIVE_INFINITY,
  }
  await using run = new TrafficRun(request, scenario, pace)
  await run.connect()
  await run.subscribe()
  const schedule = new Schedule(run.exchange.publishers, scenario.rate)
  run.watch()
  schedule.start()
  const measured = await run.measure()
  schedule.stop()
  await run.drain()
  return loadResult(scenario.kind, measured.span, measured.messages, run.faults(), {
    latencyMicroseconds: run.exchange.latency.summary(),
    paced: { offeredPerSecond: scenario.rate, latestSendMicroseconds: schedule.latest },
  })
}

/**
 * Sends what is due in each turn of the event loop, without ever sleeping: timers of a millisecond would make bursts, and
 * their delay would count as the broker's. It keeps one core busy; the broker needs another.
 */
class Schedule {
  /** The longest that a message left behind its time, in microseconds. */
  latest = 0
  #running = false
  #next = 0
  #begin = 0
  readonly #publishers: readonly Publisher[]
  readonly #periodMicros: number

  constructor(publishers: readonly Publisher[], rate: number) {
    this.#publishers = publishers
    this.#periodMicros = 1e6 / rate
  }

  start(): void {
    this.#begin = micros()
    this.#running = true
    setImmediate(this.#turn)
  }

  stop(): void {
    this.#running = false
  }

  readonly #turn = (): void => {
    const now = micros()
    for (let sent = 0; sent < messagesPerTurn; sent += 1) {
      const due = Math.trunc(this.#begin + this.#next * this.#periodMicros)
      if (due > now) break
      // Where a Receive Maximum holds a message up, it keeps its time, and so do those behind it.
      if (!this.#publishers[this.#next % this.#publishers.length]!.sendOne(due)) break
      if (now - due > this.latest) this.latest = now - due
      this.#next += 1
    }
    if (this.#running) setImmediate(this.#turn)
  }
}
