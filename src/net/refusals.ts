// Connections that a limit keeps out, in the log: the first of a burst with its address, the others as one number. A storm
// must not become a storm of lines.

import type { Clock } from '../base/clock.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { Timer, type TimerWheel } from '../base/timer-wheel.ts'

export interface RefusalsDeps {
  readonly log: Log
  readonly clock: Clock
  readonly wheel: TimerWheel
  /** Counts it, by the option that names the limit. */
  limitReached(limit: string): void
}

/** For so long after a line the same limit writes no other. */
export const burstSeconds = 10

interface Burst {
  /** Refused since the last line. */
  more: number
  readonly end: Timer
}

export class Refusals {
  readonly #deps: RefusalsDeps
  /** By the limit's name, of which there are few. */
  readonly #bursts = new Map<string, Burst>()

  constructor(deps: RefusalsDeps) {
    this.#deps = deps
  }

  /**
   * @param limit the option's name
   * @param address textual IP address, or `''` on a unix socket
   */
  note(limit: string, address: string): void {
    this.#deps.limitReached(limit)
    const burst = this.#bursts.get(limit)
    if (burst !== undefined) {
      burst.more++
      return
    }
    this.#deps.log.write('notice', `Client connection from ${escapeText(address)} denied: ${limit} exceeded.`)
    this.#watch(limit)
  }

  /** Writes what is still to be told. */
  close(): void {
    for (const [limit, { more, end }] of this.#bursts) {
      this.#deps.wheel.clear(end)
      this.#sum(limit, more)
    }
    this.#bursts.clear()
  }

  #watch(limit: string): void {
    const end = new Timer(() => this.#ended(limit))
    this.#bursts.set(limit, { more: 0, end })
    this.#deps.wheel.set(end, this.#deps.clock.now() + burstSeconds * 1000)
  }

  /** A burst that goes on has one line each time. */
  #ended(limit: string): void {
    const more = this.#bursts.get(limit)?.more ?? 0
    this.#bursts.delete(limit)
    if (more === 0) return
    this.#sum(limit, more)
    this.#watch(limit)
  }

  #sum(limit: string, more: number): void {
    if (more === 0) return
    this.#deps.log.write('notice', `Client connections denied: ${limit} exceeded (${more} more).`)
  }
}
