// Sessions without a broker, for tests of what only needs to know whose a subscription is.

import { provePrincipal } from '../../src/auth/principal.ts'
import { Session, type SessionAccess } from '../../src/session/session.ts'
import { Subscription } from '../../src/session/subscription.ts'
import { parseTopicFilter } from '../../src/topic/shared.ts'

const everything: SessionAccess = {
  publish: () => undefined,
  receive: () => true,
  subscribe: () => true,
  unsubscribe: () => true,
  mayPublish: () => true,
  standing: 'admitted',
  roles: [],
  source: Buffer.alloc(0),
}

/** @param mayReceive the topics that its client may receive, all when left out */
export function makeSession(clientId: string, mayReceive: (topicName: string) => boolean = () => true): Session {
  const limits = {
    max_inflight_messages: 20,
    max_inflight_bytes: 0,
    max_queued_messages: 0,
    max_queued_bytes: 0,
    queue_qos0_messages: false,
  }
  const principal = provePrincipal(undefined, 'anonymous', '')
  const access = { ...everything, receive: mayReceive }
  const session = new Session(clientId, principal, access, limits)
  session.connection = { end: ignore, forget: ignore, limitsChanged: ignore, isHeld: false }
  return session
}

/** @param fullFilter valid, with or without `$share/…` */
export function makeSubscription(session: Session, fullFilter: string): Subscription {
  const parsed = parseTopicFilter(fullFilter)
  if ('fault' in parsed) throw new Error(parsed.fault)
  const subscription = new Subscription(session, fullFilter, parsed.topicFilter, parsed.shareName)
  subscription.qos = 2
  return subscription
}

function ignore(): void {}
