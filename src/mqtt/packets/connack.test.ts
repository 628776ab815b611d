import { test } from 'node:test'
import { hex } from '../../../test/support/bytes.ts'
import { assertCodes, assertDecodes, assertEncodes, assertRefused } from '../../../test/support/codec-cases.ts'
import { type Connack, noProperties, PacketType } from '../packet.ts'
import { ReasonCode } from '../reason-code.ts'

function connack(sessionPresent: boolean, reasonCode: number, properties = noProperties): Connack {
  return { type: PacketType.connack, sessionPresent, reasonCode, properties }
}

test('[MQTT-3.2.2-1] CONNACK holds session present in bit 0 and nothing else in that byte', () => {
  assertCodes(hex`20 02 00 00`, connack(false, 0), 4)
  assertCodes(hex`20 02 01 00`, connack(true, 0), 4)
  assertCodes(hex`20 03 01 00 00`, connack(true, 0), 5)
  const expected = { reasonCode: 0x81, clause: 'MQTT-3.2.2-1', message: /flags are 2, expected 0 or 1/ }
  assertRefused(hex`20 02 02 00`, 4, expected)
  assertRefused(hex`20 03 02 00 00`, 5, expected)
})

test('3.1 §3.2: CONNACK of MQTT 3.1 has no session present', () => {
  assertEncodes(connack(true, 0), hex`20 02 00 00`, 3)
  assertDecodes(hex`20 02 01 00`, connack(false, 0), 3)
})

test('3.1.1 §3.2.2.3: reason codes become the return codes of older versions', () => {
  const pairs = [
    [ReasonCode.unsupportedProtocolVersion, 1],
    [ReasonCode.clientIdentifierNotValid, 2],
    [ReasonCode.serverUnavailable, 3],
    [ReasonCode.badUserNameOrPassword, 4],
    [ReasonCode.notAuthorized, 5],
  ] as const
  for (const [reasonCode, returnCode] of pairs) {
    for (const version of [3, 4] as const) assertCodes(hex`20 02 00 ${returnCode}`, connack(false, reasonCode), version)
    assertCodes(hex`20 03 00 ${reasonCode} 00`, connack(false, reasonCode), 5)
  }
  assertEncodes(connack(false, ReasonCode.banned), hex`20 02 00 05`, 4)
  assertEncodes(connack(false, ReasonCode.quotaExceeded), hex`20 02 00 03`, 4)
})

test('3.1.1 §3.2.2.3: return codes above 5 are reserved', () => {
  const expected = { reasonCode: 0x81, clause: '§3.2.2.3', message: /return code is 6, expected 0 to 5/ }
  for (const version of [3, 4] as const) assertRefused(hex`20 02 00 06`, version, expected)
})

test('[MQTT-3.2.2-8] CONNACK of MQTT 5 has one of its own reason codes', () => {
  const expected = { reasonCode: 0x82, clause: 'MQTT-3.2.2-8', message: /0x8e does not exist for CONNACK/ }
  assertRefused(hex`20 03 00 8E 00`, 5, expected)
})

test("mosquitto-conf §8: an accepted CONNACK has its properties in the order of Mosquitto's", () => {
  const properties = {
    receiveMaximum: 20,
    maximumPacketSize: 2_000_000,
    retainAvailable: false,
    maximumQoS: 1,
    serverKeepAlive: 30,
    assignedClientIdentifier: 'id',
    topicAliasMaximum: 10,
  } as const
  const bytes = hex`20 1A 00 00 17
    22 00 0A  12 00 02 'id'  13 00 1E  24 01  25 00  27 00 1E 84 80  21 00 14`
  assertCodes(bytes, connack(false, 0, properties), 5)
})
