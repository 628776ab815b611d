// Retained messages on their way to new subscriptions of one connection: handed over as fast as the client takes them, so
// that a million of them neither fill the memory nor pass the limits of the session's queue.

import { Fifo } from '../session/fifo.ts'
import type { Subscription } from '../session/subscription.ts'
import type { Broker } from './broker.ts'
import { deliverRetained, effectiveQoS } from './deliver.ts'
import type { Retained } from './retained.ts'

/** Most retained messages that wait for one connection; further ones are dropped and counted. */
export const maximumRetainedBacklog = 1_000_000

interface Waiting {
  readonly subscription: Subscription
  readonly retained: Retained
}

export class RetainedBacklog {
  readonly #broker: Broker
  readonly #waiting = new Fifo<Waiting>()

  constructor(broker: Broker) {
    this.#broker = broker
  }

  /** Takes in all that matches a new subscription. */
  add(subscription: Subscription, now: number): void {
    this.#broker.retained.match(subscription.topicFilter, now, retained => {
      if (this.#waiting.length < maximumRetainedBacklog) this.#waiting.push({ subscription, retained })
      else this.#broker.counters.publishDropped++
    })
  }

  /** Sends while the client takes more. */
  pump(now: number): void {
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      const { subscription, retained } = next
      const qos = effectiveQoS(this.#broker, subscription, retained.message)
      if (!subscription.session.outbound.isReadyFor(qos, retained.message.size)) return
      this.#waiting.shift()
      this.#deliver(next, now)
    }
  }

  /** The connection is gone: what is left goes into the session's queue, within its limits. */
  finish(now: number): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) this.#deliver(next, now)
  }

  #deliver({ subscription, retained }: Waiting, now: number): void {
    const { session, fullFilter } = subscription
    if (session.subscriptions.get(fullFilter) !== subscription) return
    // A later message on the topic has been routed to the subscription meanwhile; the older one must not follow it.
    if (this.#broker.retained.get(retained.message.topicName) !== retained) return
    deliverRetained(this.#broker, subscription, retained, now)
  }
}
