// What a client asked for and what it was told, from CONNECT to the end of its connection: a reload changes none of it.

import type { QoS } from '../mqtt/packet.ts'
import { InboundAliases, ReceiveQuota } from '../session/inbound.ts'
import type { Session } from '../session/session.ts'
import type { ConnectAttempt } from './connect.ts'
import type { Rates } from './pace.ts'
import { PublishEncoder } from './publish-encoder.ts'

export interface Agreement {
  readonly session: Session
  readonly isBridge: boolean
  /** Seconds, 0 is off; the server's when it has its own. */
  readonly keepAlive: number
  readonly maximumQoS: QoS
  readonly retainAvailable: boolean
  /** Bytes of a packet that the client may send. */
  readonly maximumPacketSize: number
  /** Put before every topic of the client. */
  readonly mountPoint: string | undefined
  readonly aliases: InboundAliases
  readonly receiveQuota: ReceiveQuota
  /** As its listener had them at CONNECT. */
  readonly listenerRates: Rates
  /** Those, but for what the limits of its user and roles say, which may change. */
  rates: Rates
  /** Most messages of QoS 1 and 2 that may be under way to the client. */
  readonly clientReceiveMaximum: number
  readonly encoder: PublishEncoder
  readonly wantsProblemInformation: boolean
  readonly authenticationMethod: string | undefined
}

/** What the settings in force and the client's CONNECT come to; CONNACK has to say the same. */
export function agree(attempt: ConnectAttempt, session: Session): Agreement {
  const { connection, packet, broker } = attempt
  const { settings } = connection.listener
  const { properties, protocolVersion } = packet
  const limits = broker.limitsOf(session.principal, session.access)
  // Mosquitto 2.0.11 passes ours when it resumes a session: its messages would never get through.
  const isUnbounded = protocolVersion < 5 || connection.listener.isForBridge
  const receiveMaximum = isUnbounded ? Number.POSITIVE_INFINITY : limits.max_inflight_messages || 65_535
  return {
    session,
    isBridge: packet.bridge,
    keepAlive: attempt.keepAlive,
    maximumQoS: settings.max_qos as QoS,
    retainAvailable: broker.settings.retain_available,
    maximumPacketSize: limits.max_packet_size,
    mountPoint: settings.mount_point,
    aliases: new InboundAliases(settings.max_topic_alias),
    receiveQuota: new ReceiveQuota(receiveMaximum),
    listenerRates: settings,
    rates: broker.ratesOf(settings, session),
    clientReceiveMaximum: properties.receiveMaximum ?? 65_535,
    encoder: new PublishEncoder({
      protocolVersion,
      maximumPacketSize: properties.maximumPacketSize ?? Number.POSITIVE_INFINITY,
      topicAliasMaximum: Math.min(properties.topicAliasMaximum ?? 0, settings.max_topic_alias_broker),
      mountPoint: settings.mount_point,
    }),
    wantsProblemInformation: properties.requestProblemInformation ?? true,
    authenticationMethod: properties.authenticationMethod,
  }
}
