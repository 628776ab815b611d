// One publisher: how much it may send now, and sending that much in one write.

import type { Client } from './client.ts'
import type { Reel } from './reel.ts'

export interface PublisherOptions {
  readonly client: Pick<Client, 'isOpen' | 'write'>
  readonly reel: Reel
  /** The most messages that it may have sent without an acknowledgement; infinite at QoS 0. */
  readonly window: number
  /** The most messages that it may have sent and some subscriber not got; infinite in an open loop. */
  readonly deliveryWindow: number
  /** Called when it may have become able to send. */
  readonly wake: (publisher: Publisher) => void
}

/** Its sequence numbers begin at 1; {@link sent} is the last one. */
export class Publisher {
  acknowledged = 0
  /** Messages that all their subscribers have. */
  delivered = 0
  /** Arrivals at any subscriber: that there are any is how a stall is told from slowness. */
  arrivals = 0
  /** It waits for its turn to {@link pump}. */
  queued = false
  #writing = false
  /** Credit came while something was being written. */
  #again = false
  /** What is still to be sent of the window that was begun. */
  #rest = 0
  #progress = -1
  /** Messages that are sent together; infinite in a flood. */
  readonly #whole: number
  readonly #options: PublisherOptions

  constructor(options: PublisherOptions) {
    this.#options = options
    this.#whole = Math.min(options.window, options.deliveryWindow)
  }

  get sent(): number {
    return this.#options.reel.sequence
  }

  get credit(): number {
    const { window, deliveryWindow } = this.#options
    return Math.min(window - (this.sent - this.acknowledged), deliveryWindow - (this.sent - this.delivered))
  }

  /**
   * Sends a window when all of it is free, a batch at a time, stamped with `now`. One that sent whatever little has
   * become free would settle into large or small writes by chance, and the cost of a message with it.
   */
  pump(now: number): void {
    if (this.#writing) this.#again = true
    if (this.#writing || !this.#options.client.isOpen) return
    if (this.#rest === 0) {
      if (this.credit < this.#whole) return
      this.#rest = this.#whole
    }
    this.#writing = true
    this.#again = false
    this.#options.reel.wind(this.#rest, now)
    this.#rest -= this.#options.reel.count
    this.#options.client.write(this.#options.reel.bytes(), this.#written)
  }

  /** Sends one message, due at that time, whatever is still being written; false when the window does not allow it. */
  sendOne(due: number): boolean {
    if (this.credit <= 0 || !this.#options.client.isOpen) return false
    this.#options.reel.wind(1, due)
    this.#options.client.write(Buffer.from(this.#options.reel.bytes()))
    return true
  }

  /**
   * Whether it could not send, and got nothing back, since the last call. Its undelivered messages are then given up,
   * so that the others are still measured; the run is void all the same.
   */
  giveUpIfStalled(): boolean {
    const progress = this.arrivals + this.acknowledged
    const stalled = this.#rest === 0 && this.credit < this.#whole && progress === this.#progress
    this.#progress = progress
    if (!stalled) return false
    this.delivered = this.sent
    this.#options.wake(this)
    return true
  }

  /** The socket took all of it: the reel may be wound again. */
  readonly #written = (): void => {
    this.#writing = false
    if (this.#again || this.#rest > 0) this.#options.wake(this)
  }
}
