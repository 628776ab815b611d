// Tells that a limit was reached: counted each time, and logged once for a burst, with whoever was first. A flood must not
// become a flood of lines.

import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { Timer, type TimerWheel } from '../base/timer-wheel.ts'

export interface LimitWatchDeps {
  readonly log: Log
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly counters: { readonly limitsReached: { add(limit: string): void } }
}

/** Milliseconds for which a limit writes no other line. */
export const burstMs = 10_000

interface Burst {
  more: number
  readonly end: Timer
}

export class LimitWatch {
  readonly #deps: LimitWatchDeps
  /** By the limit's name, of which there are few. */
  readonly #bursts = new Map<string, Burst>()

  constructor(deps: LimitWatchDeps) {
    this.#deps = deps
  }

  /**
   * @param limit the option's name
   * @param who reached it, escaped
   */
  reached(limit: string, who: string): void {
    this.#deps.counters.limitsReached.add(limit)
    const burst = this.#bursts.get(limit)
    if (burst !== undefined) {
      burst.more++
      return
    }
    this.#deps.log.write('notice', `Limit ${limit} reached by ${who}.`)
    const end = new Timer(() => this.#ended(limit))
    this.#bursts.set(limit, { more: 0, end })
    this.#deps.wheel.set(end, this.#deps.clock.now() + burstMs)
  }

  #ended(limit: string): void {
    const more = this.#bursts.get(limit)?.more ?? 0
    this.#bursts.delete(limit)
    if (more > 0) this.#deps.log.write('notice', `Limit ${limit} reached ${more} more times.`)
  }
}
