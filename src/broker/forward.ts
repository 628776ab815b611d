// The short way of QoS 0: packets of one topic that lie together in the receive buffer are judged once and go to their
// subscribers as bytes. It does what publish.ts would do with each of them, and leaves to it whatever needs more.

import type { Permitted } from '../auth/principal.ts'
import { permitAlike } from '../auth/principal.ts'
import { noProperties } from '../mqtt/packet.ts'
import { PublishRun } from '../mqtt/publish-run.ts'
import { Message, neverExpires } from '../session/message.ts'
import type { Delivery } from '../session/outbound.ts'
import type { Subscription } from '../session/subscription.ts'
import type { Broker } from './broker.ts'
import type { ClientConnection } from './connection.ts'
import { deliver } from './deliver.ts'
import { deliverMessage } from './publish.ts'
import type { GroupTarget, Route } from './route.ts'

/** Deliveries that one run may ask for before everybody else has a turn. */
const mostDeliveries = 20_000

/** Serves every call: forwarding is synchronous and does not call itself. */
const run = new PublishRun()

/**
 * Takes plain PUBLISH packets of a topic that the client has published on before.
 *
 * @returns where they end in `buffer`, or `start` when the packet there has to be decoded
 */
export function forwardRun(
  broker: Broker,
  connection: ClientConnection,
  buffer: Buffer,
  start: number,
  maximumPacketSize: number,
  now: number,
): number {
  // Log lines are about single packets, and a mount point makes other topics of them.
  if (broker.log.enabled('debug') || connection.agreement.mountPoint !== undefined) return start
  if (!run.begin(buffer, start, buffer.length, connection.protocolVersion, maximumPacketSize)) return start
  const topicName = connection.topics.find(buffer, run.topicStart, run.topicLength)
  const known = topicName === undefined ? undefined : connection.publisherMemory.find(topicName)
  if (known === undefined) return start
  const { message_size_limit: sizeLimit } = broker.settings
  run.extend(mostPackets(known.route), sizeLimit > 0 ? sizeLimit : Number.POSITIVE_INFINITY)
  if (run.count === 0) return start
  const { counters } = broker
  counters.packetsReceived += run.count
  counters.publishReceived += run.count
  counters.publishBytesReceived += run.payloadBytes
  if (known.permitted === undefined) counters.publishDropped += run.count
  else deliverRun(broker, connection, known.permitted, now)
  run.release()
  return run.end
}

function mostPackets(route: Route): number {
  return Math.max(1, Math.floor(mostDeliveries / (1 + route.subscriptions.length + route.groups.length)))
}

function deliverRun(broker: Broker, connection: ClientConnection, route: Permitted<Route>, now: number): void {
  if (route.overlaps && !broker.settings.allow_duplicate_messages) {
    for (const message of messages(connection, route)) deliverMessage(broker, message, route, now)
    return
  }
  let decoded: readonly Permitted<Message>[] | undefined
  for (let i = 0; i < route.subscriptions.length; i++) {
    const subscription = route.subscriptions[i] as Subscription
    const { session } = subscription
    if (subscription.noLocal && session === connection.session) continue
    const outcome = takesBytes(broker, subscription) ? session.outbound.offerRun(run) : 'declined'
    if (outcome === 'dropped') broker.counters.publishDropped += run.count
    if (outcome !== 'declined') continue
    decoded ??= messages(connection, route)
    deliverAll(broker, subscription, decoded, now)
  }
  for (let i = 0; i < route.groups.length; i++) {
    deliverToGroup(broker, connection, route, route.groups[i] as GroupTarget, now)
  }
}

/** Whether the subscription leaves the packets as they are. */
function takesBytes(broker: Broker, subscription: Subscription): boolean {
  return subscription.identifier === 0 && !(broker.settings.upgrade_outgoing_qos && subscription.qos > 0)
}

/** Every packet may go to another member. */
function deliverToGroup(
  broker: Broker,
  connection: ClientConnection,
  route: Permitted<Route>,
  { group, members }: GroupTarget,
  now: number,
): void {
  for (run.rewind(); run.step(); ) {
    const member = group.choose(members, 0, run.packetEnd - run.packetStart)
    if (member === undefined) return
    const outcome = takesBytes(broker, member) ? member.session.outbound.offerPacket(run) : 'declined'
    if (outcome === 'dropped') broker.counters.publishDropped++
    if (outcome === 'declined') deliver(broker, member, message(connection, route), now, undefined)
  }
}

function deliverAll(
  broker: Broker,
  subscription: Subscription,
  decoded: readonly Permitted<Message>[],
  now: number,
): void {
  let last: Delivery | undefined
  for (const one of decoded) last = deliver(broker, subscription, one, now, last)
}

/** For subscribers that need a packet of their own: one at another version's properties, say, or one that is away. */
function messages(connection: ClientConnection, route: Permitted<Route>): readonly Permitted<Message>[] {
  const decoded: Permitted<Message>[] = []
  for (run.rewind(); run.step(); ) decoded.push(message(connection, route))
  return decoded
}

/** The packet that the run is at. */
function message(connection: ClientConnection, route: Permitted<Route>): Permitted<Message> {
  const payload = run.buffer.subarray(run.payloadStart, run.packetEnd)
  const { clientId } = connection.session
  const { topicName, encodedTopicName } = route
  return permitAlike(
    route,
    new Message(topicName, payload, 0, false, clientId, noProperties, neverExpires, encodedTopicName),
  )
}
