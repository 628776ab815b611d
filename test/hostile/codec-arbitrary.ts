// Any packet that a version allows, as fast-check arbitraries that shrink; the property table says which properties.

import fc from 'fast-check'
import {
  type Connect,
  noProperties,
  type Packet,
  PacketType,
  type Properties,
  type ProtocolVersion,
  type QoS,
  type RetainHandling,
  type Will,
} from '../../src/mqtt/packet.ts'
import { reasonCodesOf } from '../../src/mqtt/packet-reason-codes.ts'
import { type PropertyOwner, type PropertyRow, propertyRowsOf, willOwner } from '../../src/mqtt/property-table.ts'

const olderReasonCodes = [0x00, 0x84, 0x85, 0x86, 0x87, 0x88]

/** A record like the codec's, with the ordinary prototype. */
function record<T>(model: { [Key in keyof T]: fc.Arbitrary<T[Key]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true })
}

/** Strings that the wire allows: no control characters, no non-characters, no lone surrogates. */
const text = fc
  .oneof(fc.string({ maxLength: 40 }), fc.string({ unit: 'binary', maxLength: 40 }))
  .map(value => value.replace(/[\p{Cc}\p{Noncharacter_Code_Point}]/gu, '·'))
const filledText = text.map(value => (value === '' ? '/' : value))
const bytes = fc.uint8Array({ maxLength: 40 }).map(value => Buffer.from(value))
const packetId = fc.integer({ min: 1, max: 0xffff })
const qos = fc.constantFrom<QoS>(0, 1, 2)

export function packetArbitrary(version: ProtocolVersion): fc.Arbitrary<Packet> {
  const older = [connect(version), connack(version), publish(version), acknowledgement(version), subscribe(version)]
  const rest = [suback(version), unsubscribe(version), unsuback(version), ping, disconnect(version)]
  return fc.oneof(...older, ...rest, ...(version === 5 ? [auth] : []))
}

function propertiesArbitrary(owner: PropertyOwner, version: ProtocolVersion): fc.Arbitrary<Properties> {
  if (version < 5) return fc.constant(noProperties)
  const model = Object.fromEntries(propertyRowsOf(owner).map(row => [row.key, valueArbitrary(row, owner)]))
  return fc.record(model, { requiredKeys: [], noNullPrototype: true }).map((properties: Properties) => {
    const lacksMethod = properties.authenticationData !== undefined && properties.authenticationMethod === undefined
    return lacksMethod ? { ...properties, authenticationMethod: 'M' } : properties
  })
}

function valueArbitrary(row: PropertyRow, owner: PropertyOwner): fc.Arbitrary<unknown> {
  const min = row.minimum ?? 0
  switch (row.type) {
    case 'byte':
      return fc.constantFrom(0, 1)
    case 'boolean':
      return fc.boolean()
    case 'uint16':
      return fc.integer({ min, max: 0xffff })
    case 'uint32':
      return fc.integer({ min, max: 0xffffffff })
    case 'utf8':
      return text
    case 'binary':
      return bytes
    case 'variableByteInteger':
      return fc.array(fc.integer({ min, max: 268_435_455 }), {
        minLength: 1,
        maxLength: row.repeatableIn?.includes(owner) === true ? 4 : 1,
      })
    case 'utf8Pair':
      return fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 4 })
  }
}

function connect(version: ProtocolVersion): fc.Arbitrary<Connect> {
  const will: fc.Arbitrary<Will> = record({
    topicName: filledText,
    payload: bytes,
    qos,
    retain: fc.boolean(),
    properties: propertiesArbitrary(willOwner, version),
  })
  return record({
    type: fc.constant(PacketType.connect),
    protocolVersion: fc.constant(version),
    bridge: fc.boolean(),
    cleanStart: fc.boolean(),
    keepAlive: fc.nat(0xffff),
    clientId: text,
    username: fc.option(text, { nil: undefined }),
    password: fc.option(bytes, { nil: undefined }),
    will: fc.option(will, { nil: undefined }),
    properties: propertiesArbitrary(PacketType.connect, version),
  }).map(packet => (version < 5 && packet.username === undefined ? { ...packet, password: undefined } : packet))
}

