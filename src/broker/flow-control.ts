// What keeps the memory flat when subscribers are slower than publishers: a message above QoS 0 that every client it is
// for would have to drop waits with its publisher, who is not heard until one of them has room again. One slow client
// among others holds up nobody: its copy is dropped, as with Mosquitto.

import type { QoS } from '../mqtt/packet.ts'
import type { Outbound } from '../session/outbound.ts'
import type { Session } from '../session/session.ts'
import type { Subscription } from '../session/subscription.ts'
import type { Route } from './route.ts'

/**
 * The client to wait for before a message is taken over, or undefined when it can be taken now.
 *
 * Nobody waits for itself, for a client that is away, for one that has acknowledged nothing for
 * `maximumStallMs`, or for one whose own publishing waits: such a message is dropped where it does not fit.
 */
export function congestedTarget(route: Route, publisher: Session, qos: QoS, now: number): Outbound | undefined {
  const { subscriptions, groups } = route
  let congested: Outbound | undefined
  for (let i = 0; i < subscriptions.length; i++) {
    const subscription = subscriptions[i] as Subscription
    if (qos === 0 || subscription.qos === 0) continue
    if (!isCongested(subscription, publisher, now)) return undefined
    congested ??= subscription.session.outbound
  }
  for (let i = 0; i < groups.length; i++) {
    const { members } = groups[i] as { readonly members: readonly Subscription[] }
    for (let j = 0; j < members.length; j++) {
      const member = members[j] as Subscription
      if (!isCongested(member, publisher, now)) return undefined
      congested ??= member.session.outbound
    }
  }
  return congested
}

function isCongested({ session }: Subscription, publisher: Session, now: number): boolean {
  return session !== publisher && session.outbound.isCongested(now) && session.connection?.isHeld !== true
}
