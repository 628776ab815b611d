// The life of a PUBLISH inside the broker, in the order of the steps: resolve, limit, permit and route, wait, deliver, acknowledge.
// The acknowledgement is last: it leaves when what it promises is done.

import { type Permitted, permitAlike } from '../auth/principal.ts'
import { escapeText } from '../base/escape.ts'
import { ProtocolError, ProtocolViolationError } from '../mqtt/errors.ts'
import { noProperties, PacketType, type Properties, type Publish, type QoS } from '../mqtt/packet.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import { forwardedProperties } from '../session/forwarded-properties.ts'
import type { ReceiveQuota } from '../session/inbound.ts'
import { Message, neverExpires } from '../session/message.ts'
import { levelCount, longestTopicBytes, topicNameFault } from '../topic/name.ts'
import type { Broker } from './broker.ts'
import type { ClientConnection } from './connection.ts'
import { isForBroker, receiveControl } from './control.ts'
import { deliverMessage } from './deliver.ts'
import { type Congested, congestedTarget } from './flow-control.ts'
import type { Journal } from './journal.ts'
import { memoryToCome, needsMemory } from './needs-memory.ts'
import { needsStore } from './needs-store.ts'
import type { PublisherTopic } from './publisher-topic.ts'
import { Retained, type RetainSource } from './retained.ts'
import type { Route } from './route.ts'
import { traceReceivedPublish } from './trace.ts'

/**
 * @param mayWait whether the message may wait for its subscribers, or has done so long enough
 * @returns the subscriber that the message has to wait for, and then nothing was done yet (see flow-control.ts);
 *   undefined when it was dealt with
 * @throws ProtocolViolationError when the packet is illegal on this connection: the connection ends
 */
export function receivePublish(
  broker: Broker,
  connection: ClientConnection,
  packet: Publish,
  mayWait: boolean,
  now: number,
): Congested | undefined {
  const { session, agreement } = connection
  const topicName = agreement.aliases.resolve(packet)
  checkOffered(broker, connection, packet, topicName)
  const { route, permitted } = resolveTopic(connection, topicName)
  const isRepeated = packet.qos === 2 && session.inbound.has(packet.packetId)
  if (permitted !== undefined && isForBroker(route.topicName)) {
    takeControl(broker, connection, packet, route.topicName, isRepeated)
    return undefined
  }
  if (mayWait && packet.qos > 0 && !isRepeated && permitted !== undefined) {
    const target = whomToWaitFor(connection, packet, route, now)
    if (target !== undefined) return target
  }
  if (packet.qos === 2) takeQuota(agreement.receiveQuota, isRepeated)
  const reasonCode = isRepeated ? ReasonCode.success : accept(broker, connection, packet, topicName, permitted, now)
  acknowledgePublish(connection, packet, isRepeated, reasonCode)
  return undefined
}

/**
 * Answers a PUBLISH that goes no further, in place of `receivePublish`: nobody gets it.
 *
 * @param topicName that of the packet, its alias resolved
 * @param reasonCode of the acknowledgement, where there is one
 * @throws ProtocolViolationError when the packet is illegal on this connection
 */
export function discardPublish(
  connection: ClientConnection,
  packet: Publish,
  topicName: string,
  reasonCode: number,
): void {
  const { broker, session, agreement } = connection
  checkOffered(broker, connection, packet, topicName)
  const isRepeated = packet.qos === 2 && session.inbound.has(packet.packetId)
  if (packet.qos === 2) takeQuota(agreement.receiveQuota, isRepeated)
  broker.counters.publishDropped++
  acknowledgePublish(connection, packet, isRepeated, reasonCode)
}

/** Before MQTT 5 nobody can be told that memory is short: those wait for it. */
function whomToWaitFor(
  { broker, session, protocolVersion }: ClientConnection,
  packet: Publish,
  route: Route,
  now: number,
): Congested | undefined {
  const isForMemory = broker.shortage > 0 && protocolVersion < 5 && needsMemory(broker, session, route, packet)
  if (isForMemory) return memoryToCome
  const size = packet.payload.length + route.encodedTopicName.length
  return congestedTarget(broker.journal, route, session, size, now)
}

/** What came before is acknowledged, and not done again [MQTT-4.3.3-10]. */
function takeControl(
  broker: Broker,
  connection: ClientConnection,
  packet: Publish,
  topicName: string,
  isRepeated: boolean,
): void {
  const { agreement, session } = connection
  if (packet.qos === 2) takeQuota(agreement.receiveQuota, isRepeated)
  if (isRepeated) {
    acknowledgePublish(connection, packet, true, ReasonCode.success)
    return
  }
  receiveControl(broker, connection, packet, topicName, () => {
    // Not before: a client whose command was cut off with the broker comes with it again.
    if (packet.qos === 2) session.inbound.receive(packet.packetId)
    if (connection.state !== 'ended') acknowledgePublish(connection, packet, true, ReasonCode.success)
  })
}

