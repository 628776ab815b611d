import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, hex } from '../../../test/support/bytes.ts'
import { assertCodes, assertDecodes, assertRefused, decode } from '../../../test/support/codec-cases.ts'
import { type Connect, noProperties, PacketType, type ProtocolVersion } from '../packet.ts'

function connect(fields: Partial<Connect>): Connect {
  return {
    type: PacketType.connect,
    protocolVersion: 4,
    bridge: false,
    cleanStart: true,
    keepAlive: 60,
    clientId: 'a',
    username: undefined,
    password: undefined,
    will: undefined,
    properties: noProperties,
    ...fields,
  }
}

/** A CONNECT of 3.1.1 with these flags and these fields after the client id. */
function flagged(flags: number, payload: Uint8Array = hex``, level = 4): Uint8Array {
  const properties = level === 5 ? hex`00` : hex``
  const body = concat(hex`00 04 'MQTT' ${level} ${flags} 00 3C`, properties, hex`00 01 'a'`, payload)
  return concat(hex`10 ${body.length}`, body)
}

const malformed = 0x81
const protocolError = 0x82
const all: readonly ProtocolVersion[] = [3, 4, 5]

test('3.1 §3.1: CONNECT of MQTT 3.1 is MQIsdp, level 3', () => {
  assertCodes(hex`10 0F 00 06 'MQIsdp' 03 02 00 3C 00 01 'a'`, connect({ protocolVersion: 3 }), 4)
})

test('[MQTT-3.1.2-1] [MQTT-3.1.2-2] CONNECT of MQTT 3.1.1 is MQTT, level 4', () => {
  assertCodes(hex`10 0D 00 04 'MQTT' 04 02 00 3C 00 01 'a'`, connect({}), 4)
})

test('[MQTT-2.2.2-1] CONNECT of MQTT 5 says that it has no properties with a zero', () => {
  assertCodes(hex`10 0E 00 04 'MQTT' 05 02 00 3C (properties) 00 00 01 'a'`, connect({ protocolVersion: 5 }), 4)
})

test('[MQTT-3.1.3-1] [MQTT-3.1.3-3] the payload is client id, will, username, password, in this order', () => {
  const bytes = hex`10 1A 00 04 'MQTT' 04 (flags) F6 00 3C 00 01 'a'
    (will) 00 01 'w' 00 02 00 FF (username) 00 01 'u' (password) 00 01 'p'`
  const will = { topicName: 'w', payload: Buffer.of(0, 255), qos: 2, retain: true, properties: noProperties } as const
  assertCodes(bytes, connect({ will, username: 'u', password: Buffer.from('p') }), 4)
})

test('[MQTT-3.1.2-9] a will of MQTT 5 has properties of its own', () => {
  const bytes = hex`10 28 00 04 'MQTT' 05 (flags) 0C 00 3C
    (properties) 03 21 00 14 00 01 'a'
    (will properties) 0E 18 00 00 00 05 01 01 26 00 01 'k' 00 01 'v'
    00 01 'w' 00 03 'bye'`
  const will = {
    topicName: 'w',
    payload: Buffer.from('bye'),
    qos: 1,
    retain: false,
    properties: { willDelayInterval: 5, payloadFormatIndicator: 1, userProperties: [['k', 'v']] },
  } as const
  const properties = { receiveMaximum: 20 }
  assertCodes(bytes, connect({ protocolVersion: 5, cleanStart: false, will, properties }), 4)
})

test("bit 7 of the protocol level marks Mosquitto's bridges, in each version", () => {
  assertCodes(hex`10 0F 00 06 'MQIsdp' 83 02 00 3C 00 01 'a'`, connect({ protocolVersion: 3, bridge: true }), 4)
  assertCodes(hex`10 0D 00 04 'MQTT' 84 02 00 3C 00 01 'a'`, connect({ bridge: true }), 4)
  assertCodes(hex`10 0E 00 04 'MQTT' 85 02 00 3C 00 00 01 'a'`, connect({ protocolVersion: 5, bridge: true }), 4)
})

test('a CONNECT is decoded by what it says, whatever version the connection spoke before', () => {
  for (const version of all) assertDecodes(hex`10 0D 00 04 'MQTT' 04 02 00 3C 00 01 'a'`, connect({}), version)
})

test('[MQTT-3.1.2-1] another protocol name is malformed', () => {
  const expected = {
    reasonCode: malformed,
    clause: 'MQTT-3.1.2-1',
    message: /protocol name is 'MQTX', expected 'MQTT'/,
  }
  assertRefused(hex`10 0D 00 04 'MQTX' 04 02 00 3C 00 01 'a'`, 4, expected)
  assertRefused(hex`10 0D 00 04 'mqtt' 04 02 00 3C 00 01 'a'`, 4, { ...expected, message: /'mqtt'/ })
})

test('[MQTT-3.1.2-2] a protocol level that does not go with the name is answered with 0x84', () => {
  const expected = { reasonCode: 0x84, clause: 'MQTT-3.1.2-2', message: /protocol level/ }
  for (const level of [0, 1, 2, 3, 6, 127]) {
    assertRefused(hex`10 0D 00 04 'MQTT' ${level} 02 00 3C 00 01 'a'`, 4, expected)
  }
  assertRefused(hex`10 0F 00 06 'MQIsdp' 04 02 00 3C 00 01 'a'`, 4, expected)
})

