// What keeps the memory flat when subscribers are slower than publishers: a message above QoS 0 that every client it is
// for would have to drop waits with its publisher, who is not heard until one of them has room again. One slow client
// among others holds up nobody: its copy is dropped, as with Mosquitto.

import { Timer } from '../base/timer-wheel.ts'
import { maximumStallMs, type Waiter } from '../session/outbound.ts'
import type { Session } from '../session/session.ts'
import type { Subscription } from '../session/subscription.ts'
import type { ClientConnection } from './connection.ts'
import type { Journal } from './journal.ts'
import { PauseReason } from './pause-reason.ts'
import type { GroupTarget, Route } from './route.ts'

/** Whoever has no room now: a client's queue, or the journal. */
export interface Congested {
  /** Calls the waiter once, when there is room again. */
  awaitRoom(waiter: Waiter): void
  stopWaiting(waiter: Waiter): void
}

/** Milliseconds that one message waits at most, however slowly its subscribers get on: then it is taken all the same. */
export const maximumHoldMs = 20_000

/**
 * The client to wait for before a message of QoS 1 or 2 is taken over, or undefined when it can be taken now: somebody
 * has room for it, or nobody is worth waiting for. That is nobody who is away, who has acknowledged nothing for
 * `maximumStallMs`, whose own message waits, or who is the publisher.
 *
 * @param size bytes that the message counts for in the queue's limits, or a little more
 */
export function congestedTarget(
  journal: Journal | undefined,
  route: Route,
  publisher: Session,
  size: number,
  now: number,
): Congested | undefined {
  // While it fails nobody knows for how long: what needs it is refused instead.
  if (journal?.isBehind === true && !journal.isFailing) return journal
  const { subscriptions, groups } = route
  let congested: Congested | undefined
  for (let i = 0; i < subscriptions.length; i++) {
    const subscription = subscriptions[i] as Subscription
    if (subscription.qos === 0) continue
    const { outbound } = subscription.session
    if (isWorthWaiting(subscription.session, publisher, now)) {
      if (outbound.hasRoomFor(size)) return undefined
      congested ??= outbound
    }
  }
  for (let i = 0; i < groups.length; i++) {
    const { members } = groups[i] as GroupTarget
    for (let j = 0; j < members.length; j++) {
      const { session } = members[j] as Subscription
      if (isWorthWaiting(session, publisher, now)) {
        if (session.outbound.hasRoomFor(size)) return undefined
        congested ??= session.outbound
      }
    }
  }
  return congested
}

function isWorthWaiting(session: Session, publisher: Session, now: number): boolean {
  return session !== publisher && session.connection?.isHeld === false && session.outbound.isMoving(now)
}

/** One connection's waiting: while it lasts nothing is heard of the client. */
export class Hold implements Waiter {
  readonly #connection: ClientConnection
  #target: Congested | undefined = undefined
  readonly #timer: Timer
  /** Milliseconds; when the message that waits, or waited last, was first refused. */
  #since = 0

  constructor(connection: ClientConnection) {
    this.#connection = connection
    this.#timer = new Timer(() => this.roomAgain())
  }

  get isWaiting(): boolean {
    return this.#target !== undefined
  }

  /** Whether the message that comes now has waited as long as any may. */
  hasLasted(now: number): boolean {
    return this.#since > 0 && now >= this.#since + maximumHoldMs
  }

  begin(target: Congested, now: number): void {
    if (this.#since === 0) this.#since = now
    this.#target = target
    target.awaitRoom(this)
    this.#connection.broker.wheel.set(this.#timer, now + maximumStallMs)
    this.#connection.pause(PauseReason.congestion)
  }

  /** The subscriber has room, is gone, or has to be looked at again: the message is handed over once more. */
  roomAgain(): void {
    if (this.#target === undefined) return
    this.#stop()
    this.#connection.resume(PauseReason.congestion)
  }

  /** The message was taken, or will never be. */
  end(): void {
    this.#since = 0
    this.#stop()
  }

  #stop(): void {
    this.#target?.stopWaiting(this)
    this.#target = undefined
    this.#connection.broker.wheel.clear(this.#timer)
  }
}
