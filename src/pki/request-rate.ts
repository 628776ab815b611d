// How many requests are answered in a second, to one address and to all: an OCSP answer is a signature, and a broker that runs in
// the same process would wait for thousands of them.

import { addressKey } from '../base/address-key.ts'

export interface RequestLimits {
  /** Fewer than all, so that nobody keeps everybody else out alone. */
  readonly requestsPerAddress: number
  readonly requestsPerSecond: number
}

export class RequestRate {
  readonly #limits: RequestLimits
  #second = Number.NEGATIVE_INFINITY
  #all = 0
  /** No more than are answered in a second. */
  readonly #byAddress = new Map<string, number>()

  constructor(limits: RequestLimits) {
    this.#limits = limits
  }

  /** @param now milliseconds */
  admits(address: string, now: number): boolean {
    this.#turnTo(Math.floor(now / 1000))
    const { requestsPerAddress, requestsPerSecond } = this.#limits
    const key = addressKey(address) ?? ''
    const own = this.#byAddress.get(key) ?? 0
    if (own >= requestsPerAddress || this.#all >= requestsPerSecond) return false
    this.#byAddress.set(key, own + 1)
    this.#all++
    return true
  }

  #turnTo(second: number): void {
    if (second === this.#second) return
    this.#second = second
    this.#all = 0
    this.#byAddress.clear()
  }
}