function takeQuota(receiveQuota: ReceiveQuota, isRepeated: boolean): void {
  if (receiveQuota.take() || isRepeated) return
  throw new ProtocolViolationError(
    'MQTT-3.3.4-7',
    `more than ${receiveQuota.maximum} unacknowledged messages`,
    ReasonCode.receiveMaximumExceeded,
  )
}

function acknowledgePublish(
  connection: ClientConnection,
  { qos, packetId, retain }: Publish,
  isRepeated: boolean,
  reasonCode: number,
): void {
  if (qos === 0) return
  // To clear what somebody has just cleared records nothing, and promises as much.
  if (retain && reasonCode < 0x80) connection.awaitRecord()
  if (qos === 2 && !isRepeated) {
    if (reasonCode < 0x80 || connection.protocolVersion < 5) connection.session.inbound.receive(packetId)
    else connection.agreement.receiveQuota.giveBack()
  }
  connection.acknowledge(qos === 1 ? PacketType.puback : PacketType.pubrec, packetId, reasonCode)
}

/** Limits and rules, then the route. @returns the reason code of the acknowledgement */
function accept(
  broker: Broker,
  connection: ClientConnection,
  packet: Publish,
  topicName: string,
  route: Permitted<Route> | undefined,
  now: number,
): number {
  const { message_size_limit: sizeLimit } = broker.settings
  if (sizeLimit > 0 && packet.payload.length > sizeLimit) {
    broker.counters.publishDropped++
    broker.limitWatch.reached('message_size_limit', connection.who)
    // Mosquitto says 0x95, which no PUBACK may carry [MQTT-3.4.2-1]; its manual promises this one.
    return ReasonCode.implementationSpecificError
  }
  if (route === undefined) {
    traceReceivedPublish(connection, 'Denied', packet, topicName)
    connection.refusedTopic('publish', topicName)
    broker.counters.publishDropped++
    return ReasonCode.notAuthorized
  }
  const { journal } = broker
  const { upgrade_outgoing_qos: isUpgraded } = broker.settings
  if (journal?.isStrained === true && needsStore(connection.session, route, packet.qos, packet.retain, isUpgraded)) {
    const refused = refuseUnsafe(connection, packet.qos, journal)
    if (refused !== undefined) return refused
  }
  if (broker.shortage > 0 && packet.qos > 0 && needsMemory(broker, connection.session, route, packet)) {
    return refuseToKeep(connection)
  }
  traceReceivedPublish(connection, 'Received', packet, topicName)
  const message = permitAlike(route, toMessage(connection, packet, route, now))
  if (message.retain && !retain(broker, message, connection.session.access, now)) {
    // Who cannot be told that it was not taken has it delivered at least.
    if (packet.qos > 0 && connection.protocolVersion === 5) {
      broker.counters.publishDropped++
      return ReasonCode.quotaExceeded
    }
  }
  const reached = deliverMessage(broker, message, route, now)
  return reached === 0 ? ReasonCode.noMatchingSubscribers : ReasonCode.success
}

/** @returns undefined when the message is taken all the same: it promises nothing, or has waited long enough */
function refuseUnsafe({ broker, protocolVersion }: ClientConnection, qos: QoS, journal: Journal): number | undefined {
  if (qos === 0 ? !journal.isBehind : !journal.isFailing) return undefined
  broker.counters.publishDropped++
  if (qos === 0) return ReasonCode.success
  // Older versions cannot be told: their client has to keep the message and come again.
  if (protocolVersion < 5) throw new StoreUnavailableError()
  return ReasonCode.quotaExceeded
}

/**
 * Nobody gets it: who is told so sends it again, and the others must not have it twice.
 *
 * @throws MemoryShortError before MQTT 5: its client has to keep the message and come again
 */
function refuseToKeep({ broker, protocolVersion, who }: ClientConnection): number {
  broker.counters.publishDropped++
  broker.limitWatch.reached('memory_limit', who)
  if (protocolVersion < 5) throw new MemoryShortError()
  return ReasonCode.quotaExceeded
}

/** Asks rules and router once per topic, as long as neither changes. */
function resolveTopic(connection: ClientConnection, topicName: string): PublisherTopic {
  const { publisherTopic, session, agreement } = connection
  if (!publisherTopic.recall(topicName)) {
    publisherTopic.learn(topicName, mounted(agreement.mountPoint, topicName), session.access)
  }
  return publisherTopic
}

