// SUBSCRIBE and UNSUBSCRIBE (§3.8 to §3.11): each filter is judged by itself, then SUBACK, then what is retained.

import { ProtocolViolationError } from '../mqtt/errors.ts'
import type { QoS, RetainHandling, Subscribe, SubscriptionRequest, Unsubscribe } from '../mqtt/packet.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import type { Session } from '../session/session.ts'
import { Subscription } from '../session/subscription.ts'
import { levelCount } from '../topic/name.ts'
import { type ParsedTopicFilter, parseTopicFilter } from '../topic/shared.ts'
import type { Broker } from './broker.ts'
import type { ClientConnection } from './connection.ts'
import { RetainedBacklog } from './retained-backlog.ts'
import { logSubscribe, logUnsubscribe } from './trace.ts'

interface Made {
  readonly subscription: Subscription
  readonly sendRetained: boolean
}

/** @throws ProtocolViolationError for a filter that is none, and for no-local on a shared subscription */
export function receiveSubscribe(broker: Broker, connection: ClientConnection, packet: Subscribe, now: number): void {
  const reasonCodes: number[] = []
  // A filter that stands several times in one packet gets them once if any of the requests asks for them [MQTT-3.8.4-5].
  const sendsRetained = new Map<Subscription, boolean>()
  const identifier = packet.properties.subscriptionIdentifiers?.[0] ?? 0
  for (const request of packet.subscriptions) checkFilter(request)
  for (const request of packet.subscriptions) {
    const outcome = subscribe(broker, connection, request, identifier)
    if (typeof outcome === 'number') {
      broker.counters.subscriptionsRefused.add(refusals[outcome])
      reasonCodes.push(outcome)
    } else {
      reasonCodes.push(outcome.subscription.qos)
      const { subscription, sendRetained } = outcome
      sendsRetained.set(subscription, sendRetained || sendsRetained.get(subscription) === true)
    }
  }
  connection.sendSuback(packet.packetId, reasonCodes)
  connection.pace.subscribed(packet.subscriptions.length, now)
  for (const [subscription, wanted] of sendsRetained) {
    if (!wanted) continue
    connection.retainedBacklog ??= new RetainedBacklog(broker, connection.transport)
    connection.retainedBacklog.add(subscription)
  }
  connection.retainedBacklog?.pump(now)
}

export function receiveUnsubscribe(
  broker: Broker,
  connection: ClientConnection,
  packet: Unsubscribe,
  now: number,
): void {
  const { session } = connection
  // All are checked before any is carried out.
  const filters = packet.topicFilters.map(topicFilter => mount(connection, parseFilter(topicFilter)))
  const reasonCodes = filters.map(({ fullFilter }) => {
    if (!session.access.unsubscribe(fullFilter)) {
      connection.refusedTopic('unsubscribe', fullFilter)
      return ReasonCode.notAuthorized
    }
    const subscription = session.subscriptions.get(fullFilter)
    if (subscription === undefined) return ReasonCode.noSubscriptionExisted
    session.removeSubscription(subscription)
    broker.router.unsubscribe(subscription)
    connection.retainedBacklog?.drop(subscription)
    logUnsubscribe(connection, fullFilter)
    return ReasonCode.success
  })
  connection.sendUnsuback(packet.packetId, reasonCodes)
  connection.pace.subscribed(packet.topicFilters.length, now)
}

function parseFilter(topicFilter: string): ParsedTopicFilter {
  const parsed = parseTopicFilter(topicFilter)
  if (!('fault' in parsed)) return parsed
  throw new ProtocolViolationError('MQTT-4.7.1-1', parsed.fault, ReasonCode.malformedPacket)
}

function checkFilter(request: SubscriptionRequest): void {
  const parsed = parseFilter(request.topicFilter)
  if (parsed.shareName !== undefined && request.noLocal) {
    throw new ProtocolViolationError('MQTT-3.8.3-4', 'no-local on a shared subscription')
  }
}

/** Why a filter gets no subscription, in words. */
const refusals = {
  [ReasonCode.notAuthorized]: 'not authorised',
  [ReasonCode.quotaExceeded]: 'quota exceeded',
  [ReasonCode.topicFilterInvalid]: 'too many levels',
} as const

/** @returns the subscription, or why there is none */
function subscribe(
  broker: Broker,
  connection: ClientConnection,
  request: SubscriptionRequest,
  identifier: number,
): Made | keyof typeof refusals {
  const parsed = parseFilter(request.topicFilter)
  const { session, isBridge, maximumQoS } = connection.agreement
  const { fullFilter, topicFilter } = mount(connection, parsed)
  if (levelCount(topicFilter) > broker.settings.max_topic_levels) {
    broker.limitWatch.reached('max_topic_levels', connection.who)
    return ReasonCode.topicFilterInvalid
  }
  if (!session.access.subscribe(fullFilter)) {
    connection.refusedTopic('subscribe', fullFilter)
    return ReasonCode.notAuthorized
  }
  if (session.record !== undefined && broker.journal?.isFailing === true) return ReasonCode.quotaExceeded
  let subscription = session.subscriptions.get(fullFilter)
  const isNew = subscription === undefined
  if (subscription === undefined) {
    const limit = limitAgainst(broker, session, levelCount(topicFilter))
    if (limit !== undefined) {
      broker.limitWatch.reached(limit, connection.who)
      return ReasonCode.quotaExceeded
    }
    subscription = new Subscription(session, fullFilter, topicFilter, parsed.shareName)
    session.addSubscription(subscription)
    broker.router.subscribe(subscription)
  }
  subscription.qos = Math.min(request.qos, maximumQoS) as QoS
  subscription.noLocal = request.noLocal || isBridge
  subscription.retainAsPublished = request.retainAsPublished || isBridge
  subscription.identifier = identifier
  session.record?.putSubscription(subscription)
  logSubscribe(connection, fullFilter, subscription.qos)
  const sendRetained = parsed.shareName === undefined && wantsRetained(request.retainHandling, isNew)
  return { subscription, sendRetained }
}

/** @returns the limit that a new subscription would pass, as its option is called */
function limitAgainst(broker: Broker, session: Session, levels: number): string | undefined {
  const limits = broker.limitsOf(session.principal, session.access)
  const { max_subscriptions_per_client: most, max_subscription_levels_per_client: mostLevels } = limits
  if (session.subscriptions.size >= most) return 'max_subscriptions_per_client'
  if (session.subscribedLevels + levels > mostLevels) return 'max_subscription_levels_per_client'
  return broker.shortage > 0 ? 'memory_limit' : undefined
}

/** Retain Handling (§3.8.3.1): 0 always, 1 if the subscription is new, 2 never; shared ones never get any (§4.8.2). */
function wantsRetained(handling: RetainHandling, isNew: boolean): boolean {
  return handling === 0 || (handling === 1 && isNew)
}

function mount(
  connection: ClientConnection,
  parsed: ParsedTopicFilter,
): { readonly fullFilter: string; readonly topicFilter: string } {
  const topicFilter = (connection.agreement.mountPoint ?? '') + parsed.topicFilter
  const fullFilter = parsed.shareName === undefined ? topicFilter : `$share/${parsed.shareName}/${topicFilter}`
  return { fullFilter, topicFilter }
}
