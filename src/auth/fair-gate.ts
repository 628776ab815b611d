// Questions to a service outside: few at once, one address after the other, a bounded number waiting, and of those a bounded
// part from one address, as with password checks.

import { addressKey } from '../base/address-key.ts'
import { FairQueue } from '../base/fair-queue.ts'
import type { Waiting } from './identity.ts'

export interface FairGateLimits {
  /** Most questions under way. */
  readonly underWay: number
  /** Most that wait or are under way, a quarter of them from one address. */
  readonly pending: number
}

/** What one address may take of `pending`. */
const shareOfAddress = 1 / 4

export class FairGate {
  readonly #limits: FairGateLimits
  /** Called with false when the one who waited has left. */
  readonly #waiting = new FairQueue<(isTheirTurn: boolean) => void>()
  readonly #pendingOf = new Map<string, number>()
  #underWay = 0

  constructor(limits: FairGateLimits) {
    this.#limits = limits
  }

  /**
   * Does the work when its turn has come.
   *
   * @param address who asks; `''`, a unix socket or the broker itself, shares no limit but `pending`
   * @param waiting when it has gone before its turn, nothing is done
   * @returns `busy` when too many wait, or whoever asked has left; rejected as the work is
   */
  async run<T>(address: string, waiting: Waiting | undefined, work: () => Promise<T>): Promise<T | 'busy'> {
    const from = addressKey(address)
    if (this.#isBusy(from)) return 'busy'
    this.#count(from, 1)
    try {
      if (!(await this.#turn(from ?? '', waiting))) return 'busy'
      return await work().finally(() => this.#finish())
    } finally {
      this.#count(from, -1)
    }
  }

  #isBusy(from: string | undefined): boolean {
    const { pending } = this.#limits
    if (this.#underWay + this.#waiting.length >= pending) return true
    return this.#countOf(from) >= Math.max(1, Math.floor(pending * shareOfAddress))
  }

  #countOf(from: string | undefined): number {
    return from === undefined ? 0 : (this.#pendingOf.get(from) ?? 0)
  }

  #count(from: string | undefined, change: 1 | -1): void {
    if (from === undefined) return
    const pending = this.#countOf(from) + change
    if (pending === 0) this.#pendingOf.delete(from)
    else this.#pendingOf.set(from, pending)
  }

  #turn(line: string, waiting: Waiting | undefined): true | Promise<boolean> {
    if (this.#underWay < this.#limits.underWay) {
      this.#underWay += 1
      return true
    }
    return new Promise(resolve => {
      this.#waiting.push(line, resolve)
      waiting?.whenGone(() => {
        if (this.#waiting.remove(line, resolve)) resolve(false)
      })
    })
  }

  /** Hands the place to the address whose turn it is, or gives it back. */
  #finish(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#underWay -= 1
    else next(true)
  }
}
