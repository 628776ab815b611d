// How much one address has of what all share, so that nobody takes all of it alone.

import { addressKey } from './address-key.ts'

export class AddressShares {
  readonly #most: number
  /** No more than is shared out. */
  readonly #taken = new Map<string, number>()

  /** @param most what one address may have at a time */
  constructor(most: number) {
    this.#most = most
  }

  /**
   * @param address textual IP address, or `''` where there is none
   * @returns false when the address has its share; else it is given back later
   */
  take(address: string): boolean {
    const key = addressKey(address) ?? ''
    const taken = this.#taken.get(key) ?? 0
    if (taken >= this.#most) return false
    this.#taken.set(key, taken + 1)
    return true
  }

  /** One that was taken. */
  giveBack(address: string): void {
    const key = addressKey(address) ?? ''
    const left = (this.#taken.get(key) ?? 0) - 1
    if (left > 0) this.#taken.set(key, left)
    else this.#taken.delete(key)
  }
}
