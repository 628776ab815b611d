// From a route to sessions: no-local, effective QoS, retain flag, one copy or several (§3.3.1, §3.8.3).

import type { Permitted } from '../auth/principal.ts'
import { escapeText } from '../base/escape.ts'
import type { QoS } from '../mqtt/packet.ts'
import type { Message } from '../session/message.ts'
import type { Delivery } from '../session/outbound.ts'
import type { Session } from '../session/session.ts'
import type { Subscription } from '../session/subscription.ts'
import type { Broker } from './broker.ts'
import type { Retained } from './retained.ts'
import type { GroupTarget, Route } from './route.ts'

/**
 * Delivers one message to whoever has subscribed to it now.
 *
 * @param route the current one of the message's topic
 * @returns how many subscriptions it reached
 */
export function deliverMessage(broker: Broker, message: Permitted<Message>, route: Route, now: number): number {
  if (route.overlaps && !broker.settings.allow_duplicate_messages) return deliverOnce(broker, route, message, now)
  const { subscriptions, groups } = route
  let last: Delivery | undefined
  for (let i = 0; i < subscriptions.length; i++) {
    last = deliver(broker, subscriptions[i] as Subscription, message, now, last)
  }
  let reached = route.matched
  for (let i = 0; i < groups.length; i++) {
    const { group, members } = groups[i] as GroupTarget
    const member = group.choose(members, message.qos, message.size)
    if (member === undefined) continue
    reached++
    last = deliver(broker, member, message, now, last)
  }
  return reached
}

/**
 * @param subscription of a route: its client may receive the topic
 * @param last what this message was delivered as before; most subscribers get the same
 * @returns what it was delivered as now, for the next call
 */
export function deliver(
  broker: Broker,
  subscription: Subscription,
  message: Message,
  now: number,
  last: Delivery | undefined,
): Delivery | undefined {
  if (isOwn(subscription, message)) return last
  const next = fits(broker, subscription, message, last) ? last : routed(broker, subscription, message)
  offer(broker, subscription.session, next, now)
  return next
}

/**
 * One copy per session, at the highest QoS and with all identifiers (`allow_duplicate_messages false`) [MQTT-3.3.4-2].
 *
 * @returns how many subscriptions it reached
 */
function deliverOnce(broker: Broker, route: Route, message: Message, now: number): number {
  const merged = new Map<Session, Delivery>()
  for (const subscription of route.subscriptions) mergeInto(merged, broker, subscription, message)
  let reached = route.matched
  for (const { group, members } of route.groups) {
    const member = group.choose(members, message.qos, message.size)
    if (member === undefined) continue
    reached++
    mergeInto(merged, broker, member, message)
  }
  for (const [session, one] of merged) offer(broker, session, one, now)
  return reached
}

function mergeInto(merged: Map<Session, Delivery>, broker: Broker, subscription: Subscription, message: Message): void {
  if (isOwn(subscription, message)) return
  const next = routed(broker, subscription, message)
  const earlier = merged.get(subscription.session)
  merged.set(subscription.session, earlier === undefined ? next : merge(earlier, next))
}

/** Sends what is retained to a new subscription, RETAIN set [MQTT-3.3.1-8]. */
export function deliverRetained(broker: Broker, subscription: Subscription, retained: Retained, now: number): void {
  const { message } = retained
  if (broker.settings.check_retain_source && !retained.isStillAllowed(broker.rulesVersion)) return
  if (isOwn(subscription, message) || !subscription.session.access.receive(message.topicName)) return
  offer(broker, subscription.session, delivery(broker, subscription, message, true), now)
}

/** No-local: the client's own messages are not for it (§3.8.3.1). */
function isOwn(subscription: Subscription, message: Message): boolean {
  return subscription.noLocal && message.publisher === subscription.session.clientId
}

/** The lower of the subscription's and the message's [MQTT-3.8.4-8], unless `upgrade_outgoing_qos` says otherwise. */
export function effectiveQoS(broker: Broker, subscription: Subscription, message: Message): QoS {
  if (broker.settings.upgrade_outgoing_qos || subscription.qos < message.qos) return subscription.qos
  return message.qos
}

function fits(
  broker: Broker,
  subscription: Subscription,
  message: Message,
  last: Delivery | undefined,
): last is Delivery {
  return (
    last !== undefined &&
    last.subscriptionIdentifiers === undefined &&
    subscription.identifier === 0 &&
    last.qos === effectiveQoS(broker, subscription, message) &&
    last.retain === (subscription.retainAsPublished && message.retain)
  )
}

function routed(broker: Broker, subscription: Subscription, message: Message): Delivery {
  return delivery(broker, subscription, message, subscription.retainAsPublished && message.retain)
}

function delivery(broker: Broker, subscription: Subscription, message: Message, retain: boolean): Delivery {
  return {
    message,
    qos: effectiveQoS(broker, subscription, message),
    retain,
    subscriptionIdentifiers: subscription.identifier === 0 ? undefined : [subscription.identifier],
  }
}

function merge(a: Delivery, b: Delivery): Delivery {
  const identifiers = [...(a.subscriptionIdentifiers ?? []), ...(b.subscriptionIdentifiers ?? [])]
  return {
    message: a.message,
    qos: Math.max(a.qos, b.qos) as QoS,
    retain: a.retain || b.retain,
    subscriptionIdentifiers: identifiers.length === 0 ? undefined : identifiers,
  }
}

function offer(broker: Broker, session: Session, one: Delivery, now: number): void {
  if (broker.shortage > 0 && !isWorthMemory(broker, session, one)) {
    refuseToQueue(broker, session)
    return
  }
  const outcome = session.outbound.offer(one, now)
  if (outcome === 'sent' || outcome === 'queued') return
  broker.counters.publishDropped++
  if (outcome === 'overflowed') {
    broker.counters.limitsReached.add(fullBy(broker, session))
    broker.log.write('notice', `Outgoing messages are being dropped for client ${escapeText(session.clientId)}.`)
  }
}

function fullBy({ settings }: Broker, { outbound }: Session): string {
  const { max_queued_messages: most } = settings
  return most > 0 && outbound.queuedMessages >= most ? 'max_queued_messages' : 'max_queued_bytes'
}

/**
 * Whether a copy needs no queue, or was promised to somebody: the publisher has QoS 1 or 2, the subscription too, and the session
 * outlives its connection. What was promised is refused before it is acknowledged, if at all: see needs-memory.ts.
 */
function isWorthMemory({ shortage }: Broker, session: Session, { qos, message }: Delivery): boolean {
  const { connection, outbound } = session
  if (connection !== undefined && (shortage < 2 || outbound.isReadyFor(qos, message.size))) return true
  return qos > 0 && message.qos > 0 && message.publisher !== '' && session.expiryInterval > 0
}

function refuseToQueue(broker: Broker, { clientId }: Session): void {
  broker.counters.publishDropped++
  broker.limitWatch.reached('memory_limit', `the queue of client ${escapeText(clientId)}`)
}
