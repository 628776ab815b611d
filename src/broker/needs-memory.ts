// Which messages would fill memory that is short: only these are refused, before they are acknowledged, so that nothing that was
// acknowledged ever has to be given up.

import type { Publish, QoS } from '../mqtt/packet.ts'
import type { Session } from '../session/session.ts'
import type { Subscription } from '../session/subscription.ts'
import type { Broker } from './broker.ts'
import type { Congested } from './flow-control.ts'
import type { Shortage } from './memory-guard.ts'
import type { Route } from './route.ts'

/**
 * Whether taking the message over, at QoS 1 or 2, promises to keep it: it would be retained, or wait for a session that outlives
 * its connection. At shortage 1 it waits for whoever is away, at 2 also for whoever cannot be sent it at once. Where a queue is
 * full by its own limits nothing is kept, and nothing refused.
 */
export function needsMemory(
  { shortage, retained }: Broker,
  publisher: Session,
  route: Route,
  packet: Publish,
): boolean {
  const { payload, qos, retain } = packet
  const size = payload.length + route.encodedTopicName.length - lengthBytes
  if (retain && payload.length > 0 && retained.limitAgainst(route.topicName, size) === 'memory_limit') return true
  const waits = (subscription: Subscription) =>
    !(subscription.noLocal && subscription.session === publisher) &&
    isKept(subscription, size) &&
    !takesAtOnce(subscription, qos, size, shortage)
  if (route.subscriptions.some(waits)) return true
  return route.groups.some(
    ({ members }) => members.some(waits) && !members.some(member => takesAtOnce(member, qos, size, shortage)),
  )
}

/** Of a topic name on the wire. */
const lengthBytes = 2

/** Whoever waits for memory looks each second: nobody tells when a client that was away has come for what waits. */
export const memoryToCome: Congested = {
  awaitRoom() {},
  stopWaiting() {},
}

function isKept({ qos, session }: Subscription, size: number): boolean {
  return qos > 0 && session.expiryInterval > 0 && session.outbound.hasRoomFor(size)
}

/** Who is connected is served as long as memory is not critical. */
function takesAtOnce({ qos, session }: Subscription, messageQoS: number, size: number, shortage: Shortage): boolean {
  if (session.connection === undefined) return false
  return shortage < 2 || session.outbound.isReadyFor(Math.min(qos, messageQoS) as QoS, size)
}
