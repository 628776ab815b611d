import { test } from 'node:test'
import { hex } from '../../../test/support/bytes.ts'
import { assertCodes, assertDecodes, assertEncodes, assertRefused } from '../../../test/support/codec-cases.ts'
import { noProperties, PacketType, type Suback, type Unsuback, type Unsubscribe } from '../packet.ts'

function suback(...reasonCodes: readonly number[]): Suback {
  return { type: PacketType.suback, packetId: 10, reasonCodes, properties: noProperties }
}

function unsuback(...reasonCodes: readonly number[]): Unsuback {
  return { type: PacketType.unsuback, packetId: 10, reasonCodes, properties: noProperties }
}

function unsubscribe(...topicFilters: readonly string[]): Unsubscribe {
  return { type: PacketType.unsubscribe, packetId: 10, topicFilters, properties: noProperties }
}

test('[MQTT-3.8.4-6] SUBACK has a code for each filter, in order', () => {
  for (const version of [3, 4] as const) assertCodes(hex`90 06 00 0A 00 01 02 80`, suback(0, 1, 2, 0x80), version)
  assertCodes(hex`90 06 00 0A 00 02 87 A2`, suback(2, 0x87, 0xa2), 5)
  const expected = { reasonCode: 0x82, clause: 'MQTT-3.8.4-6', message: /SUBACK has no reason code/ }
  assertRefused(hex`90 02 00 0A`, 4, expected)
})

test('[MQTT-3.9.3-2] every failure is 0x80 before MQTT 5, and other codes are reserved', () => {
  for (const version of [3, 4] as const) {
    assertEncodes(suback(0x87, 1, 0x8f), hex`90 05 00 0A 80 01 80`, version)
    const expected = { reasonCode: 0x81, clause: 'MQTT-3.9.3-2', message: /return code is 3, expected/ }
    assertRefused(hex`90 03 00 0A 03`, version, expected)
  }
  const expected = { reasonCode: 0x82, clause: 'MQTT-3.9.3-2', message: /0x11 does not exist for SUBACK/ }
  assertRefused(hex`90 04 00 0A 00 11`, 5, expected)
})

test('[MQTT-3.10.3-1] UNSUBSCRIBE is a packet id and filters', () => {
  for (const version of [3, 4] as const) {
    assertCodes(hex`A2 0A 00 0A 00 03 'a/+' 00 01 '#'`, unsubscribe('a/+', '#'), version)
  }
  const packet = { ...unsubscribe('a'), properties: { userProperties: [['k', 'v']] } } as const
  assertCodes(hex`A2 0D 00 0A 07 26 00 01 'k' 00 01 'v' 00 01 'a'`, packet, 5)
})

test('[MQTT-3.10.3-2] UNSUBSCRIBE without a filter is a protocol error, with an empty one malformed', () => {
  const none = { reasonCode: 0x82, clause: 'MQTT-3.10.3-2', message: /UNSUBSCRIBE has no topic filter/ }
  assertRefused(hex`A2 02 00 0A`, 4, none)
  assertRefused(hex`A2 03 00 0A 00`, 5, none)
  const empty = { reasonCode: 0x81, clause: 'MQTT-4.7.3-1', message: /topic filter is empty/ }
  assertRefused(hex`A2 04 00 0A 00 00`, 4, empty)
})

test('[MQTT-3.10.1-1] UNSUBSCRIBE has flags 0010; MQTT 3.1 may add DUP', () => {
  const expected = { reasonCode: 0x81, clause: 'MQTT-2.1.3-1', message: /UNSUBSCRIBE/ }
  for (const header of [0xa0, 0xa1, 0xa3, 0xaa]) assertRefused(hex`${header} 05 00 0A 00 01 'a'`, 4, expected)
  assertDecodes(hex`AA 05 00 0A 00 01 'a'`, unsubscribe('a'), 3)
})

test('[MQTT-2.2.1-3] packet id 0 is a protocol error in UNSUBSCRIBE, SUBACK and UNSUBACK', () => {
  const expected = { reasonCode: 0x82, clause: 'MQTT-2.2.1-3', message: /packet id is 0/ }
  assertRefused(hex`A2 05 00 00 00 01 'a'`, 4, expected)
  assertRefused(hex`90 03 00 00 00`, 4, expected)
  assertRefused(hex`B0 02 00 00`, 4, expected)
})

test('[MQTT-3.11.3-1] UNSUBACK has a code for each filter in MQTT 5, and none before', () => {
  for (const version of [3, 4] as const) {
    assertCodes(hex`B0 02 00 0A`, unsuback(), version)
    assertEncodes(unsuback(0, 0x11), hex`B0 02 00 0A`, version)
  }
  assertCodes(hex`B0 06 00 0A 00 00 11 87`, unsuback(0, 0x11, 0x87), 5)
  const none = { reasonCode: 0x82, clause: 'MQTT-3.11.3-1', message: /UNSUBACK has no reason code/ }
  assertRefused(hex`B0 03 00 0A 00`, 5, none)
  const unknown = { reasonCode: 0x82, clause: 'MQTT-3.11.3-2', message: /0x01 does not exist for UNSUBACK/ }
  assertRefused(hex`B0 04 00 0A 00 01`, 5, unknown)
})
