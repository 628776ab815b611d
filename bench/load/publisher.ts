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
  /**
   * There is reason to send again when the write is done: credit came meanwhile, or has no end. What is left of a window
   * behind a full batch waits for new credit, since a small write after each large one would undo the batching.
   */
  #again = false
  #progress = -1
  readonly #options: PublisherOptions

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  get sent(): number {
    return this.#options.reel.sequence
  }

  get credit(): number {
    const { window, deliveryWindow } = this.#options
    return Math.min(window - (this.sent - this.acknowledged), deliveryWindow - (this.sent - this.delivered))
  }

  /** Sends what the windows allow and one batch holds, stamped with `now`. */
  pump(now: number): void {
    const { credit } = this
    if (this.#writing) this.#again = true
    if (this.#writing || credit <= 0 || !this.#options.client.isOpen) return
    this.#writing = true
    this.#again = credit === Number.POSITIVE_INFINITY
    this.#options.reel.wind(credit, now)
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
    const stalled = this.credit <= 0 && progress === this.#progress
    this.#progress = progress
    if (!stalled) return false
    this.delivered = this.sent
    this.#options.wake(this)
    return true
  }

  /** The socket took all of it: the reel may be wound again. */
  readonly #written = (): void => {
    this.#writing = false
    if (this.#again) this.#options.wake(this)
  }
}
