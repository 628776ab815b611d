// Which messages the store has to take: only these are refused while it cannot be written.

import type { QoS } from '../mqtt/packet.ts'
import type { Session } from '../session/session.ts'
import type { Subscription } from '../session/subscription.ts'
import type { Route } from './route.ts'

/**
 * Whether taking the message over promises something that has to survive: it is retained, a session that outlives its
 * connection may get it, or its QoS 2 exchange is such a session's.
 *
 * @param isRetained or removes what is
 * @param isUpgraded whether subscribers get it at their own QoS (`upgrade_outgoing_qos`)
 */
export function needsStore(
  publisher: Session,
  route: Route,
  qos: QoS,
  isRetained: boolean,
  isUpgraded: boolean,
): boolean {
  if (isRetained || (qos === 2 && publisher.record !== undefined)) return true
  if (qos === 0 && !isUpgraded) return false
  return route.subscriptions.some(isRecorded) || route.groups.some(({ members }) => members.some(isRecorded))
}

function isRecorded({ qos, session }: Subscription): boolean {
  return qos > 0 && session.record !== undefined
}
