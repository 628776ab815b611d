// Our packets in the words of `mqtt-packet`, so that its parser and generator can judge ours.

import assert from 'node:assert/strict'
import * as mqttPacket from 'mqtt-packet'
import {
  type Connect,
  type Packet,
  PacketType,
  type Properties,
  type ProtocolVersion,
  type UserProperty,
  type Will,
} from '../../src/mqtt/packet.ts'
import { connackReturnCode, ReasonCode } from '../../src/mqtt/reason-code.ts'

export type Foreign = Record<string, unknown>

/** What `mqtt-packet` reads in these bytes. */
export function foreignDecode(bytes: Buffer, version: ProtocolVersion): Foreign {
  const parser = mqttPacket.parser({ protocolVersion: version })
  const packets: Foreign[] = []
  parser.on('packet', packet => packets.push(packet as unknown as Foreign))
  parser.on('error', error => assert.fail(error as Error))
  parser.parse(bytes)
  assert.equal(packets.length, 1)
  return packets[0] as Foreign
}

/**
 * Whether `mqtt-packet` knows it: of DISCONNECT's reason codes it lacks 0x8C, as does the table of §3.14, but not §2.4; and
 * it wants a reason code in every AUTH, which §3.15.2.1 lets end before it when that is 0 and there are no properties.
 */
export function foreignCanDecode(packet: Packet): boolean {
  if (packet.type === PacketType.disconnect) return packet.reasonCode !== ReasonCode.badAuthenticationMethod
  if (packet.type !== PacketType.auth) return true
  return packet.reasonCode !== ReasonCode.success || Object.keys(packet.properties).length > 0
}

/** What `mqtt-packet` writes for our packet. */
export function foreignEncode(packet: Packet, version: ProtocolVersion): Buffer {
  return mqttPacket.generate(toForeign(packet, version) as unknown as mqttPacket.Packet, { protocolVersion: version })
}

/**
 * Whether `mqtt-packet` can be asked to write it: it groups user properties by name, wants a client id before MQTT 5 or
 * a clean start, a username with every password, and forgets the properties of a bridge's CONNECT.
 */
export function foreignCanEncode(packet: Packet): boolean {
  if (!hasGroupedUserProperties('properties' in packet ? packet.properties : {})) return false
  if (packet.type !== PacketType.connect) return true
  if (packet.will !== undefined && !hasGroupedUserProperties(packet.will.properties)) return false
  if (packet.clientId === '' && (packet.protocolVersion === 3 || !packet.cleanStart)) return false
  if (packet.bridge && packet.protocolVersion === 5) return false
  return packet.password === undefined || packet.username !== undefined
}

function hasGroupedUserProperties({ userProperties = [] }: Properties): boolean {
  const names = userProperties.map(([name]) => name)
  const isPlain = (name: string) => name !== '__proto__' && !/^\d/.test(name)
  return new Set(names).size === names.length && names.every(isPlain)
}

const commands: readonly string[] = [
  'reserved',
  'connect',
  'connack',
  'publish',
  'puback',
  'pubrec',
  'pubrel',
  'pubcomp',
  'subscribe',
  'suback',
  'unsubscribe',
  'unsuback',
  'pingreq',
  'pingresp',
  'disconnect',
  'auth',
]

export function toForeign(packet: Packet, version: ProtocolVersion): Foreign {
  const properties = 'properties' in packet ? propertiesOf(packet.properties) : {}
  return { cmd: commands[packet.type], ...properties, ...bodyOf(packet, version) }
}

function bodyOf(packet: Packet, version: ProtocolVersion): Foreign {
  const v5 = version === 5
  switch (packet.type) {
    case PacketType.connect:
      return connectOf(packet)
    case PacketType.connack: {
      const code = v5 ? { reasonCode: packet.reasonCode } : { returnCode: connackReturnCode(packet.reasonCode) }
      return { sessionPresent: packet.sessionPresent, ...code }
    }
    case PacketType.publish: {
      const { topicName: topic, payload, qos, retain, dup, packetId } = packet
      return { topic, payload, qos, retain, dup, ...(qos > 0 ? { messageId: packetId } : {}) }
    }
    case PacketType.subscribe:
      return {
        messageId: packet.packetId,
        subscriptions: packet.subscriptions.map(
          ({ topicFilter: topic, qos, noLocal, retainAsPublished, retainHandling }) =>
            v5 ? { topic, qos, nl: noLocal, rap: retainAsPublished, rh: retainHandling } : { topic, qos },
        ),
      }
    case PacketType.unsubscribe:
      return { messageId: packet.packetId, unsubscriptions: packet.topicFilters }
    case PacketType.suback:
    case PacketType.unsuback: {
      const granted = packet.reasonCodes.length > 0 ? { granted: packet.reasonCodes } : {}
      return { messageId: packet.packetId, ...granted }
    }
    case PacketType.pingreq:
    case PacketType.pingresp:
      return {}
    case PacketType.disconnect:
    case PacketType.auth:
      return v5 ? { reasonCode: packet.reasonCode } : {}
    default:
      return { messageId: packet.packetId, ...(v5 ? { reasonCode: packet.reasonCode } : {}) }
  }
}

function connectOf(packet: Connect): Foreign {
  const {
    protocolVersion,
    bridge,
    cleanStart: clean,
    keepAlive: keepalive,
    clientId,
    username,
    password,
    will,
  } = packet
  return {
    protocolId: protocolVersion === 3 ? 'MQIsdp' : 'MQTT',
    protocolVersion,
    clean,
    keepalive,
    clientId,
    ...(bridge ? { bridgeMode: true } : {}),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(will === undefined ? {} : { will: willOf(will) }),
  }
}

function willOf({ topicName: topic, payload, qos, retain, properties }: Will): Foreign {
  return { topic, payload, qos, retain, ...propertiesOf(properties) }
}

function propertiesOf(properties: Properties): Foreign {
  const foreign: Foreign & { subscriptionIdentifier?: unknown } = {}
  for (const [key, value] of Object.entries(properties)) {
    if (key === 'payloadFormatIndicator') foreign[key] = value === 1
    else if (key === 'subscriptionIdentifiers') foreign.subscriptionIdentifier = single(value as readonly number[])
    else if (key === 'userProperties') foreign[key] = grouped(value as readonly UserProperty[])
    else foreign[key] = value
  }
  return Object.keys(foreign).length === 0 ? {} : { properties: foreign }
}

function single(values: readonly number[]): unknown {
  return values.length === 1 ? values[0] : values
}

/** Values by name, an array only where a name repeats; an empty value is forgotten when its name comes again. */
function grouped(userProperties: readonly UserProperty[]): Foreign {
  const groups: Foreign = Object.create(null)
  for (const [name, value] of userProperties) {
    const present = groups[name]
    if (Array.isArray(present)) present.push(value)
    else groups[name] = present ? [present, value] : value
  }
  return groups
}
