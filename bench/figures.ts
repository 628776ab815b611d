// What one measurement says, out of all that the load generator tells.

import type { LoadResult } from './load/result.ts'
import type { Row } from './scenarios.ts'

/** Names, units and all: of a row's figures only some are there. */
export const figureNames = [
  /** Of the broker, user and system, per delivered message, or per connection; where sessions must survive, per acknowledged message. */
  'cpuMicroseconds',
  /** Messages delivered or, where sessions must survive, acknowledged; or connections accepted. */
  'perSecond',
  /** Latency in microseconds, at a fixed offered rate or of a search. */
  'p50',
  'p99',
  'p999',
  'bytesPerConnection',
  /** CPU of the load generator: near 100 means that it set the pace. */
  'generatorPercent',
] as const
export type FigureName = (typeof figureNames)[number]
export type Figures = { readonly [Name in FigureName]?: number }

/** The figures of one line of the table. What the kernel did not show is left out. */
export function figuresOf(result: LoadResult, part: Row['part']): Figures {
  const generatorPercent = result.generatorCpuPercent
  switch (part) {
    case ' load':
      return known({
        cpuMicroseconds: result.retained?.loadCpuMicrosecondsPerMessage,
        perSecond: result.retained?.loadedPerSecond,
        generatorPercent,
      })
    case ' search':
      return known({ p50: result.retained?.searchMicroseconds })
    case '':
      return known({ ...wholeFigures(result), generatorPercent })
  }
}

type Partial = { readonly [Name in FigureName]?: number | null | undefined }

function wholeFigures(result: LoadResult): Partial {
  const { connects, idle, paced, durable, latencyMicroseconds: latency } = result
  if (connects) return { cpuMicroseconds: result.cpuMicrosecondsPerConnection, perSecond: connects.perSecond }
  if (idle) {
    return {
      cpuMicroseconds: result.cpuMicrosecondsPerConnection,
      perSecond: idle.connectsPerSecond,
      bytesPerConnection: idle.bytesPerConnection,
    }
  }
  if (durable) return { cpuMicroseconds: result.cpuMicrosecondsPerMessage, perSecond: durable.acknowledgedPerSecond }
  const traffic = { cpuMicroseconds: result.cpuMicrosecondsPerMessage, perSecond: result.messagesPerSecond }
  // In a closed loop latency follows from the window and the rate, and says nothing by itself.
  return paced ? { ...traffic, p50: latency?.p50, p99: latency?.p99, p999: latency?.p999 } : traffic
}

function known(figures: Partial): Figures {
  const there = figureNames.flatMap(name => {
    const value = figures[name]
    return typeof value === 'number' && Number.isFinite(value) ? [[name, value] as const] : []
  })
  return Object.fromEntries(there)
}
