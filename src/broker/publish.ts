// The life of a PUBLISH inside the broker, in the order of the steps: resolve, limit, permit, route, deliver, acknowledge.
// The acknowledgement is last: it leaves when what it promises is done.

import type { Permitted } from '../auth/principal.ts'
import { ProtocolViolationError } from '../mqtt/errors.ts'
import { noProperties, PacketType, type Properties, type Publish } from '../mqtt/packet.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import { forwardedProperties } from '../session/forwarded-properties.ts'
import { Message, neverExpires } from '../session/message.ts'
import type { Delivery } from '../session/outbound.ts'
import type { Subscription } from '../session/subscription.ts'
import { levelCount, longestTopicBytes, topicNameFault } from '../topic/name.ts'
import type { Broker } from './broker.ts'
import type { ClientConnection } from './connection.ts'
import { deliver, deliverOnce } from './deliver.ts'
import type { RetainSource } from './retained.ts'
import { traceReceivedPublish } from './trace.ts'

/** @throws ProtocolViolationError when the packet is illegal on this connection: the connection ends */
export function receivePublish(broker: Broker, connection: ClientConnection, packet: Publish, now: number): void {
  const { aliases, receiveQuota } = connection.agreement
  const topicName = aliases.resolve(packet)
  checkOffered(broker, connection, packet, topicName)
  const { inbound } = connection.session
  const hasQuota = packet.qos < 2 || receiveQuota.take()
  if (packet.qos === 2 && inbound.has(packet.packetId)) {
    connection.acknowledge(PacketType.pubrec, packet.packetId, ReasonCode.success)
    return
  }
  if (!hasQuota) {
    throw new ProtocolViolationError(
      'MQTT-3.3.4-7',
      `more than ${receiveQuota.maximum} unacknowledged messages`,
      ReasonCode.receiveMaximumExceeded,
    )
  }
  const reasonCode = accept(broker, connection, packet, topicName, now)
  if (packet.qos === 1) {
    connection.acknowledge(PacketType.puback, packet.packetId, reasonCode)
  } else if (packet.qos === 2) {
    if (reasonCode < 0x80 || connection.protocolVersion < 5) inbound.receive(packet.packetId)
    else receiveQuota.giveBack()
    connection.acknowledge(PacketType.pubrec, packet.packetId, reasonCode)
  }
}

/** Limits and rules, then the route. @returns the reason code of the acknowledgement */
function accept(broker: Broker, connection: ClientConnection, packet: Publish, topicName: string, now: number): number {
  const { message_size_limit: sizeLimit } = broker.settings
  if (sizeLimit > 0 && packet.payload.length > sizeLimit) {
    broker.counters.publishDropped++
    // Mosquitto says 0x95, which no PUBACK may carry [MQTT-3.4.2-1]; its manual promises this one.
    return ReasonCode.implementationSpecificError
  }
  const message = toMessage(connection, packet, topicName, now)
  const permitted = connection.session.access.publish(message)
  if (permitted === undefined) {
    traceReceivedPublish(connection, 'Denied', packet, topicName)
    broker.counters.publishDropped++
    return ReasonCode.notAuthorized
  }
  traceReceivedPublish(connection, 'Received', packet, topicName)
  const reached = routeMessage(broker, permitted, connection.session.access, now)
  return reached === 0 ? ReasonCode.noMatchingSubscribers : ReasonCode.success
}

/**
 * Retains, routes and delivers one message.
 *
 * @returns how many subscriptions it reached
 */
export function routeMessage(
  broker: Broker,
  message: Permitted<Message>,
  source: RetainSource | undefined,
  now: number,
): number {
  if (message.retain) retain(broker, message, source, now)
  return deliverMessage(broker, message, now)
}

/**
 * Delivers one message to whoever has subscribed to it now.
 *
 * @returns how many subscriptions it reached
 */
export function deliverMessage(broker: Broker, message: Permitted<Message>, now: number): number {
  const { reached } = broker.router
  const count = broker.router.route(message)
  const first = reached.length - count
  if (count > 1 && !broker.settings.allow_duplicate_messages) {
    deliverOnce(broker, reached.splice(first), message, now)
  } else {
    let last: Delivery | undefined
    for (let i = first; i < first + count; i++) last = deliver(broker, reached[i] as Subscription, message, now, last)
    reached.length = first
  }
  message.dropFrames()
  return count
}

function retain(broker: Broker, message: Permitted<Message>, source: RetainSource | undefined, now: number): void {
  if (message.payload.length === 0) {
    broker.retained.delete(message.topicName)
    return
  }
  const { retain_expiry_interval: minutes } = broker.settings
  const expiresAt = minutes === 0 ? message.expiresAt : Math.min(message.expiresAt, now + minutes * 60_000)
  broker.retained.set(message.topicName, { message, source, expiresAt })
}

/** What CONNACK said is on offer (§3.2.2.3), and what no client may put into a PUBLISH. */
function checkOffered(broker: Broker, connection: ClientConnection, packet: Publish, topicName: string): void {
  if (packet.qos > connection.agreement.maximumQoS) {
    throw new ProtocolViolationError('MQTT-3.2.2-11', `PUBLISH at QoS ${packet.qos}`, ReasonCode.qosNotSupported)
  }
  if (packet.retain && !connection.agreement.retainAvailable) {
    throw new ProtocolViolationError('MQTT-3.2.2-14', 'PUBLISH with RETAIN', ReasonCode.retainNotSupported)
  }
  const { max_topic_levels: maximumLevels } = broker.settings
  // Most names are too short to have so many levels.
  if (topicName.length >= maximumLevels && levelCount(topicName) > maximumLevels) {
    throw new ProtocolViolationError(
      'max_topic_levels',
      `topic name with more than ${maximumLevels} levels`,
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

function toMessage(connection: ClientConnection, packet: Publish, topicName: string, now: number): Message {
  const { properties } = packet
  const expiry = properties.messageExpiryInterval
  return new Message(
    mounted(connection.agreement.mountPoint, topicName),
    packet.payload,
    packet.qos,
    packet.retain,
    connection.session.clientId,
    forwarded(properties),
    expiry === undefined ? neverExpires : now + expiry * 1000,
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
