// The short way of PUBLISH packets that lie together in the receive buffer, plain and on one topic: rules and route are
// asked once for all of them. It does what publish.ts would do with each, and leaves to it whatever needs more.
// Paid for by every scenario of pairs and fan-in: see docs/benchmarks.md, "What was bought".

import type { Permitted } from '../auth/principal.ts'
import { PacketType } from '../mqtt/packet.ts'
import { PublishRun } from '../mqtt/publish-run.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import type { Broker } from './broker.ts'
import type { ClientConnection } from './connection.ts'
import { isForBroker } from './control.ts'
import { deliverMessage } from './deliver.ts'
import { congestedTarget } from './flow-control.ts'
import { forwardRun, plainMessage } from './forward.ts'
import { isTooDeep } from './publish.ts'
import type { Route } from './route.ts'

/** Deliveries that one run may ask for: between two of them the connection looks at the clock. */
const mostDeliveries = 10_000
/** Bytes of a run whose messages are kept until they are acknowledged: one of them keeps so much alive. */
const mostHeldBytes = 4096

/** Serves every call: receiving is synchronous and does not call itself. */
const run = new PublishRun()

/**
 * Takes plain PUBLISH packets of a topic that was published on before.
 *
 * @returns where they end in `buffer`, or `start` when the packet there has to be decoded
 */
export function receivePublishRun(
  broker: Broker,
  connection: ClientConnection,
  buffer: Buffer,
  start: number,
  maximumPacketSize: number,
  now: number,
  isLent: boolean,
): number {
  // Log lines are about single packets, and a mount point makes other topics of them.
  if (broker.log.enabled('debug') || connection.agreement.mountPoint !== undefined) return start
  const isRun = run.begin(buffer, start, connection.protocolVersion, maximumPacketSize, isLent)
  const end = isRun ? receiveRun(broker, connection, now) : start
  run.release()
  return end
}

function receiveRun(broker: Broker, connection: ClientConnection, now: number): number {
  const { buffer, start } = run
  const { publisherTopic: topic, session, agreement } = connection
  const name = connection.topicCache.find(buffer, run.topicStart, run.topicLength)
  // Below a mount point others may have known topics that are too deep for this client.
  if (name === undefined || isTooDeep(broker, name.topicName) || isForBroker(name.topicName)) return start
  if (run.qos > agreement.maximumQoS || !topic.find(name, session.access)) return start
  // Refusals are told one by one, and what has to wait or came before is nothing to look ahead from.
  if (run.qos > 0 && !isAcceptable(connection, topic.permitted, now)) return start
  if (broker.settings.upgrade_outgoing_qos && broker.journal?.isBehind === true) return start
  const { message_size_limit: sizeLimit } = broker.settings
  const maximumBytes = run.qos === 0 ? buffer.length : mostHeldBytes
  run.extend(mostPackets(topic.route), maximumBytes, sizeLimit > 0 ? sizeLimit : Number.POSITIVE_INFINITY)
  if (run.count === 0) return start
  if (topic.permitted !== undefined && run.qos > 0) return acceptRun(broker, connection, topic.permitted, now)
  count(broker, run.count, run.payloadBytes)
  if (topic.permitted !== undefined) {
    forwardRun(broker, connection, run, topic.permitted, now)
    return run.end
  }
  broker.counters.publishDropped += run.count
  connection.refusedTopic('publish', name.topicName, run.count)
  return run.end
}

/** Whether the message of QoS 1 or 2 that the run is at may be taken over. */
function isAcceptable(
  { session, broker }: ClientConnection,
  route: Permitted<Route> | undefined,
  now: number,
): route is Permitted<Route> {
  if (broker.journal?.isFailing === true) return false
  if (route === undefined || (run.qos === 2 && session.inbound.has(run.packetId))) return false
  return congestedTarget(broker.journal, route, session, run.packetEnd - run.packetStart, now) === undefined
}

function mostPackets(route: Route): number {
  return Math.max(1, Math.floor(mostDeliveries / (1 + route.subscriptions.length + route.groups.length)))
}

function count(broker: Broker, packets: number, payloadBytes: number): void {
  const { counters } = broker
  counters.packetsReceived += packets
  counters.publishReceived += packets
  counters.publishBytesReceived += payloadBytes
}

/**
 * Takes over messages of QoS 1 or 2 one by one, as long as nothing is the matter with them.
 *
 * @returns where the last one ends
 */
function acceptRun(broker: Broker, connection: ClientConnection, route: Permitted<Route>, now: number): number {
  const { session, agreement, protocolVersion } = connection
  const { qos, buffer, start } = run
  const type = qos === 1 ? PacketType.puback : PacketType.pubrec
  // One copy for all: what is kept until it is acknowledged must not keep the receive buffer.
  const held = Buffer.allocUnsafe(run.end - start)
  buffer.copy(held, 0, start, run.end)
  let end = start
  for (run.rewind(); run.step(); ) {
    if (!isAcceptable(connection, route, now) || (qos === 2 && !agreement.receiveQuota.take())) break
    const { packetId, payloadStart, packetEnd } = run
    const payload = held.subarray(payloadStart - start, packetEnd - start)
    count(broker, 1, payload.length)
    const reached = deliverMessage(broker, plainMessage(connection, route, payload, qos, true), route, now)
    if (qos === 2) session.inbound.receive(packetId)
    const isTold = reached === 0 && protocolVersion === 5
    connection.acknowledge(type, packetId, isTold ? ReasonCode.noMatchingSubscribers : ReasonCode.success)
    end = packetEnd
  }
  return end
}
