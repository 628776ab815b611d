// How late the event loop is. A tick that should come every so many milliseconds comes later by what the loop was busy
// with; who asks before the next tick sees also how long that one is overdue, so a stall shows in the first answer after it.

/** A stall is remembered for this time, in milliseconds, and for no longer than twice as much. */
export const lagMemoryMs = 10_000

export class LoopLag {
  readonly #intervalMs: number
  #tickedAt: number
  #periodEnd: number
  /** The longest delays of this period and of the one before. */
  #longest = 0
  #longestBefore = 0

  /**
   * @param intervalMs how often `tick` is meant to be called
   * @param now milliseconds
   */
  constructor(intervalMs: number, now: number) {
    this.#intervalMs = intervalMs
    this.#tickedAt = now
    this.#periodEnd = now + lagMemoryMs
  }

  /** @returns milliseconds by which this call is late */
  tick(now: number): number {
    const delay = this.#overdue(now)
    this.#tickedAt = now
    if (now >= this.#periodEnd) {
      this.#longestBefore = this.#longest
      this.#longest = 0
      this.#periodEnd = now + lagMemoryMs
    }
    this.#longest = Math.max(this.#longest, delay)
    return delay
  }

  /** Milliseconds of the longest delay lately, the one that is still going on included. */
  longestMs(now: number): number {
    return Math.max(this.#longestBefore, this.#longest, this.#overdue(now))
  }

  #overdue(now: number): number {
    return Math.max(0, now - this.#tickedAt - this.#intervalMs)
  }
}
