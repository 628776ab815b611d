// How a bridge introduces itself: to the other broker as its settings say, to its own one as a client of the same protocol
// version, so that what passes between the two needs no translation.

import {
  type Connect,
  noProperties,
  PacketType,
  type Properties,
  type ProtocolVersion,
  type Subscribe,
  type Will,
} from '../mqtt/packet.ts'
import { neverExpiresInterval } from '../session/session.ts'
import type { LocalLimits } from './host.ts'
import type { BridgeIdentity } from './identity.ts'
import type { BridgeSettings } from './options.ts'
import type { Wanted } from './topic-map.ts'

/** What the other broker is tried with; refusals make it less. */
export interface Dialect {
  readonly version: ProtocolVersion
  /** Whether bit 7 of the protocol version says that this is a bridge. */
  readonly isPrivate: boolean
}

const versions = { mqttv31: 3, mqttv311: 4, mqttv50: 5 } as const

export function preferredDialect({ bridge_protocol_version: name, try_private }: BridgeSettings): Dialect {
  const version = versions[name]
  // MQTT 5 has options of subscriptions for it.
  return { version, isPrivate: try_private && version < 5 }
}

/** What to try after a refusal of the version; undefined when there is nothing less. */
export function humblerDialect({ version, isPrivate }: Dialect, settings: BridgeSettings): Dialect | undefined {
  if (version === 5) return { version: 4, isPrivate: settings.try_private }
  return isPrivate ? { version, isPrivate: false } : undefined
}

/** Seconds, for both connections; neither lasts for longer in silence than this broker allows its clients. */
export function keepAliveOf({ keepalive_interval: wanted }: BridgeSettings, { max_keepalive }: LocalLimits): number {
  return max_keepalive === 0 ? wanted : Math.min(wanted, max_keepalive)
}

export function remoteConnect(
  settings: BridgeSettings,
  identity: BridgeIdentity,
  { version, isPrivate }: Dialect,
  limits: LocalLimits,
): Connect {
  const { remote_username: username, remote_password: password } = settings
  return {
    type: PacketType.connect,
    protocolVersion: version,
    bridge: isPrivate,
    cleanStart: settings.cleansession,
    keepAlive: keepAliveOf(settings, limits),
    clientId: identity.remoteClientId,
    username,
    password: password === undefined ? undefined : Buffer.from(password),
    will: tellsRemote(settings) ? willOf(identity) : undefined,
    properties: version === 5 ? remoteProperties(settings, limits) : noProperties,
  }
}

/** Whether the state is published on the other broker, too. */
export function tellsRemote({ notifications, notifications_local_only }: BridgeSettings): boolean {
  return notifications && !notifications_local_only
}

function willOf({ stateTopic }: BridgeIdentity): Will {
  return { topicName: stateTopic, payload: Buffer.from('0'), qos: 1, retain: true, properties: noProperties }
}

function remoteProperties(settings: BridgeSettings, limits: LocalLimits): Properties {
  const { bridge_session_expiry_interval: expiry, bridge_max_topic_alias: aliases } = settings
  const inflight = limits.max_inflight_messages || 65_535
  return {
    ...(!settings.cleansession && expiry > 0 && { sessionExpiryInterval: expiry }),
    receiveMaximum: Math.min(settings.bridge_receive_maximum ?? inflight, inflight),
    maximumPacketSize: limits.max_packet_size,
    ...(aliases > 0 && { topicAliasMaximum: aliases }),
  }
}

/** @param receiveMaximum of the other broker */
export function localConnect(
  settings: BridgeSettings,
  { localClientId }: BridgeIdentity,
  version: ProtocolVersion,
  limits: LocalLimits,
  receiveMaximum: number,
): Connect {
  const cleanStart = settings.local_cleansession ?? settings.cleansession
  return {
    type: PacketType.connect,
    protocolVersion: version,
    bridge: version < 5,
    cleanStart,
    keepAlive: keepAliveOf(settings, limits),
    clientId: localClientId,
    username: undefined,
    password: undefined,
    will: undefined,
    properties:
      version < 5 ? noProperties : { sessionExpiryInterval: cleanStart ? 0 : neverExpiresInterval, receiveMaximum },
  }
}

/**
 * Nothing comes back that was sent there, and retain flags stay (§3.8.3.1); before MQTT 5 that is what being a bridge means.
 *
 * @param retainHandling 2: nothing that is retained is sent now
 */
export function subscribeTo(wanted: readonly Wanted[], packetId: number, retainHandling: 0 | 2 = 0): Subscribe {
  const options = { noLocal: true, retainAsPublished: true, retainHandling } as const
  const subscriptions = wanted.map(({ topicFilter, qos }) => ({ topicFilter, qos, ...options }))
  return { type: PacketType.subscribe, packetId, subscriptions, properties: noProperties }
}
