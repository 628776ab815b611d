// An open loop: messages leave at fixed times, whatever came of the earlier ones, and latency counts from those times. A
// generator that waited for a slow broker would leave out just the messages that suffered from it.

import { Histogram } from '../../src/client/histogram.ts'
import { loadResult } from './judgement.ts'
import { Pacemaker } from './pacemaker.ts'
import type { Publisher } from './publisher.ts'
import { type LoadRequest, maximumWindow, type Paced } from './request.ts'
import type { LoadResult } from './result.ts'
import { micros } from './stamp.ts'
import { TrafficRun } from './traffic-run.ts'

/** Messages sent in one beat at most, so that reading is never put off for long by a schedule that fell behind. */
const messagesPerBeat = 256
/** A message due so soon is waited for awake: beats are not so even that the next one could be trusted with it. */
const awaitedMicros = 30
/** About what the kernel adds to a sleep anyhow; at higher rates several messages leave in one beat. */
const shortestBeatMicros = 50

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
  const measured = await measureAtPace(run, schedule)
  await run.drain()
  return loadResult(scenario.kind, measured.span, measured.messages, run.faults(), {
    latencyMicroseconds: run.exchange.latency.summary(),
    paced: {
      offeredPerSecond: scenario.rate,
      latestSendMicroseconds: schedule.lateness.summary()?.max ?? 0,
      sendDelayP99Microseconds: schedule.lateness.quantile(0.99),
    },
  })
}

async function measureAtPace(run: TrafficRun, schedule: Schedule): ReturnType<TrafficRun['measure']> {
  await using pacemaker = new Pacemaker(schedule.beatMs, () => schedule.sendDue())
  await pacemaker.begun
  return await run.measure()
}

/** Sends what is due at each beat; a message that leaves late keeps its time. */
class Schedule {
  /** How long messages left behind their time: what of the latency is the generator's own. */
  readonly lateness = new Histogram()
  readonly beatMs: number
  #next = 0
  #begin = -1
  readonly #publishers: readonly Publisher[]
  readonly #periodMicros: number

  constructor(publishers: readonly Publisher[], rate: number) {
    this.#publishers = publishers
    this.#periodMicros = 1e6 / rate
    this.beatMs = Math.max(this.#periodMicros, shortestBeatMicros) / 1000
  }

  sendDue(): void {
    let now = micros()
    if (this.#begin < 0) this.#begin = now
    for (let sent = 0; sent < messagesPerBeat; sent += 1) {
      const due = Math.trunc(this.#begin + this.#next * this.#periodMicros)
      while (now < due && due - now <= awaitedMicros) now = micros()
      if (now < due) break
      // Where a Receive Maximum holds a message up, it keeps its time, and so do those behind it.
      if (!this.#publishers[this.#next % this.#publishers.length]!.sendOne(due)) break
      this.lateness.record(now - due)
      this.#next += 1
    }
  }
}
