// Loads many filters with wildcards, then publishes to topics that each match one of them.

import type { LoadRequest, Subscriptions } from './request.ts'
import type { LoadResult } from './result.ts'
import { microsecondsPer, Span } from './span.ts'
import { runClosedLoop } from './traffic-run.ts'

/** @throws LoadError when the set-up fails */
export function runSubscriptions(request: LoadRequest, scenario: Subscriptions): Promise<LoadResult> {
  const { filters } = scenario
  return runClosedLoop(request, scenario, async run => {
    const span = new Span(request)
    await run.subscribe()
    const { seconds, brokerCpuSeconds, brokerRssGrowthBytes } = span.end()
    return {
      subscriptions: {
        filters,
        subscribedPerSecond: filters / seconds,
        cpuMicrosecondsPerSubscription: microsecondsPer(brokerCpuSeconds, filters),
        bytesPerSubscription: brokerRssGrowthBytes === null ? null : brokerRssGrowthBytes / filters,
      },
    }
  })
}
