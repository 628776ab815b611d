// A stretch of time with what the broker and the generator spent in it.

import { costBetween, type Reading, readReading } from '../probe/reading.ts'
import { cpuSecondsBetween, type ProcessFigures, processFigures } from './processes.ts'
import type { LoadRequest } from './request.ts'
import { micros } from './stamp.ts'

/** The broker's figures are null when nobody told which processes it has. */
export interface SpanFigures {
  readonly seconds: number
  readonly brokerCpuSeconds: number | null
  readonly brokerUserSeconds: number | null
  readonly brokerSystemSeconds: number | null
  readonly brokerRssBytes: number | null
  readonly brokerRssGrowthBytes: number | null
  readonly generatorCpuPercent: number
  /** What a piece of the probe's work cost on the broker's core; null without a probe. */
  readonly coreProbeMicroseconds: number | null
}

/** Begins when it is made. */
export class Span {
  readonly #pids: readonly number[]
  readonly #probe: string | undefined
  readonly #reading: Reading | undefined
  readonly #before: ProcessFigures
  readonly #generator: NodeJS.CpuUsage
  readonly #from: number

  constructor({ brokerPids: pids, coreProbe }: LoadRequest) {
    this.#pids = pids
    this.#probe = coreProbe
    this.#reading = coreProbe === undefined ? undefined : readReading(coreProbe)
    this.#before = processFigures(pids)
    this.#generator = process.cpuUsage()
    this.#from = micros()
  }

  end(): SpanFigures {
    const seconds = (micros() - this.#from) / 1e6
    const { user, system } = process.cpuUsage(this.#generator)
    const before = this.#before
    const after = processFigures(this.#pids)
    const known = (value: number) => (this.#pids.length > 0 ? value : null)
    return {
      seconds,
      brokerCpuSeconds: known(cpuSecondsBetween(before, after)),
      brokerUserSeconds: known(after.userSeconds - before.userSeconds),
      brokerSystemSeconds: known(after.systemSeconds - before.systemSeconds),
      brokerRssBytes: known(after.rssBytes),
      brokerRssGrowthBytes: known(after.rssBytes - before.rssBytes),
      generatorCpuPercent: (user + system) / 1e4 / seconds,
      coreProbeMicroseconds: this.#probed(),
    }
  }

  #probed(): number | null {
    if (this.#probe === undefined || this.#reading === undefined) return null
    return costBetween(this.#reading, readReading(this.#probe))
  }
}

/** CPU per piece of work; null without CPU figures, or without work. */
export function microsecondsPer(cpuSeconds: number | null, pieces: number): number | null {
  return cpuSeconds === null || pieces === 0 ? null : (cpuSeconds * 1e6) / pieces
}
