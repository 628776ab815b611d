// How many messages a second a broker answers for, when they are for sessions that must survive it.

import { loadResult } from './judgement.ts'
import type { Durable, LoadRequest } from './request.ts'
import type { LoadResult } from './result.ts'
import { microsecondsPer } from './span.ts'
import { micros } from './stamp.ts'
import { TrafficRun } from './traffic-run.ts'

/** @throws LoadError when the set-up fails, or a session's client does not get back in */
export async function runDurable(request: LoadRequest, scenario: Durable): Promise<LoadResult> {
  const { window, away } = scenario
  const pace = { window, deliveryWindow: Number.POSITIVE_INFINITY }
  await using run = new TrafficRun(request, scenario, pace, { lasting: true })
  await run.connect()
  await run.subscribe()
  if (away) await run.sendAway()
  // A broker that saves for every message may let a publisher wait for long: that is no fault, but the figure.
  run.watchConnections()
  run.start()
  const { span, messages } = await run.measure()
  const from = micros()
  if (away) await run.callBack()
  await run.drain()
  return loadResult(scenario.kind, span, messages, run.faults(), {
    cpuMicrosecondsPerMessage: microsecondsPer(span.brokerCpuSeconds, messages.acknowledged),
    durable: {
      acknowledgedPerSecond: messages.acknowledged / span.seconds,
      drainSeconds: (micros() - from) / 1e6,
    },
  })
}
