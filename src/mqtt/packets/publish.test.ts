import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, hex, showHex } from '../../../test/support/bytes.ts'
import { assertCodes, assertDecodes, assertRefused } from '../../../test/support/codec-cases.ts'
import { decodePacket } from '../codec.ts'
import { noProperties, PacketType, type ProtocolVersion, type Publish } from '../packet.ts'
import { encodePublish } from './publish.ts'

function publish(fields: Partial<Publish>): Publish {
  return {
    type: PacketType.publish,
    dup: false,
    qos: 0,
    retain: false,
    topicName: 't',
    packetId: 0,
    payload: Buffer.from('hi'),
    properties: noProperties,
    ...fields,
  }
}

const older: readonly ProtocolVersion[] = [3, 4]

test('[MQTT-2.2.1-2] [v3.1.1 MQTT-2.3.1-5] PUBLISH at QoS 0 has no packet id', () => {
  for (const version of older) assertCodes(hex`30 05 00 01 't' 'hi'`, publish({}), version)
  assertCodes(hex`30 06 00 01 't' (properties) 00 'hi'`, publish({}), 5)
})

test('[MQTT-3.3.2-1] PUBLISH has its topic name first, then packet id, properties and payload', () => {
  const packet = publish({ dup: true, qos: 2, retain: true, packetId: 0x1234 })
  for (const version of older) assertCodes(hex`3D 07 00 01 't' 12 34 'hi'`, packet, version)
  assertCodes(hex`3D 08 00 01 't' 12 34 00 'hi'`, packet, 5)
  assertCodes(hex`32 07 00 01 't' 00 01 'hi'`, publish({ qos: 1, packetId: 1 }), 4)
})

test('a payload may be empty, and is otherwise any bytes', () => {
  assertCodes(hex`31 03 00 01 't'`, publish({ retain: true, payload: Buffer.alloc(0) }), 4)
  assertCodes(hex`30 06 00 01 't' 00 FF C0`, publish({ payload: Buffer.of(0, 255, 192) }), 4)
})

test('PUBLISH of MQTT 5 carries its properties, a subscription identifier for each subscription', () => {
  const properties = {
    payloadFormatIndicator: 1,
    messageExpiryInterval: 60,
    topicAlias: 3,
    contentType: 'x',
    responseTopic: 'r',
    correlationData: Buffer.of(1, 2),
    subscriptionIdentifiers: [1, 200],
    userProperties: [
      ['b', '1'],
      ['a', '2'],
      ['b', '1'],
    ],
  } as const
  const bytes = hex`30 37 00 01 't' (properties) 31
    01 01  02 00 00 00 3C  23 00 03  03 00 01 'x'  08 00 01 'r'  09 00 02 01 02  0B 01 0B C8 01
    26 00 01 'b' 00 01 '1'  26 00 01 'a' 00 01 '2'  26 00 01 'b' 00 01 '1' 'hi'`
  assertCodes(bytes, publish({ properties }), 5)
})

test('§3.3.2.1: a topic name may be empty only in MQTT 5, and only with a topic alias', () => {
  const packet = publish({ topicName: '', properties: { topicAlias: 1 }, payload: Buffer.alloc(0) })
  assertCodes(hex`30 06 00 00 03 23 00 01`, packet, 5)
  assertRefused(hex`30 03 00 00 00`, 5, { reasonCode: 0x82, clause: '§3.3.2.1', message: /topic name is empty/ })
  for (const version of older) {
    assertRefused(hex`30 02 00 00`, version, {
      reasonCode: 0x81,
      clause: 'MQTT-4.7.3-1',
      message: /topic name is empty/,
    })
  }
})

test('[MQTT-3.3.1-4] QoS 3 is malformed', () => {
  for (const header of [0x36, 0x37, 0x3e, 0x3f]) {
    const expected = { reasonCode: 0x81, clause: 'MQTT-3.3.1-4', message: /QoS 3, expected 0, 1 or 2/ }
    assertRefused(hex`${header} 05 00 01 't' 00 01`, 4, expected)
  }
})

test('[MQTT-3.3.1-2] DUP at QoS 0 is malformed', () => {
  const expected = { reasonCode: 0x81, clause: 'MQTT-3.3.1-2', message: /QoS 0 is marked as a duplicate/ }
  for (const header of [0x38, 0x39]) assertRefused(hex`${header} 03 00 01 't'`, 4, expected)
})

test('[MQTT-2.2.1-3] [v3.1.1 MQTT-2.3.1-1] packet id 0 is a protocol error above QoS 0', () => {
  const expected = { reasonCode: 0x82, clause: 'MQTT-2.2.1-3', message: /packet id is 0, expected 1 to 65535/ }
  for (const header of [0x32, 0x34]) assertRefused(hex`${header} 05 00 01 't' 00 00`, 4, expected)
  assertDecodes(hex`30 05 00 01 't' 00 00`, publish({ payload: Buffer.of(0, 0) }), 4)
})

test('a lying topic length ends at the packet, not at the buffer', () => {
  const expected = { reasonCode: 0x81, clause: '§1.5', message: /ends within its topic name/ }
  assertRefused(hex`30 05 FF FF 't' 'hi'`, 4, expected)
  const bytes = Buffer.from(hex`00 05 'ab' 'cde' 'next packet'`)
  assert.throws(() => decodePacket(bytes, 0x30, 0, 4, 4), /ends within its topic name/)
})

test('the payload is a view of the received bytes, other binary data is a copy', () => {
  const body = Buffer.from(hex`00 01 't' 04 09 00 01 07 'hi'`)
  const packet = decodePacket(body, 0x30, 0, body.length, 5) as Publish
  assert.equal(packet.payload.buffer, body.buffer)
  body.fill(0x2a)
  assert.equal(Buffer.from(packet.payload).toString(), '**')
  assert.deepEqual(packet.properties.correlationData, Buffer.of(7))
})

test('[MQTT-1.5.5-1] the remaining length is written in the fewest bytes', () => {
  for (const [payload, prefix] of [
    [124, hex`30 7F`],
    [125, hex`30 80 01`],
    [16_380, hex`30 FF 7F`],
    [16_381, hex`30 80 80 01`],
    [2_097_149, hex`30 80 80 80 01`],
  ] as const) {
    const bytes = encodePublish('t', Buffer.alloc(payload), 0, false, false, 0, noProperties, 4)
    assert.equal(showHex(bytes.subarray(0, prefix.length + 3)), showHex(concat(prefix, hex`00 01 't'`)))
  }
})
