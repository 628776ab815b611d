// A rate with a burst of one second's worth. Time and rate are passed in, so that a reload may change the rate.

export class TokenBucket {
  /** What was taken and has not come back yet. */
  #spent = 0
  #at = Number.NEGATIVE_INFINITY

  /** Takes one, if there is one. */
  take(perSecond: number, now: number): boolean {
    this.#refill(perSecond, now)
    if (this.#spent + 1 > perSecond) return false
    this.#spent++
    return true
  }

  /**
   * Takes so many, whether they are there or not.
   *
   * @returns milliseconds until the debt is paid, 0 without one
   */
  spend(amount: number, perSecond: number, now: number): number {
    this.#refill(perSecond, now)
    this.#spent += amount
    return Math.max(0, Math.ceil(((this.#spent - perSecond) * 1000) / perSecond))
  }

  #refill(perSecond: number, now: number): void {
    const passed = Math.max(0, now - this.#at)
    this.#spent = Math.max(0, this.#spent - (passed * perSecond) / 1000)
    this.#at = now
  }
}
