// Tells that a limit was reached: counted each time, and logged once for a burst, with whoever was first.

import { Bursts, type BurstsDeps } from '../base/bursts.ts'
import type { Log } from '../base/log.ts'

export interface LimitWatchDeps extends BurstsDeps {
  readonly log: Log
  readonly counters: { readonly limitsReached: { add(limit: string): void } }
}

export class LimitWatch {
  readonly #deps: LimitWatchDeps
  readonly #bursts: Bursts

  constructor(deps: LimitWatchDeps) {
    this.#deps = deps
    this.#bursts = new Bursts(deps, (limit, more) =>
      deps.log.write('notice', `Limit ${limit} reached ${more} more times.`),
    )
  }

  /**
   * @param limit the option's name
   * @param who reached it, escaped
   */
  reached(limit: string, who: string): void {
    this.#deps.counters.limitsReached.add(limit)
    if (this.#bursts.begins(limit)) this.#deps.log.write('notice', `Limit ${limit} reached by ${who}.`)
  }
}