/** Retains, routes and delivers one message that no connection brings, a will: CONNACK has promised it, and its memory is taken. */
export function routeMessage(broker: Broker, message: Permitted<Message>, source: RetainSource, now: number): void {
  if (message.retain) retain(broker, message, source, now, true)
  deliverMessage(broker, message, broker.router.route(message.topicName), now)
}

/**
 * @param isPromised whether it was taken before memory became short
 * @returns false when a limit keeps it from being retained
 */
function retain(
  broker: Broker,
  message: Permitted<Message>,
  source: RetainSource,
  now: number,
  isPromised = false,
): boolean {
  if (message.payload.length === 0) {
    broker.retained.delete(message.topicName)
    return true
  }
  const limit = broker.retained.limitAgainst(message.topicName, message.size)
  if (limit !== undefined && !(isPromised && limit === 'memory_limit')) {
    broker.limitWatch.reached(limit, `a retained message of ${escapeText(message.publisher)}`)
    return false
  }
  const { retain_expiry_interval: minutes } = broker.settings
  const expiresAt = minutes === 0 ? message.expiresAt : Math.min(message.expiresAt, now + minutes * 60_000)
  broker.retained.set(message.topicName, new Retained(message, source, expiresAt))
  return true
}

/** `max_topic_levels`; most names are too short to have so many. */
export function isTooDeep({ settings }: Broker, topicName: string): boolean {
  const { max_topic_levels: most } = settings
  return topicName.length >= most && levelCount(topicName) > most
}

/** What CONNACK said is on offer (§3.2.2.3), and what no client may put into a PUBLISH. */
function checkOffered(broker: Broker, connection: ClientConnection, packet: Publish, topicName: string): void {
  if (packet.qos > connection.agreement.maximumQoS) {
    throw new ProtocolViolationError('MQTT-3.2.2-11', `PUBLISH at QoS ${packet.qos}`, ReasonCode.qosNotSupported)
  }
  if (packet.retain && !connection.agreement.retainAvailable) {
    throw new ProtocolViolationError('MQTT-3.2.2-14', 'PUBLISH with RETAIN', ReasonCode.retainNotSupported)
  }
  if (isTooDeep(broker, topicName)) {
    throw new ProtocolViolationError(
      'max_topic_levels',
      `topic name with more than ${broker.settings.max_topic_levels} levels`,
      ReasonCode.topicNameInvalid,
    )
  }
  const { properties } = packet
  if (properties === noProperties) return
  if (properties.subscriptionIdentifiers !== undefined) {
    throw new ProtocolViolationError('MQTT-3.3.4-6', 'subscription identifier in a PUBLISH from a client')
  }
  const { responseTopic } = properties
  if (responseTopic !== undefined && topicNameFault(responseTopic) !== undefined) {
    throw new ProtocolViolationError('MQTT-3.3.2-14', 'response topic with a wildcard or empty')
  }
}

function toMessage(connection: ClientConnection, packet: Publish, route: Route, now: number): Message {
  const { properties } = packet
  const expiry = properties.messageExpiryInterval
  return new Message(
    route.topicName,
    packet.payload,
    packet.qos,
    packet.retain,
    connection.session.clientId,
    forwarded(properties),
    expiry === undefined ? neverExpires : now + expiry * 1000,
    route.encodedTopicName,
  )
}

/** @throws ProtocolViolationError 0x90 when the name is too long on the mount point */
export function mounted(mountPoint: string | undefined, topicName: string): string {
  if (mountPoint === undefined) return topicName
  const whole = mountPoint + topicName
  if (Buffer.byteLength(whole) <= longestTopicBytes) return whole
  throw new ProtocolViolationError('mount_point', 'topic name is too long', ReasonCode.topicNameInvalid)
}

/** The properties that go on to subscribers unaltered; alias and expiry belong to one hop (§3.3.2.3). */
function forwarded(properties: Properties): Properties {
  const isUnaltered = properties.topicAlias === undefined && properties.messageExpiryInterval === undefined
  return isUnaltered ? properties : forwardedProperties(properties)
}

/** Nothing is wrong with the packet: it ends a connection that could not be told otherwise. */
class StoreUnavailableError extends ProtocolError {
  constructor() {
    super('ERR_BROKER_STORE_UNAVAILABLE', ReasonCode.serverUnavailable, '§4.13.2', 'the store cannot be written')
  }
}

/** The same where there is no memory to keep the message in. */
class MemoryShortError extends ProtocolError {
  constructor() {
    super('ERR_BROKER_MEMORY_SHORT', ReasonCode.quotaExceeded, 'memory_limit', 'memory is short')
  }
}
