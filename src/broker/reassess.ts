// Sessions under rules that have changed: what their clients may no longer have is taken away where it is, and nobody else
// is disturbed.

import type { RightsHolder } from '../auth/user-directory.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import type { Session } from '../session/session.ts'
import type { Broker } from './broker.ts'

/** Whom a change concerns. */
export interface RightsChange {
  concerns(holder: RightsHolder): boolean
  /** Whoever has to come back to have the new rights (0x98). */
  disconnects(holder: RightsHolder): boolean
  /** Whoever was deleted, by name: the sessions end, though somebody else may have the name by now. */
  ends(username: string | undefined): boolean
}

/** Judges the sessions that a change concerns, connected or away. */
export function reassess(broker: Broker, change: RightsChange): void {
  broker.rulesVersion++
  const concerned: Session[] = []
  for (const session of broker.registry.values()) {
    if (change.concerns(session.principal)) concerned.push(session)
  }
  if (concerned.length === 0) return
  broker.router.outdate()
  for (const session of concerned) {
    if (change.ends(session.principal.username)) {
      exclude(broker, session, true)
      continue
    }
    judgeAgain(broker, session)
    if (change.disconnects(session.principal)) session.connection?.end(ReasonCode.administrativeAction)
  }
}

/** Leaves a session what the rules and limits in force allow; whoever they exclude is disconnected (0x98). */
export function judgeAgain(broker: Broker, session: Session): void {
  const { access } = session
  limitAgain(broker, session)
  const { standing } = access
  if (standing !== 'admitted') {
    exclude(broker, session, standing === 'unknown')
    return
  }
  for (const subscription of [...session.subscriptions.values()]) {
    if (access.subscribe(subscription.fullFilter)) continue
    session.removeSubscription(subscription)
    broker.router.unsubscribe(subscription)
    session.connection?.forget(subscription)
  }
  session.outbound.prune(topicName => access.receive(topicName))
}

/** How much may wait for a session, and how quick its client may be, by its user and its roles as they are now. */
function limitAgain(broker: Broker, session: Session): void {
  session.outbound.limits = broker.limitsOf(session.principal, session.access)
  session.connection?.limitsChanged()
}

/** Nothing more is done in the client's name, its will included; of a user who is gone nothing is left (features B12). */
function exclude(broker: Broker, session: Session, isGone: boolean): void {
  session.will = undefined
  if (session.connection !== undefined) session.connection.end(ReasonCode.administrativeAction)
  else broker.journal?.recordSession(session)
  if (isGone) broker.registry.close(session)
}
