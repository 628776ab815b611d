// A stretch of time with what the broker and the generator spent in it.

import { cpuSecondsBetween, type ProcessFigures, processFigures } from './processes.ts'
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
}

/** Begins when it is made. */
export class Span {
  readonly #pids: readonly number[]
  readonly #before: ProcessFigures
  readonly #generator: NodeJS.CpuUsage
  readonly #from: number

  constructor(pids: readonly number[]) {
    this.#pids = pids
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
    }
  }
}

/** CPU per piece of work; null without CPU figures, or without work. */
export function microsecondsPer(cpuSeconds: number | null, pieces: number): number | null {
  return cpuSeconds === null || pieces === 0 ? null : (cpuSeconds * 1e6) / pieces
}
