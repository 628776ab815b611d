// How many CONNECT packets are judged in a second: of one address, and of one listener. The next one is refused before
// anything is looked up for it.

import { TokenBucket } from '../base/token-bucket.ts'

/** Most addresses remembered; who came first is forgotten first, which gives that address a second's worth anew. */
const mostAddresses = 100_000

export class ConnectRate {
  readonly #addresses = new Map<string, TokenBucket>()

  /** @param perSecond 0: any */
  admits(address: string, perSecond: number, now: number): boolean {
    if (perSecond === 0) return true
    let bucket = this.#addresses.get(address)
    if (bucket === undefined) {
      bucket = new TokenBucket()
      if (this.#addresses.size >= mostAddresses) this.#forgetFirst()
      this.#addresses.set(address, bucket)
    }
    return bucket.take(perSecond, now)
  }

  #forgetFirst(): void {
    for (const first of this.#addresses.keys()) {
      this.#addresses.delete(first)
      return
    }
  }
}
