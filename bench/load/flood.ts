// An overload on purpose: publishers that wait for nothing but TCP, subscribers that read slowly; then the drain.

import { loadResult } from './judgement.ts'
import { residentBytes } from './processes.ts'
import { type Flood, type LoadRequest, maximumWindow } from './request.ts'
import type { FloodFigures, LoadResult } from './result.ts'
import { micros } from './stamp.ts'
import { TrafficRun } from './traffic-run.ts'

const tickMs = 10
const sampleMs = 100

/** Losses at QoS 0 are a broker's right under overload; those at QoS 1 and 2 are not. @throws LoadError */
export async function runFlood(request: LoadRequest, scenario: Flood): Promise<LoadResult> {
  const pace = {
    window: scenario.qos === 0 ? Number.POSITIVE_INFINITY : maximumWindow,
    deliveryWindow: Number.POSITIVE_INFINITY,
  }
  await using run = new TrafficRun(request, scenario, pace, { readBudget: scenario.readBytesPerTick })
  await run.connect()
  await run.subscribe()
  using memory = new PeakMemory(request.brokerPids)
  run.start()
  const ticks = setInterval(() => {
    for (const client of run.subscribers) client.refill()
  }, tickMs)
  const measured = await run.measure()
  clearInterval(ticks)
  const from = micros()
  for (const client of run.subscribers) client.readFreely()
  await run.drain()
  const flood = { ...count(run, scenario.qos), ...memory.figures(), drainSeconds: (micros() - from) / 1e6 }
  const pardoned = scenario.qos === 0 ? (['lost'] as const) : []
  return loadResult(scenario.kind, measured.span, measured.messages, run.faults(), { flood }, pardoned)
}

function count(run: TrafficRun, qos: number): Omit<FloodFigures, 'drainSeconds' | keyof MemoryFigures> {
  const { publishers, delivered } = run.exchange
  const sum = (of: (index: number) => number) => publishers.reduce((total, _, index) => total + of(index), 0)
  const owed = (index: number) =>
    publishers[index]!.acknowledged * run.topology.publishers[index]!.fan - publishers[index]!.arrivals
  return {
    sent: sum(index => publishers[index]!.sent),
    acknowledged: sum(index => publishers[index]!.acknowledged),
    delivered,
    acknowledgedLost: qos === 0 ? 0 : sum(index => Math.max(0, owed(index))),
  }
}

type MemoryFigures = Pick<FloodFigures, 'brokerPeakRssBytes' | 'brokerStartRssBytes'>

/** Looks at the broker's memory ten times a second until it is disposed of. */
class PeakMemory {
  readonly #start: number
  #peak: number
  readonly #known: boolean
  readonly #timer: NodeJS.Timeout

  constructor(pids: readonly number[]) {
    this.#known = pids.length > 0
    this.#start = residentBytes(pids)
    this.#peak = this.#start
    this.#timer = setInterval(() => {
      this.#peak = Math.max(this.#peak, residentBytes(pids))
    }, sampleMs)
  }

  figures(): MemoryFigures {
    return {
      brokerPeakRssBytes: this.#known ? this.#peak : null,
      brokerStartRssBytes: this.#known ? this.#start : null,
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}
