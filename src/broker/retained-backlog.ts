// Retained messages on their way to new subscriptions of one connection: looked for and handed over bit by bit, as fast as
// the client takes them, so that a million of them neither fill the memory nor keep everybody else waiting.

import type { Subscription } from '../session/subscription.ts'
import type { Transport } from '../session/transport.ts'
import type { Broker } from './broker.ts'
import { deliverRetained, effectiveQoS } from './deliver.ts'
import type { Retained, RetainedCursor } from './retained.ts'

/** Topics that are looked at for one connection before everybody else has a turn: a quarter of a millisecond. */
export const retainedTopicsPerTurn = 1000
/** The same when it is gone, for what goes into its session's queue. */
const lastTurnTopics = 20_000
/** Handing a message over costs as much as looking at so many topics. */
const topicsPerMessage = 10

export class RetainedBacklog {
  readonly #broker: Broker
  readonly #transport: Transport
  /** The first is being served; a filter that is subscribed to again begins anew, at the end. */
  #waiting: Map<Subscription, RetainedCursor> | undefined
  /** What the first one's cursor has found and the client cannot take yet. */
  #found: Retained | undefined
  #topicsLeft = retainedTopicsPerTurn
  /** This turn's topics are used up, and the next one is asked for. */
  #awaitsTurn = false

  constructor(broker: Broker, transport: Transport) {
    this.#broker = broker
    this.#transport = transport
  }

  /** Whether nothing waits to be found or handed over. */
  get isEmpty(): boolean {
    return this.#waiting === undefined || this.#waiting.size === 0
  }

  /** Takes in all that matches a new subscription. */
  add(subscription: Subscription): void {
    this.drop(subscription)
    this.#waiting ??= new Map()
    this.#waiting.set(subscription, this.#broker.retained.match(subscription.topicFilter))
  }

  /** The client has unsubscribed. */
  drop(subscription: Subscription): void {
    if (this.#first === subscription) this.#found = undefined
    this.#waiting?.delete(subscription)
  }

  /** A new turn: others have been served since the last one. */
  takeTurn(now: number): void {
    this.#awaitsTurn = false
    this.#topicsLeft = retainedTopicsPerTurn
    this.pump(now)
  }

  /** Sends while the client takes more, within what is left of this turn. */
  pump(now: number): void {
    if (this.#waiting === undefined || this.#awaitsTurn) return
    for (let subscription = this.#first; subscription !== undefined; subscription = this.#first) {
      const retained = this.#find(subscription)
      if (retained !== undefined) {
        const qos = effectiveQoS(this.#broker, subscription, retained.message)
        if (!subscription.session.outbound.isReadyFor(qos, retained.message.size)) return
        this.#deliver(subscription, retained, now)
      }
      if (this.#topicsLeft <= 0) {
        this.#awaitsTurn = true
        this.#transport.askForTurn()
        return
      }
    }
    this.#waiting = undefined
  }

  /** The connection is gone: what this turn still finds goes into the session's queue, within its limits. */
  finish(now: number): void {
    this.#topicsLeft = lastTurnTopics
    for (
      let subscription = this.#first;
      subscription !== undefined && this.#topicsLeft > 0;
      subscription = this.#first
    ) {
      const retained = this.#find(subscription)
      if (retained !== undefined) this.#deliver(subscription, retained, now)
    }
    this.#waiting = undefined
    this.#found = undefined
  }

  get #first(): Subscription | undefined {
    return this.#waiting?.keys().next().value
  }

  /** @returns the subscription's next message, or undefined when there is none left or the turn is over */
  #find(subscription: Subscription): Retained | undefined {
    const cursor = this.#waiting?.get(subscription) as RetainedCursor
    while (this.#found === undefined && this.#topicsLeft > 0) {
      this.#topicsLeft--
      if (!cursor.step()) {
        this.#waiting?.delete(subscription)
        break
      }
      this.#found = cursor.found
    }
    return this.#found
  }

  #deliver(subscription: Subscription, retained: Retained, now: number): void {
    this.#found = undefined
    this.#topicsLeft -= topicsPerMessage
    // A later message on the topic has been routed to the subscription meanwhile; the older one must not follow it.
    if (!retained.isCurrent || now >= retained.expiresAt) return
    deliverRetained(this.#broker, subscription, retained, now)
  }
}