function connack(version: ProtocolVersion): fc.Arbitrary<Packet> {
  return record({
    type: fc.constant(PacketType.connack),
    sessionPresent: version === 3 ? fc.constant(false) : fc.boolean(),
    reasonCode: fc.constantFrom(...(version === 5 ? reasonCodesOf(PacketType.connack) : olderReasonCodes)),
    properties: propertiesArbitrary(PacketType.connack, version),
  })
}

function publish(version: ProtocolVersion): fc.Arbitrary<Packet> {
  return record({
    type: fc.constant(PacketType.publish),
    dup: fc.boolean(),
    qos,
    retain: fc.boolean(),
    topicName: text,
    packetId,
    payload: fc.oneof(
      bytes,
      fc.integer({ min: 100, max: 20_000 }).map(length => Buffer.alloc(length, 0x2a)),
    ),
    properties: propertiesArbitrary(PacketType.publish, version),
  }).map(packet => ({
    ...packet,
    ...(packet.qos === 0 ? { dup: false, packetId: 0 } : {}),
    topicName: packet.topicName === '' && packet.properties.topicAlias === undefined ? '/' : packet.topicName,
  }))
}

function acknowledgement(version: ProtocolVersion): fc.Arbitrary<Packet> {
  const { puback, pubrec, pubrel, pubcomp } = PacketType
  return fc.constantFrom(puback, pubrec, pubrel, pubcomp).chain(type =>
    record({
      type: fc.constant(type),
      packetId,
      reasonCode: version === 5 ? fc.constantFrom(...reasonCodesOf(type)) : fc.constant(0),
      properties: propertiesArbitrary(type, version),
    }),
  )
}

function subscribe(version: ProtocolVersion): fc.Arbitrary<Packet> {
  const v5 = version === 5
  const request = record({
    topicFilter: filledText,
    qos,
    noLocal: v5 ? fc.boolean() : fc.constant(false),
    retainAsPublished: v5 ? fc.boolean() : fc.constant(false),
    retainHandling: v5 ? fc.constantFrom<RetainHandling>(0, 1, 2) : fc.constant<RetainHandling>(0),
  })
  return record({
    type: fc.constant(PacketType.subscribe),
    packetId,
    subscriptions: fc.array(request, { minLength: 1, maxLength: 4 }),
    properties: propertiesArbitrary(PacketType.subscribe, version),
  })
}

function suback(version: ProtocolVersion): fc.Arbitrary<Packet> {
  const codes = version === 5 ? reasonCodesOf(PacketType.suback) : [0, 1, 2, 0x80]
  return record({
    type: fc.constant(PacketType.suback),
    packetId,
    reasonCodes: fc.array(fc.constantFrom(...codes), { minLength: 1, maxLength: 4 }),
    properties: propertiesArbitrary(PacketType.suback, version),
  })
}

function unsubscribe(version: ProtocolVersion): fc.Arbitrary<Packet> {
  return record({
    type: fc.constant(PacketType.unsubscribe),
    packetId,
    topicFilters: fc.array(filledText, { minLength: 1, maxLength: 4 }),
    properties: propertiesArbitrary(PacketType.unsubscribe, version),
  })
}

function unsuback(version: ProtocolVersion): fc.Arbitrary<Packet> {
  const reasonCode = fc.constantFrom(...reasonCodesOf(PacketType.unsuback))
  return record({
    type: fc.constant(PacketType.unsuback),
    packetId,
    reasonCodes: version === 5 ? fc.array(reasonCode, { minLength: 1, maxLength: 4 }) : fc.constant<number[]>([]),
    properties: propertiesArbitrary(PacketType.unsuback, version),
  })
}

const ping: fc.Arbitrary<Packet> = fc.constantFrom(
  { type: PacketType.pingreq } as const,
  { type: PacketType.pingresp } as const,
)

function disconnect(version: ProtocolVersion): fc.Arbitrary<Packet> {
  return record({
    type: fc.constant(PacketType.disconnect),
    reasonCode: version === 5 ? fc.constantFrom(...reasonCodesOf(PacketType.disconnect)) : fc.constant(0),
    properties: propertiesArbitrary(PacketType.disconnect, version),
  })
}

const auth: fc.Arbitrary<Packet> = record({
  type: fc.constant(PacketType.auth),
  reasonCode: fc.constantFrom(...reasonCodesOf(PacketType.auth)),
  properties: propertiesArbitrary(PacketType.auth, 5),
})
