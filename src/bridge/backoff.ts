// How long a bridge waits before it tries again: always the same, or at random and longer each time ("decorrelated jitter"), so
// that many bridges do not come back to a broker at once.

import { randomInt } from 'node:crypto'
import type { RestartTimeout } from './option-values.ts'

/** Where `restart_timeout` says nothing. */
const usual: RestartTimeout = { base: 5, cap: 30, stable: 0 }
/** How much longer a delay can be than the one before. */
const growth = 3

export class Backoff {
  readonly #timeout: RestartTimeout
  /** Of the last delay, in milliseconds; 0 before the first. */
  #lastMs = 0

  constructor(timeout: RestartTimeout = usual) {
    this.#timeout = timeout
  }

  /** @returns milliseconds until the next attempt */
  nextMs(): number {
    const { base, cap } = this.#timeout
    const baseMs = base * 1000
    if (cap === undefined) return baseMs
    const mostMs = Math.min(cap * 1000, Math.max(baseMs, this.#lastMs * growth))
    this.#lastMs = mostMs > baseMs ? randomInt(baseMs, mostMs + 1) : baseMs
    return this.#lastMs
  }

  /** @param lastedMs how long the connection was there that has ended now */
  ended(lastedMs: number): void {
    if (lastedMs >= this.#timeout.stable * 1000) this.#lastMs = 0
  }
}
