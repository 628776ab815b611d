// What one measurement says, out of all that the load generator tells.

import type { LoadResult } from './load/result.ts'
import type { Row } from './scenarios.ts'

/** Names, units and all: of a row's figures only some are there. */
export const figureNames = [
  /** Of the broker, user and system, per delivered message, or per connection; where sessions must survive, per acknowledged message. */
  'cpuMicroseconds',
  /** The same as it was measured, at whatever speed the core had: `cpuMicroseconds` times `coreSlowness`. */
  'measuredCpuMicroseconds',
  /** How many times as long as on the undisturbed core the same work took meanwhile. */
  'coreSlowness',
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

/**
 * The figures of one line of the table. What the kernel did not show is left out.
 *
 * @param undisturbed CPU microseconds of a piece of the probe's work on the undisturbed core, when that is known
 */
export function figuresOf(result: LoadResult, part: Row['part'], undisturbed?: number): Figures {
  return known(corrected(partFigures(result, part), probedCost(result, part), undisturbed))
}

/** What a piece of the probe's work cost in a measurement; undefined without a probe. */
export function probedCost(
  { coreProbeMicroseconds, retained }: LoadResult,
  part: Row['part'] = '',
): number | undefined {
  return (part === ' load' ? retained?.loadCoreProbeMicroseconds : coreProbeMicroseconds) ?? undefined
}

/**
 * CPU time as it would have been on the undisturbed core. As it was measured where there was no probe.
 *
 * @param probed what a piece of the probe's work cost meanwhile
 * @param undisturbed what it costs when the core has nothing else to do
 */
function corrected(figures: Partial, probed: number | undefined, undisturbed: number | undefined): Partial {
  const { cpuMicroseconds: measured } = figures
  if (!probed || !undisturbed || typeof measured !== 'number') return figures
  const coreSlowness = probed / undisturbed
  return { ...figures, cpuMicroseconds: measured / coreSlowness, measuredCpuMicroseconds: measured, coreSlowness }
}

function partFigures(result: LoadResult, part: Row['part']): Partial {
  const generatorPercent = result.generatorCpuPercent
  switch (part) {
    case ' load':
      return {
        cpuMicroseconds: result.retained?.loadCpuMicrosecondsPerMessage,
        perSecond: result.retained?.loadedPerSecond,
        generatorPercent,
      }
    case ' search':
      return { p50: result.retained?.searchMicroseconds }
    case '':
      return { ...wholeFigures(result), generatorPercent }
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
