import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, hex, showHex } from '../../test/support/bytes.ts'
import { ProtocolError } from './errors.ts'
import { noProperties, PacketType, type Properties } from './packet.ts'
import {
  decodeProperties,
  encodeProperties,
  maximumRepetitions,
  propertiesLength,
  propertyBlockSize,
} from './properties.ts'
import { type PropertyOwner, propertyTable, willOwner } from './property-table.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

function decode(bytes: Uint8Array, owner: PropertyOwner): Properties {
  const reader = new Reader()
  reader.reset(Buffer.from(bytes), 0, bytes.length)
  const properties = decodeProperties(reader, owner)
  reader.finish()
  return properties
}

/** The block of properties that an owner's packet holds. */
function encode(properties: Properties, owner: PropertyOwner): Uint8Array {
  const length = propertiesLength(properties, owner)
  const writer = new Writer(0, propertyBlockSize(length))
  encodeProperties(writer, properties, owner, length)
  return writer.finish().subarray(2)
}

function block(...properties: readonly Uint8Array[]): Uint8Array {
  const bytes = concat(...properties)
  return concat(hex`${bytes.length}`, bytes)
}

function assertRefused(bytes: Uint8Array, owner: PropertyOwner, reasonCode: number, message: RegExp): void {
  assert.throws(
    () => decode(bytes, owner),
    (error: unknown) => {
      assert.ok(error instanceof ProtocolError)
      assert.equal(error.reasonCode, reasonCode)
      assert.match(error.message, message)
      return true
    },
  )
}

const { connect, connack, publish, puback, pubrec, pubrel, pubcomp } = PacketType
const { subscribe, suback, unsuback, disconnect, auth } = PacketType
const owners: readonly PropertyOwner[] = [willOwner, ...Object.values(PacketType)]
const malformed = 0x81
const protocolError = 0x82

/** Table 2-4 of the specification, once more by hand: bytes, meaning, and who may carry it. */
const examples: readonly (readonly [Uint8Array, Properties, readonly PropertyOwner[]])[] = [
  [hex`01 01`, { payloadFormatIndicator: 1 }, [publish, willOwner]],
  [hex`02 00 00 00 3C`, { messageExpiryInterval: 60 }, [publish, willOwner]],
  [hex`03 00 04 'text'`, { contentType: 'text' }, [publish, willOwner]],
  [hex`08 00 01 'r'`, { responseTopic: 'r' }, [publish, willOwner]],
  [hex`09 00 02 00 FF`, { correlationData: Buffer.of(0, 255) }, [publish, willOwner]],
  [hex`0B 80 01`, { subscriptionIdentifiers: [128] }, [publish, subscribe]],
  [hex`11 FF FF FF FF`, { sessionExpiryInterval: 0xffffffff }, [connect, connack, disconnect]],
  [hex`12 00 02 'id'`, { assignedClientIdentifier: 'id' }, [connack]],
  [hex`13 00 0A`, { serverKeepAlive: 10 }, [connack]],
  [hex`15 00 01 'M'`, { authenticationMethod: 'M' }, [connect, connack, auth]],
  [
    hex`15 00 01 'M' 16 00 01 07`,
    { authenticationMethod: 'M', authenticationData: Buffer.of(7) },
    [connect, connack, auth],
  ],
  [hex`17 00`, { requestProblemInformation: false }, [connect]],
  [hex`18 00 00 00 05`, { willDelayInterval: 5 }, [willOwner]],
  [hex`19 01`, { requestResponseInformation: true }, [connect]],
  [hex`1A 00 01 'i'`, { responseInformation: 'i' }, [connack]],
  [hex`1C 00 01 's'`, { serverReference: 's' }, [connack, disconnect]],
  [
    hex`1F 00 02 'no'`,
    { reasonString: 'no' },
    [connack, puback, pubrec, pubrel, pubcomp, suback, unsuback, disconnect, auth],
  ],
  [hex`21 FF FF`, { receiveMaximum: 65_535 }, [connect, connack]],
  [hex`22 00 00`, { topicAliasMaximum: 0 }, [connect, connack]],
  [hex`23 FF FF`, { topicAlias: 65_535 }, [publish]],
  [hex`24 01`, { maximumQoS: 1 }, [connack]],
  [hex`25 00`, { retainAvailable: false }, [connack]],
  [
    hex`26 00 01 'k' 00 01 'v'`,
    { userProperties: [['k', 'v']] },
    owners.filter(owner => owner !== PacketType.pingreq && owner !== PacketType.pingresp),
  ],
  [hex`27 00 00 00 01`, { maximumPacketSize: 1 }, [connect, connack]],
  [hex`28 00`, { wildcardSubscriptionAvailable: false }, [connack]],
  [hex`29 01`, { subscriptionIdentifiersAvailable: true }, [connack]],
  [hex`2A 01`, { sharedSubscriptionAvailable: true }, [connack]],
]

test('§2.2.2.2: each of the 27 properties is read and written where it may stand', () => {
  assert.equal(examples.length, 27)
  assert.equal(propertyTable.length, 27)
  for (const [bytes, properties, legal] of examples) {
    for (const owner of legal) {
      assert.deepEqual(decode(block(bytes), owner), properties)
      assert.equal(showHex(encode(properties, owner)), showHex(block(bytes)))
    }
  }
})

