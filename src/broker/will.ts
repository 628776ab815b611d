// Wills: accepted with CONNECT, published by the broker in the client's name (§3.1.2.5).

import { ProtocolViolationError } from '../mqtt/errors.ts'
import { PacketType, type Properties, type Will } from '../mqtt/packet.ts'
import { propertiesLength } from '../mqtt/properties.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import { Message, neverExpires } from '../session/message.ts'
import type { Session } from '../session/session.ts'
import { levelCount, topicNameFault } from '../topic/name.ts'
import { noteRefusedWill } from './audit-notes.ts'
import type { Broker } from './broker.ts'
import { isForBroker } from './control.ts'
import type { ListenerContext } from './listener-context.ts'
import { mounted, routeMessage } from './publish.ts'

/**
 * Checks a will against the topic rules and what the listener offers.
 *
 * @returns the will as it will be published, on the listener's mount point
 * @throws ProtocolViolationError 0x82, 0x87, 0x90, 0x9A or 0x9B
 */
export function acceptWill(broker: Broker, listener: ListenerContext, will: Will): Will {
  const fault = topicNameFault(will.topicName)
  if (fault !== undefined) throw new ProtocolViolationError('MQTT-3.1.3-11', fault, ReasonCode.topicNameInvalid)
  if (isForBroker(will.topicName)) {
    throw new ProtocolViolationError('$CONTROL', 'nothing is asked for by a will', ReasonCode.notAuthorized)
  }
  if (levelCount(will.topicName) > broker.settings.max_topic_levels) {
    throw new ProtocolViolationError('max_topic_levels', 'will topic is too deep', ReasonCode.topicNameInvalid)
  }
  const { max_will_bytes: mostBytes } = listener.settings
  if (mostBytes > 0 && sizeOf(will) > mostBytes) {
    throw new ProtocolViolationError(
      'max_will_bytes',
      `will of ${sizeOf(will)} bytes, at most ${mostBytes} are accepted`,
      ReasonCode.quotaExceeded,
    )
  }
  if (will.qos > listener.settings.max_qos) {
    throw new ProtocolViolationError('MQTT-3.2.2-12', `will at QoS ${will.qos}`, ReasonCode.qosNotSupported)
  }
  if (will.retain && !broker.settings.retain_available) {
    throw new ProtocolViolationError('MQTT-3.2.2-13', 'will with RETAIN', ReasonCode.retainNotSupported)
  }
  const { responseTopic } = will.properties
  if (responseTopic !== undefined && topicNameFault(responseTopic) !== undefined) {
    throw new ProtocolViolationError('MQTT-3.3.2-14', 'response topic of the will with a wildcard or empty')
  }
  const payload = Uint8Array.prototype.slice.call(will.payload)
  return { ...will, payload, topicName: mounted(listener.settings.mount_point, will.topicName) }
}

/** Publishes a session's will if it has one and the rules still allow it; there is none afterwards [MQTT-3.1.2-10]. */
export function publishWill(broker: Broker, session: Session): void {
  const { will } = session
  if (will === undefined) return
  session.will = undefined
  broker.wheel.clear(session.willTimer)
  const now = broker.clock.now()
  const expiry = will.properties.messageExpiryInterval
  const message = new Message(
    will.topicName,
    will.payload,
    will.qos,
    will.retain,
    session.clientId,
    withoutWillWords(will.properties),
    expiry === undefined ? neverExpires : now + expiry * 1000,
  )
  const permitted = session.access.publish(message)
  if (permitted === undefined) noteRefusedWill(broker, session, will.topicName)
  else routeMessage(broker, permitted, session.access, now)
}

/** As a message counts, see `Message.size`. */
function sizeOf({ topicName, payload, properties }: Will): number {
  return (
    Buffer.byteLength(topicName) + payload.length + propertiesLength(withoutWillWords(properties), PacketType.publish)
  )
}

function withoutWillWords(properties: Properties): Properties {
  const { willDelayInterval: _delay, messageExpiryInterval: _expiry, ...forwarded } = properties
  return forwarded
}
