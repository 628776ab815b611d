import { test } from 'node:test'
import { hex } from '../../../test/support/bytes.ts'
import { assertCodes, assertDecodes, assertEncodes, assertRefused } from '../../../test/support/codec-cases.ts'
import { type Auth, type Disconnect, noProperties, PacketType } from '../packet.ts'

function disconnect(reasonCode: number, properties = noProperties): Disconnect {
  return { type: PacketType.disconnect, reasonCode, properties }
}

function auth(reasonCode: number, properties = noProperties): Auth {
  return { type: PacketType.auth, reasonCode, properties }
}

const all = [3, 4, 5] as const

test('§3.12, §3.13: PINGREQ and PINGRESP have no body', () => {
  const longer = { reasonCode: 0x81, clause: '§2.1.4', message: /1 bytes longer/ }
  for (const version of all) {
    assertCodes(hex`C0 00`, { type: PacketType.pingreq }, version)
    assertCodes(hex`D0 00`, { type: PacketType.pingresp }, version)
    assertRefused(hex`C0 01 00`, version, longer)
    assertRefused(hex`D0 01 00`, version, longer)
  }
})

test('[MQTT-3.14.1-1] DISCONNECT has no flags, and before MQTT 5 no body', () => {
  for (const version of all) assertCodes(hex`E0 00`, disconnect(0), version)
  const flags = { reasonCode: 0x81, clause: 'MQTT-2.1.3-1', message: /flags of DISCONNECT are 1/ }
  for (const version of all) assertRefused(hex`E1 00`, version, flags)
  assertRefused(hex`E0 01 00`, 4, { reasonCode: 0x81, clause: '§2.1.4', message: /1 bytes longer/ })
  assertEncodes(disconnect(0x8e), hex`E0 00`, 4)
})

test('§3.14.2.1: in MQTT 5 DISCONNECT may say why, with properties or without', () => {
  assertCodes(hex`E0 01 8E`, disconnect(0x8e), 5)
  assertDecodes(hex`E0 02 04 00`, disconnect(4), 5)
  assertDecodes(hex`E0 01 00`, disconnect(0), 5)
  assertCodes(hex`E0 07 00 05 11 00 00 00 0A`, disconnect(0, { sessionExpiryInterval: 10 }), 5)
})

test('[MQTT-3.14.2-1] a reason code that DISCONNECT does not have is a protocol error', () => {
  const expected = { reasonCode: 0x82, clause: 'MQTT-3.14.2-1', message: /0x85 does not exist for DISCONNECT/ }
  assertRefused(hex`E0 01 85`, 5, expected)
})

test('[MQTT-3.15.1-1] [MQTT-3.15.2-1] AUTH has no flags, and one of three reason codes', () => {
  const properties = { authenticationMethod: 'M', authenticationData: Buffer.of(1, 2) }
  assertCodes(hex`F0 00`, auth(0), 5)
  assertCodes(hex`F0 0B 18 09 15 00 01 'M' 16 00 02 01 02`, auth(0x18, properties), 5)
  assertCodes(hex`F0 06 19 04 15 00 01 'M'`, auth(0x19, { authenticationMethod: 'M' }), 5)
  assertRefused(hex`F2 00`, 5, { reasonCode: 0x81, clause: 'MQTT-2.1.3-1', message: /flags of AUTH are 2/ })
  assertRefused(hex`F0 02 87 00`, 5, { reasonCode: 0x82, clause: 'MQTT-3.15.2-1', message: /0x87 does not exist/ })
  assertRefused(hex`F0 01 18`, 5, { reasonCode: 0x81, clause: '§1.5', message: /ends within its property length/ })
})

test('3.1.1 §2.2.1: packet type 15 is reserved before MQTT 5, packet type 0 always', () => {
  for (const version of [3, 4] as const) {
    assertRefused(hex`F0 00`, version, { reasonCode: 0x81, clause: '§2.2.1', message: /AUTH\) is reserved/ })
  }
  for (const version of all) {
    assertRefused(hex`00 00`, version, { reasonCode: 0x81, clause: '§2.1.2', message: /packet type 0 is reserved/ })
  }
})
