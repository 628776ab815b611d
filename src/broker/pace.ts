// Holds a client to its rates: whoever is above them is not read for a while. Nothing is lost and nobody is disconnected;
// TCP tells the client.

import { Timer } from '../base/timer-wheel.ts'
import { TokenBucket } from '../base/token-bucket.ts'
import type { ClientConnection } from './connection.ts'
import { PauseReason } from './pause-reason.ts'

/** Of one client, in a second and at once, as the listener had them at CONNECT; 0: any. */
export interface Rates {
  readonly max_publish_rate: number
  readonly max_publish_byte_rate: number
  readonly max_subscribe_rate: number
}

/** Milliseconds that a publisher rests after each message, by how short memory is. */
const restMs = [0, 100, 1000] as const

/** Everything in it is made when it is first needed: most clients subscribe a few times and are never too quick. */
export class Pace {
  readonly #connection: ClientConnection
  #publishes: TokenBucket | undefined = undefined
  #publishedBytes: TokenBucket | undefined = undefined
  #filters: TokenBucket | undefined = undefined
  #timer: Timer | undefined = undefined

  constructor(connection: ClientConnection) {
    this.#connection = connection
  }

  /** @param bytes of topic and payload */
  published(bytes: number, now: number): void {
    const { broker, agreement } = this.#connection
    const { max_publish_rate: publishes, max_publish_byte_rate: publishedBytes } = agreement.rates
    if (publishes > 0) {
      this.#publishes ??= new TokenBucket()
      this.#rest('max_publish_rate', this.#publishes.spend(1, publishes, now), now)
    }
    if (publishedBytes > 0) {
      this.#publishedBytes ??= new TokenBucket()
      this.#rest('max_publish_byte_rate', this.#publishedBytes.spend(bytes, publishedBytes, now), now)
    }
    this.#rest('memory_limit', restMs[broker.shortage], now)
  }

  /** @param count of the filters of one SUBSCRIBE or UNSUBSCRIBE */
  subscribed(count: number, now: number): void {
    const { max_subscribe_rate: filters } = this.#connection.agreement.rates
    if (filters === 0) return
    this.#filters ??= new TokenBucket()
    this.#rest('max_subscribe_rate', this.#filters.spend(count, filters, now), now)
  }

  end(): void {
    if (this.#timer !== undefined) this.#connection.broker.wheel.clear(this.#timer)
  }

  #rest(limit: string, milliseconds: number, now: number): void {
    const connection = this.#connection
    if (milliseconds === 0 || connection.state === 'ended') return
    const { broker } = connection
    broker.limitWatch.reached(limit, connection.who)
    this.#timer ??= new Timer(() => connection.resume(PauseReason.rate))
    // Of several rests the longest counts.
    const at = now + milliseconds
    if (!this.#timer.isSet || this.#timer.at < at) broker.wheel.set(this.#timer, at)
    connection.pause(PauseReason.rate)
  }
}