test('[MQTT-3.1.2-3] the reserved connect flag must be 0; MQTT 3.1 does not say so', () => {
  const expected = { reasonCode: malformed, clause: 'MQTT-3.1.2-3', message: /reserved connect flag/ }
  assertRefused(flagged(0x03), 4, expected)
  assertRefused(flagged(0x03, hex``, 5), 4, expected)
  assertDecodes(hex`10 0F 00 06 'MQIsdp' 03 03 00 3C 00 01 'a'`, connect({ protocolVersion: 3 }), 3)
})

test('[MQTT-3.1.2-11] [MQTT-3.1.2-13] without a will, will QoS and will retain must be 0', () => {
  for (const level of [4, 5]) {
    for (const qos of [0x08, 0x10]) {
      const expected = { reasonCode: malformed, clause: 'MQTT-3.1.2-11', message: /will QoS/ }
      assertRefused(flagged(0x02 | qos, hex``, level), 4, expected)
    }
    const expected = { reasonCode: malformed, clause: 'MQTT-3.1.2-13', message: /will retain/ }
    assertRefused(flagged(0x22, hex``, level), 4, expected)
  }
})

test('[MQTT-3.1.2-12] [MQTT-3.1.2-14] will QoS 3 is malformed', () => {
  const expected = { reasonCode: malformed, clause: 'MQTT-3.1.2-12', message: /will QoS is 3/ }
  for (const level of [4, 5]) assertRefused(flagged(0x1e, hex`00 01 'w' 00 00`, level), 4, expected)
})

test('[MQTT-3.1.2-22] before MQTT 5 a password needs a username', () => {
  const expected = { reasonCode: protocolError, clause: 'MQTT-3.1.2-22', message: /password stands without a username/ }
  assertRefused(flagged(0x42, hex`00 01 'p'`), 4, expected)
  assertRefused(hex`10 12 00 06 'MQIsdp' 03 42 00 3C 00 01 'a' 00 01 'p'`, 3, expected)
  const packet = decode(flagged(0x42, hex`00 01 'p'`, 5), 5)
  assert.deepEqual(packet, connect({ protocolVersion: 5, password: Buffer.from('p') }))
})

test('[MQTT-3.1.2-17] [MQTT-3.1.2-19] a flag whose field is missing is malformed', () => {
  const missing = (field: string) => ({
    reasonCode: malformed,
    clause: '§1.5',
    message: new RegExp(`within its ${field}`),
  })
  assertRefused(flagged(0x82), 4, missing('username'))
  assertRefused(flagged(0xc2, hex`00 01 'u'`), 4, missing('password'))
  assertRefused(flagged(0x06), 4, missing('will topic'))
})

test('3.1 §3.1: in MQTT 3.1 the remaining length wins over username and password flags', () => {
  assertDecodes(hex`10 0F 00 06 'MQIsdp' 03 C2 00 3C 00 01 'a'`, connect({ protocolVersion: 3 }), 3)
  const named = connect({ protocolVersion: 3, username: 'u' })
  assertDecodes(hex`10 12 00 06 'MQIsdp' 03 C2 00 3C 00 01 'a' 00 01 'u'`, named, 3)
})

test('[MQTT-3.1.2-16] [MQTT-3.1.2-18] a field without its flag is more than the packet can hold', () => {
  assertRefused(flagged(0x02, hex`00 01 'u'`), 4, {
    reasonCode: malformed,
    clause: '§2.1.4',
    message: /3 bytes longer/,
  })
})

test('[MQTT-3.1.3-4] [MQTT-3.1.3-11] [MQTT-3.1.3-12] client id, will topic and username must be UTF-8', () => {
  const refused = (field: string) => ({ reasonCode: malformed, clause: 'MQTT-1.5.4-1', message: new RegExp(field) })
  assertRefused(hex`10 0D 00 04 'MQTT' 04 02 00 3C 00 01 FF`, 4, refused('client id'))
  assertRefused(flagged(0x06, hex`00 01 C0 00 00`), 4, refused('will topic'))
  assertRefused(flagged(0x82, hex`00 02 C0 AF`), 4, refused('username'))
})

test('[MQTT-4.7.3-1] a will needs a topic', () => {
  const expected = { reasonCode: malformed, clause: 'MQTT-4.7.3-1', message: /will topic is empty/ }
  assertRefused(flagged(0x06, hex`00 00 00 00`), 4, expected)
})

test('an empty username and an empty password are there, a missing one is undefined', () => {
  const packet = decode(flagged(0xc2, hex`00 00 00 00`), 4)
  assert.deepEqual(packet, connect({ username: '', password: Buffer.alloc(0) }))
})

test('a packet that ends early is malformed wherever it ends', () => {
  const whole = hex`00 04 'MQTT' 05 F6 00 3C 03 21 00 14 00 01 'a' 00 00 01 'w' 00 00 00 01 'u' 00 01 'p'`
  assert.doesNotThrow(() => decode(concat(hex`10 ${whole.length}`, whole), 5))
  for (let length = 0; length < whole.length; length++) {
    const bytes = concat(hex`10 ${length}`, whole.subarray(0, length))
    assertRefused(bytes, 5, { reasonCode: malformed, clause: '§1.5', message: /packet ends within its / })
  }
})