test('§2.2.2.2: a property that stands where it may not is malformed, and is never written there', () => {
  for (const [bytes, properties, legal] of examples) {
    for (const owner of owners.filter(candidate => !legal.includes(candidate))) {
      assertRefused(block(bytes), owner, malformed, /^property '\w+' is not allowed in [\w ]+$/)
      assert.equal(showHex(encode(properties, owner)), '00')
    }
  }
})

test('§2.2.2.2: a property that does not exist is malformed', () => {
  const known = new Set(propertyTable.map(row => row.id))
  for (let id = 0; id < 0x80; id++) {
    if (!known.has(id)) assertRefused(hex`02 ${id} 00`, connect, malformed, /^property 0x[0-9a-f]{2} does not exist$/)
  }
})

test('[MQTT-2.2.2-1] no properties are a length of 0, and one shared object', () => {
  assert.equal(decode(hex`00`, publish), noProperties)
  assert.equal(showHex(encode({}, publish)), '00')
})

test('§2.2.2.2: what may stand once is a protocol error when it stands twice', () => {
  for (const [bytes, properties, legal] of examples) {
    if (properties.userProperties !== undefined) continue
    for (const owner of legal) {
      if (properties.subscriptionIdentifiers !== undefined && owner === publish) continue
      assertRefused(block(bytes, bytes), owner, protocolError, /^property '\w+' stands more than once$/)
    }
  }
})

test('[MQTT-3.3.2-17] user properties keep their order, and names may repeat', () => {
  const bytes = block(hex`26 00 01 'b' 00 01 '1' 26 00 01 'a' 00 00 26 00 01 'b' 00 01 '1'`)
  const properties: Properties = {
    userProperties: [
      ['b', '1'],
      ['a', ''],
      ['b', '1'],
    ],
  }
  assert.deepEqual(decode(bytes, publish), properties)
  assert.equal(showHex(encode(properties, publish)), showHex(bytes))
})

test('[MQTT-1.5.7-1] both halves of a user property must be UTF-8', () => {
  assertRefused(block(hex`26 00 01 FF 00 01 'v'`), publish, malformed, /userProperties is not well-formed UTF-8/)
  assertRefused(block(hex`26 00 01 'k' 00 01 00`), publish, malformed, /userProperties holds the control character/)
})

test('a value out of range is answered as its section says', () => {
  const cases: readonly (readonly [Uint8Array, PropertyOwner, number, RegExp])[] = [
    [hex`21 00 00`, connect, protocolError, /'receiveMaximum' is 0, expected 1 or more/],
    [hex`27 00 00 00 00`, connect, protocolError, /'maximumPacketSize' is 0, expected 1 or more/],
    [hex`23 00 00`, publish, 0x94, /'topicAlias' is 0, expected 1 or more/],
    [hex`0B 00`, subscribe, protocolError, /'subscriptionIdentifiers' is 0, expected 1 or more/],
    [hex`01 02`, publish, protocolError, /'payloadFormatIndicator' is 2, expected at most 1/],
    [hex`24 02`, connack, protocolError, /'maximumQoS' is 2, expected at most 1/],
    [hex`17 02`, connect, protocolError, /'requestProblemInformation' is 2, expected 0 or 1/],
    [hex`19 FF`, connect, protocolError, /'requestResponseInformation' is 255, expected 0 or 1/],
    [hex`25 02`, connack, protocolError, /'retainAvailable' is 2, expected 0 or 1/],
  ]
  for (const [bytes, owner, reasonCode, message] of cases) assertRefused(block(bytes), owner, reasonCode, message)
})

test('§3.1.2.11.10: authentication data without a method is a protocol error', () => {
  for (const owner of [connect, connack, auth]) {
    assertRefused(block(hex`16 00 01 07`), owner, protocolError, /authentication data stands without/)
  }
})

test('[MQTT-1.5.5-1] identifier, length and value must be encoded in the fewest bytes', () => {
  const message = /is not encoded in the fewest bytes/
  assertRefused(hex`80 00`, publish, malformed, message)
  assertRefused(hex`03 81 00 01`, publish, malformed, message)
  assertRefused(hex`03 0B 81 00`, publish, malformed, message)
  assertRefused(hex`80 80 80 80 01`, publish, malformed, /property length is longer than four bytes/)
})

test('a property may not reach beyond the property length, nor that beyond the packet', () => {
  assertRefused(hex`04 03 00 02 'text'`, publish, malformed, /packet ends within its contentType/)
  assertRefused(hex`02 22 00 0A`, connect, malformed, /packet ends within its topicAliasMaximum/)
  assertRefused(hex`7F 01 01`, publish, malformed, /packet ends within its properties/)
})

test('maximumRepetitions: a packet with more user properties than that is refused before it holds them', () => {
  const pair = hex`26 00 00 00 00`
  const pairs = (count: number) => Array.from({ length: count }, () => pair)
  const allowed = concat(hex`88 27`, ...pairs(maximumRepetitions))
  assert.equal(decode(allowed, publish).userProperties?.length, maximumRepetitions)
  assertRefused(
    concat(hex`8D 27`, ...pairs(maximumRepetitions + 1)),
    publish,
    0x97,
    /userProperties' stands more than 1000 times/,
  )
})
