// A run of QoS 0 packets goes to its subscribers as bytes, in one piece; whoever needs packets of its own gets them one by
// one.

import type { Permitted } from '../auth/principal.ts'
import { permitAlike } from '../auth/principal.ts'
import { noProperties, type QoS } from '../mqtt/packet.ts'
import type { PublishRun } from '../mqtt/publish-run.ts'
import { Message, neverExpires } from '../session/message.ts'
import type { Subscription } from '../session/subscription.ts'
import type { Broker } from './broker.ts'
import type { ClientConnection } from './connection.ts'
import { deliver, deliverMessage } from './deliver.ts'
import type { GroupTarget, Route } from './route.ts'

/** Delivers a run of QoS 0 packets. */
export function forwardRun(
  broker: Broker,
  connection: ClientConnection,
  run: PublishRun,
  route: Permitted<Route>,
  now: number,
): void {
  // Whoever gets a message several times gets it so before the next one comes.
  if (route.overlaps) {
    for (const message of messages(connection, run, route)) deliverMessage(broker, message, route, now)
    return
  }
  const { subscriptions, groups } = route
  const isShared = subscriptions.length > 1
  let decoded: readonly Permitted<Message>[] | undefined
  for (let i = 0; i < subscriptions.length; i++) {
    const subscription = subscriptions[i] as Subscription
    if (isOwn(connection, subscription)) continue
    const outcome = takesBytes(broker, subscription)
      ? subscription.session.outbound.offerRun(run, isShared)
      : 'declined'
    if (outcome === 'dropped') broker.counters.publishDropped += run.count
    if (outcome !== 'declined') continue
    decoded ??= messages(connection, run, route)
    deliverAll(broker, subscription, decoded, now)
  }
  for (let i = 0; i < groups.length; i++) {
    deliverToGroup(broker, connection, run, route, groups[i] as GroupTarget, now)
  }
}

/** No-local (§3.8.3.1); a bridge's shared subscriptions are so too. */
function isOwn(connection: ClientConnection, { noLocal, session }: Subscription): boolean {
  return noLocal && session === connection.session
}

/** Whether the subscription leaves the packets as they are. */
function takesBytes(broker: Broker, subscription: Subscription): boolean {
  return subscription.identifier === 0 && !(broker.settings.upgrade_outgoing_qos && subscription.qos > 0)
}

/** Every packet may go to another member. */
function deliverToGroup(
  broker: Broker,
  connection: ClientConnection,
  run: PublishRun,
  route: Permitted<Route>,
  { group, members }: GroupTarget,
  now: number,
): void {
  for (run.rewind(); run.step(); ) {
    const member = group.choose(members, 0, run.packetEnd - run.packetStart)
    if (member === undefined) return
    if (isOwn(connection, member)) continue
    const outcome = takesBytes(broker, member) ? member.session.outbound.offerPacket(run) : 'declined'
    if (outcome === 'dropped') broker.counters.publishDropped++
    if (outcome === 'declined') deliver(broker, member, message(connection, run, route), now, undefined)
  }
}

function deliverAll(
  broker: Broker,
  subscription: Subscription,
  decoded: readonly Permitted<Message>[],
  now: number,
): void {
  for (const one of decoded) deliver(broker, subscription, one, now, undefined)
}

/** For subscribers that need a packet of their own: one at another version's properties, say, or one that is away. */
function messages(
  connection: ClientConnection,
  run: PublishRun,
  route: Permitted<Route>,
): readonly Permitted<Message>[] {
  const decoded: Permitted<Message>[] = []
  for (run.rewind(); run.step(); ) decoded.push(message(connection, run, route))
  return decoded
}

/** The packet that the run is at. */
function message(connection: ClientConnection, run: PublishRun, route: Permitted<Route>): Permitted<Message> {
  return plainMessage(connection, route, run.buffer.subarray(run.payloadStart, run.packetEnd), 0, false)
}

/**
 * A message without properties.
 *
 * @param isHeld whether the payload is fit to be under way for a while, see `Message.hold`
 */
export function plainMessage(
  connection: ClientConnection,
  route: Permitted<Route>,
  payload: Uint8Array,
  qos: QoS,
  isHeld: boolean,
): Permitted<Message> {
  const { topicName, encodedTopicName } = route
  const { clientId } = connection.session
  return permitAlike(
    route,
    new Message(topicName, payload, qos, false, clientId, noProperties, neverExpires, encodedTopicName, isHeld),
  )
}
