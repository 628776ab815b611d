// Work that is done for many who ask, be it password checks or questions to a service outside: few at once, one address after
// the other, a bounded number waiting, and of those a bounded part from one address.

import { addressKey } from '../base/address-key.ts'
import { FairQueue } from '../base/fair-queue.ts'
import type { Waiting } from './identity.ts'

export interface FairGateLimits {
  /** Most that are under way at once. */
  readonly maxUnderWay: number
  /** Most that wait or are under way, a quarter of them from one address. */
  readonly maxPending: number
}

/** The part of `maxPending` that one address may take: whoever asks without end leaves room for others. */
const shareOfAddress = 1 / 4
/** The line of all unix sockets. */
const noAddress = ''

type Line = FairQueue<(isTheirTurn: boolean) => void>

export class FairGate {
  /** A reload replaces it; what waits already is done. */
  limits: FairGateLimits
  /** Called with false when the one who waited has left. */
  readonly #waiting: Line = new FairQueue()
  /** For the broker's own work. */
  readonly #own: Line = new FairQueue()
  #isOwnTurn = false
  /** How many wait or are under way, by `addressKey`; gone with the last. */
  readonly #pendingOf = new Map<string, number>()
  #underWay = 0

  constructor(limits: FairGateLimits) {
    this.limits = limits
  }

  /** How many wait or are under way, but for the broker's own work that waits. */
  get pending(): number {
    return this.#underWay + this.#waiting.length
  }

  /**
   * Does the work when its turn has come.
   *
   * @param address who asks; `''`, a unix socket, shares no limit but `maxPending`
   * @param waiting when it has gone before its turn, nothing is done, and its place goes to the next
   * @returns `busy` when too many wait, which is known at once, or whoever asked has left; rejected as the work is
   */
  run<T>(address: string, waiting: Waiting | undefined, work: () => Promise<T>): 'busy' | Promise<T | 'busy'> {
    const from = addressKey(address)
    return this.#isBusy(from) ? 'busy' : this.#inTurn(from, waiting, work)
  }

  /**
   * Does work of the broker's own, about whoever is in already: as often as the caller asks for it, and while others wait in every
   * second place that becomes free. However many strangers knock, nobody has to go for it.
   *
   * @returns rejected as the work is
   */
  async runOwn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn(this.#own, noAddress, undefined)
    if (turn !== true) await turn
    return work().finally(() => this.#finish())
  }

  async #inTurn<T>(
    from: string | undefined,
    waiting: Waiting | undefined,
    work: () => Promise<T>,
  ): Promise<T | 'busy'> {
    this.#count(from, 1)
    try {
      const turn = this.#turn(this.#waiting, from ?? noAddress, waiting)
      if (turn !== true && !(await turn)) return 'busy'
      return await work().finally(() => this.#finish())
    } finally {
      this.#count(from, -1)
    }
  }

  #isBusy(from: string | undefined): boolean {
    const { maxPending } = this.limits
    if (this.pending >= maxPending) return true
    return this.#countOf(from) >= Math.max(1, Math.floor(maxPending * shareOfAddress))
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

  /** Takes a place among those under way. @returns false when whoever asked has left meanwhile */
  #turn(queue: Line, line: string, waiting: Waiting | undefined): true | Promise<boolean> {
    if (this.#underWay < this.limits.maxUnderWay) {
      this.#underWay += 1
      return true
    }
    return new Promise(resolve => {
      queue.push(line, resolve)
      waiting?.whenGone(() => {
        if (queue.remove(line, resolve)) resolve(false)
      })
    })
  }

  /** Hands the place to whoever's turn it is, or gives it back. */
  #finish(): void {
    this.#isOwnTurn = !this.#isOwnTurn
    const [first, second] = this.#isOwnTurn ? [this.#own, this.#waiting] : [this.#waiting, this.#own]
    const next = first.shift() ?? second.shift()
    if (next === undefined) this.#underWay -= 1
    else next(true)
  }
}
