// What happens in bursts is told once for each: the first at once, the others as one number. A storm must not become a storm of lines.

import type { Clock } from './clock.ts'
import { Timer, type TimerWheel } from './timer-wheel.ts'

/** Milliseconds after the first of a burst, and after each sum, in which the others are only counted. */
export const burstMs = 10_000

export interface BurstsDeps {
  readonly clock: Clock
  readonly wheel: TimerWheel
}

interface Burst {
  /** Since it was last told. */
  more: number
  readonly end: Timer
}

export class Bursts {
  readonly #deps: BurstsDeps
  readonly #tellMore: (name: string, more: number) => void
  readonly #bursts = new Map<string, Burst>()

  /** @param tellMore called while a burst goes on, and at its end, with how many were not told yet; never with 0 */
  constructor(deps: BurstsDeps, tellMore: (name: string, more: number) => void) {
    this.#deps = deps
    this.#tellMore = tellMore
  }

  /**
   * @param name of what happens; there have to be few
   * @returns whether it is the first of a burst, and to be told
   */
  begins(name: string): boolean {
    const burst = this.#bursts.get(name)
    if (burst === undefined) this.#watch(name)
    else burst.more++
    return burst === undefined
  }

  /** Tells what is still to be told. */
  close(): void {
    for (const [name, { more, end }] of this.#bursts) {
      this.#deps.wheel.clear(end)
      if (more > 0) this.#tellMore(name, more)
    }
    this.#bursts.clear()
  }

  #watch(name: string): void {
    const end = new Timer(() => this.#ended(name))
    this.#bursts.set(name, { more: 0, end })
    this.#deps.wheel.set(end, this.#deps.clock.now() + burstMs)
  }

  /** One that goes on is told of each time. */
  #ended(name: string): void {
    const more = this.#bursts.get(name)?.more ?? 0
    this.#bursts.delete(name)
    if (more === 0) return
    this.#tellMore(name, more)
    this.#watch(name)
  }
}
