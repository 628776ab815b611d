// Random packets that are legal in a given version, from either side of a connection.

import {
  type Connect,
  noProperties,
  type Packet,
  PacketType,
  type Properties,
  type ProtocolVersion,
  type Publish,
  type QoS,
  type RetainHandling,
  type Subscribe,
  type UserProperty,
} from '../src/mqtt/packet.ts'
import { reasonCodesOf } from '../src/mqtt/packet-reason-codes.ts'
import { type PropertyOwner, type PropertyRow, propertyRowsOf, willOwner } from '../src/mqtt/property-table.ts'
import type { Random } from './random.ts'

const clientTypes: readonly PacketType[] = [
  PacketType.publish,
  PacketType.publish,
  PacketType.puback,
  PacketType.pubrec,
  PacketType.pubrel,
  PacketType.pubcomp,
  PacketType.subscribe,
  PacketType.unsubscribe,
  PacketType.pingreq,
  PacketType.disconnect,
  PacketType.auth,
]
const allTypes: readonly PacketType[] = Object.values(PacketType)

/** Few, so that packets of one stream speak of the same topics. */
const levels = ['a', 'b', 'c', '', 'käse', '温度', '🌡', '$SYS', 'a level that is rather longer than the others']
const wildcards = ['+', '#', '$share', '$share/g']
const olderReasonCodes = [0x00, 0x84, 0x85, 0x86, 0x87, 0x88]

/** Any packet of this version, a server's as well as a client's. */
export function randomPacket(random: Random, version: ProtocolVersion): Packet {
  return packetOf(random, random.pick(allTypes), version)
}

/** A packet that a client sends after its CONNECT. */
export function randomClientPacket(random: Random, version: ProtocolVersion): Packet {
  return packetOf(random, random.pick(clientTypes), version)
}

export function randomConnect(random: Random, version: ProtocolVersion): Connect {
  const username = random.oneIn(2) ? randomTopic(random) : undefined
  const mayHavePassword = version === 5 || username !== undefined
  return {
    type: PacketType.connect,
    protocolVersion: version,
    bridge: random.oneIn(8),
    cleanStart: random.oneIn(2),
    keepAlive: random.below(0x10000),
    clientId: random.pick(['', 'a', 'device-1', 'sensor/ü']),
    username,
    password: mayHavePassword && random.oneIn(2) ? random.bytes(random.below(16)) : undefined,
    will: random.oneIn(2) ? randomWill(random, version) : undefined,
    properties: randomProperties(random, PacketType.connect, version),
  }
}

function randomWill(random: Random, version: ProtocolVersion): Connect['will'] {
  return {
    topicName: randomTopic(random),
    payload: random.bytes(random.below(32)),
    qos: randomQoS(random),
    retain: random.oneIn(2),
    properties: randomProperties(random, willOwner, version),
  }
}

function packetOf(random: Random, type: PacketType, version: ProtocolVersion): Packet {
  switch (type) {
    case PacketType.connect:
      return randomConnect(random, version)
    case PacketType.publish:
      return randomPublish(random, version)
    case PacketType.subscribe:
      return randomSubscribe(random, version)
    case PacketType.unsubscribe: {
      const topicFilters = listOf(random, () => randomFilter(random))
      return {
        type,
        packetId: randomPacketId(random),
        topicFilters,
        properties: randomProperties(random, type, version),
      }
    }
    case PacketType.pingreq:
    case PacketType.pingresp:
      return { type }
    case PacketType.auth:
      return version === 5 ? reasoned(random, type) : { type: PacketType.pingreq }
    case PacketType.disconnect:
      return version === 5 ? reasoned(random, type) : { type, reasonCode: 0, properties: noProperties }
    default:
      return serverPacketOf(random, type, version)
  }
}

function reasoned(random: Random, type: typeof PacketType.auth | typeof PacketType.disconnect): Packet {
  return { type, reasonCode: random.pick(reasonCodesOf(type)), properties: randomProperties(random, type, 5) }
}

type AnswerType = typeof PacketType.connack | typeof PacketType.suback | typeof PacketType.unsuback
type AcknowledgementType =
  | typeof PacketType.puback
  | typeof PacketType.pubrec
  | typeof PacketType.pubrel
  | typeof PacketType.pubcomp

