// Slows down whoever fails again and again: wrong passwords by address and by client id, takeovers by client id. Time is
// passed in; the broker waits for the delay before it evaluates the next attempt.

export interface ThrottleSettings {
  /** Failures that cost nothing: `max_authentication_failures`. */
  readonly freeFailures: number
  /** Delay after the first failure that is not free; each further one doubles it. */
  readonly firstDelayMs: number
  /** The longest delay: `authentication_delay_max`. */
  readonly maximumDelayMs: number
  /** Time without a failure that forgives one. */
  readonly forgiveOneAfterMs: number
  /** Most keys remembered; the one that failed longest ago is forgotten first. */
  readonly maximumKeys: number
}

export const failureThrottleDefaults: ThrottleSettings = {
  freeFailures: 5,
  firstDelayMs: 250,
  maximumDelayMs: 10_000,
  forgiveOneAfterMs: 60_000,
  maximumKeys: 100_000,
}

/** Two clients that share an id by mistake throw each other out all day (features H4): they soon wait ten seconds a round. */
export const takeoverThrottleDefaults: ThrottleSettings = { ...failureThrottleDefaults, forgiveOneAfterMs: 15_000 }

/** A success forgives half a failure: who has one account of his own cannot wash off his guesses at another's with it. */
const forgivenBySuccess = 0.5

/** Most attempts of one key that wait out a delay at once. */
const maximumWaiting = 4

interface Offender {
  failures: number
  failedAt: number
  /** Up to when the time without failure has been counted. */
  forgivenAt: number
}

export class Throttle {
  /** A reload replaces it; what was counted so far stays. */
  settings: ThrottleSettings
  /** Ordered by their latest failure. */
  readonly #offenders = new Map<string, Offender>()
  /** How many attempts wait, by key; gone with the last. */
  readonly #waiting = new Map<string, number>()
  #waitingCount = 0
  #delayedCount = 0

  constructor(settings: ThrottleSettings) {
    this.settings = settings
  }

  /** How many milliseconds the key's next attempt has to wait, counted from its latest failure; 0 for most. */
  delayMs(key: string, now: number): number {
    const offender = this.#current(key, now)
    if (offender === undefined) return 0
    const { freeFailures, firstDelayMs, maximumDelayMs } = this.settings
    const beyond = Math.floor(offender.failures) - freeFailures
    if (beyond <= 0) return 0
    const delay = Math.min(firstDelayMs * 2 ** (beyond - 1), maximumDelayMs)
    return Math.max(0, Math.ceil(offender.failedAt + delay - now))
  }

  /** Whether nobody has failed lately, or was forgiven since. */
  get isEmpty(): boolean {
    return this.#offenders.size === 0
  }

  /** How many attempts wait out a delay now. */
  get waiting(): number {
    return this.#waitingCount
  }

  /** How many have had to, since the start. */
  get delayed(): number {
    return this.#delayedCount
  }

  hasFailed(key: string, now: number): boolean {
    return this.#current(key, now) !== undefined
  }

  /**
   * Takes a place among the key's attempts that are waiting out their delay, so that parallel attempts gain nothing.
   *
   * @returns false when all places are taken: the attempt is to be refused at once
   */
  enter(key: string): boolean {
    const waiting = this.#waiting.get(key) ?? 0
    if (waiting >= maximumWaiting) return false
    this.#waiting.set(key, waiting + 1)
    this.#waitingCount++
    this.#delayedCount++
    return true
  }

  /** Gives the place back. */
  leave(key: string): void {
    this.#waitingCount--
    const waiting = (this.#waiting.get(key) ?? 0) - 1
    if (waiting > 0) this.#waiting.set(key, waiting)
    else this.#waiting.delete(key)
  }

  fail(key: string, now: number): void {
    const failures = (this.#current(key, now)?.failures ?? 0) + 1
    this.#offenders.delete(key)
    this.#offenders.set(key, { failures: Math.min(failures, this.#worstCounted), failedAt: now, forgivenAt: now })
    if (this.#offenders.size <= this.settings.maximumKeys) return
    for (const oldest of this.#offenders.keys()) {
      this.#offenders.delete(oldest)
      return
    }
  }

  succeed(key: string, now: number): void {
    const offender = this.#current(key, now)
    if (offender === undefined) return
    offender.failures -= forgivenBySuccess
    if (offender.failures <= 0) this.#offenders.delete(key)
  }

  /** More failures than these add no delay, and must not take longer to be forgiven. */
  get #worstCounted(): number {
    const { freeFailures, firstDelayMs, maximumDelayMs } = this.settings
    return freeFailures + 1 + Math.max(0, Math.ceil(Math.log2(maximumDelayMs / firstDelayMs)))
  }

  /** The key's record with the time that passed forgiven; undefined when nothing is left of it. */
  #current(key: string, now: number): Offender | undefined {
    const offender = this.#offenders.get(key)
    if (offender === undefined) return undefined
    const forgiven = Math.floor((now - offender.forgivenAt) / this.settings.forgiveOneAfterMs)
    if (forgiven > 0) {
      offender.failures -= forgiven
      offender.forgivenAt += forgiven * this.settings.forgiveOneAfterMs
    }
    if (offender.failures > 0) return offender
    this.#offenders.delete(key)
    return undefined
  }
}
