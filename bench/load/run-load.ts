// One request, one result: picks the scenario.

import { runConnects, runIdle } from './connections.ts'
import { runDurable } from './durable.ts'
import { runFlood } from './flood.ts'
import { runPaced } from './paced.ts'
import type { LoadRequest } from './request.ts'
import type { LoadResult } from './result.ts'
import { runRetained } from './retained.ts'
import { runSubscriptions } from './subscriptions.ts'
import { runClosedLoop } from './traffic-run.ts'

/** @throws LoadError when the broker cannot be reached, refuses us, or leaves us waiting in the set-up */
export function runLoad(request: LoadRequest): Promise<LoadResult> {
  const { scenario } = request
  switch (scenario.kind) {
    case 'subscriptions':
      return runSubscriptions(request, scenario)
    case 'retained':
      return runRetained(request, scenario)
    case 'connects':
      return runConnects(request, scenario)
    case 'idle':
      return runIdle(request, scenario)
    case 'paced':
      return runPaced(request, scenario)
    case 'durable':
      return runDurable(request, scenario)
    case 'flood':
      return runFlood(request, scenario)
    default:
      return runClosedLoop(request, scenario)
  }
}