function serverPacketOf(random: Random, type: AnswerType | AcknowledgementType, version: ProtocolVersion): Packet {
  const packetId = randomPacketId(random)
  const properties = randomProperties(random, type, version)
  const reasonCode = () => (version === 5 ? random.pick(reasonCodesOf(type)) : 0)
  switch (type) {
    case PacketType.connack:
      return {
        type,
        sessionPresent: version > 3 && random.oneIn(2),
        reasonCode: version === 5 ? reasonCode() : random.pick(olderReasonCodes),
        properties,
      }
    case PacketType.suback:
      return {
        type,
        packetId,
        reasonCodes: listOf(random, () => (version === 5 ? reasonCode() : random.pick([0, 1, 2, 0x80]))),
        properties,
      }
    case PacketType.unsuback:
      return { type, packetId, reasonCodes: version === 5 ? listOf(random, reasonCode) : [], properties }
    default:
      return { type, packetId, reasonCode: reasonCode(), properties }
  }
}

function randomPublish(random: Random, version: ProtocolVersion): Publish {
  const qos = randomQoS(random)
  const properties = randomProperties(random, PacketType.publish, version)
  return {
    type: PacketType.publish,
    dup: qos > 0 && random.oneIn(2),
    qos,
    retain: random.oneIn(2),
    topicName: properties.topicAlias !== undefined && random.oneIn(2) ? '' : randomTopic(random),
    packetId: qos === 0 ? 0 : randomPacketId(random),
    payload: random.bytes(random.oneIn(16) ? random.below(2048) : random.below(32)),
    properties,
  }
}

/** One that neither is retained nor has properties, on a short topic of few. */
export function randomPlainPublish(random: Random): Publish {
  const qos = random.pick([0, 0, 1, 2] as const)
  const topicName = random.pick(['a', 'a/b', 'b', 'c', 'käse'])
  const packetId = qos === 0 ? 0 : randomPacketId(random)
  const payload = random.bytes(random.below(32))
  return {
    type: PacketType.publish,
    dup: false,
    qos,
    retain: false,
    topicName,
    packetId,
    payload,
    properties: noProperties,
  }
}

function randomSubscribe(random: Random, version: ProtocolVersion): Subscribe {
  const v5 = version === 5
  const subscriptions = listOf(random, () => ({
    topicFilter: randomFilter(random),
    qos: randomQoS(random),
    noLocal: v5 && random.oneIn(2),
    retainAsPublished: v5 && random.oneIn(2),
    retainHandling: (v5 ? random.below(3) : 0) as RetainHandling,
  }))
  return {
    type: PacketType.subscribe,
    packetId: randomPacketId(random),
    subscriptions,
    properties: randomProperties(random, PacketType.subscribe, version),
  }
}

/** Each property that the owner may carry stands once in four. */
function randomProperties(random: Random, owner: PropertyOwner, version: ProtocolVersion): Properties {
  if (version < 5 || random.oneIn(2)) return noProperties
  const properties: { -readonly [Key in keyof Properties]: unknown } = {}
  for (const row of propertyRowsOf(owner)) {
    if (random.oneIn(4)) properties[row.key] = randomValue(random, row, owner)
  }
  if (properties.authenticationData !== undefined) properties.authenticationMethod ??= 'SCRAM-SHA-256'
  return Object.keys(properties).length === 0 ? noProperties : (properties as Properties)
}

function randomValue(random: Random, row: PropertyRow, owner: PropertyOwner): unknown {
  const minimum = row.minimum ?? 0
  switch (row.type) {
    case 'byte':
      return random.below(2)
    case 'boolean':
      return random.oneIn(2)
    case 'uint16':
      return minimum + random.below(random.pick([4, 0x10000 - minimum]))
    case 'uint32':
      return minimum + (random.oneIn(2) ? random.below(100) : random.below(0xffffffff))
    case 'utf8':
      return randomTopic(random)
    case 'binary':
      return random.bytes(random.below(16))
    case 'variableByteInteger': {
      const identifier = () => minimum + random.below(random.pick([100, 0x4000, 268_435_455]))
      return row.repeatableIn?.includes(owner) === true ? listOf(random, identifier) : [identifier()]
    }
    case 'utf8Pair':
      return listOf(random, (): UserProperty => [random.pick(levels), random.pick(levels)])
  }
}

function randomTopic(random: Random): string {
  const names = listOf(random, () => random.pick(levels)).join('/')
  return names === '' ? '/' : names
}

function randomFilter(random: Random): string {
  const filter = listOf(random, () => (random.oneIn(3) ? random.pick(wildcards) : random.pick(levels))).join('/')
  return filter === '' ? '#' : filter
}

function randomQoS(random: Random): QoS {
  return random.below(3) as QoS
}

/** Mostly few, so that acknowledgements meet what they acknowledge. */
function randomPacketId(random: Random): number {
  return 1 + random.below(random.oneIn(4) ? 0xffff : 8)
}

function listOf<T>(random: Random, make: () => T): T[] {
  return Array.from({ length: 1 + random.below(4) }, make)
}
