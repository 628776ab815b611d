// What the metrics listener answers: whether the process lives, whether clients should be sent here, and all metrics.

import { expositionType, formatMetrics } from '../observe/exposition.ts'
import { type MetricsSource, metrics } from '../observe/metrics.ts'
import { type ReadinessCheck, unreadyLines } from '../observe/readiness.ts'
import { type HttpAnswer, type HttpRoutes, plainText } from './answer.ts'

export interface Monitored {
  /** Milliseconds that the event loop was late lately. */
  longestLagMs(): number
  /** `health_max_lag`, in milliseconds. */
  mostLagMs(): number
  readonly checks: readonly ReadinessCheck[]
  /** Put together for one scrape. */
  metrics(): MetricsSource
}

export function monitorRoutes(monitored: Monitored): HttpRoutes {
  return new Map([
    ['/healthz', () => health(monitored.longestLagMs(), monitored.mostLagMs())],
    ['/readyz', () => readiness(monitored.checks)],
    ['/metrics', () => ({ status: 200, type: expositionType, body: formatMetrics(metrics, monitored.metrics()) })],
  ])
}

/** An event loop that does not turn answers nothing at all; this tells of one that turns too slowly. */
function health(lagMs: number, mostMs: number): HttpAnswer {
  if (lagMs <= mostMs) return { status: 200, type: plainText, body: 'ok\n' }
  const late = `${Math.round(lagMs)} ms`
  return { status: 503, type: plainText, body: `the event loop was ${late} late; health_max_lag is ${mostMs} ms\n` }
}

function readiness(checks: readonly ReadinessCheck[]): HttpAnswer {
  const lines = unreadyLines(checks)
  if (lines.length === 0) return { status: 200, type: plainText, body: 'ready\n' }
  return { status: 503, type: plainText, body: lines.map(line => `${line}\n`).join('') }
}
