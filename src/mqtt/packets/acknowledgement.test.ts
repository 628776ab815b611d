import { test } from 'node:test'
import { hex } from '../../../test/support/bytes.ts'
import { assertCodes, assertDecodes, assertRefused } from '../../../test/support/codec-cases.ts'
import { type Acknowledgement, noProperties, PacketType } from '../packet.ts'

const headers = [
  [PacketType.puback, 0x40, 'MQTT-3.4.2-1', 0x10],
  [PacketType.pubrec, 0x50, 'MQTT-3.5.2-1', 0x97],
  [PacketType.pubrel, 0x62, 'MQTT-3.6.2-1', 0x92],
  [PacketType.pubcomp, 0x70, 'MQTT-3.7.2-1', 0x92],
] as const

function acknowledgement(type: Acknowledgement['type'], reasonCode = 0, properties = noProperties): Acknowledgement {
  return { type, packetId: 0x0102, reasonCode, properties }
}

test('§3.4.2: PUBACK, PUBREC, PUBREL and PUBCOMP without a reason are a packet id', () => {
  for (const [type, header] of headers) {
    for (const version of [3, 4, 5] as const) assertCodes(hex`${header} 02 01 02`, acknowledgement(type), version)
  }
})

test('§3.4.2.1: in MQTT 5 a reason code may follow, without properties or with them', () => {
  for (const [type, header, , reasonCode] of headers) {
    assertCodes(hex`${header} 03 01 02 ${reasonCode}`, acknowledgement(type, reasonCode), 5)
    assertDecodes(hex`${header} 04 01 02 ${reasonCode} 00`, acknowledgement(type, reasonCode), 5)
    assertDecodes(hex`${header} 03 01 02 00`, acknowledgement(type), 5)
    const reason = acknowledgement(type, reasonCode, { reasonString: 'no' })
    assertCodes(hex`${header} 09 01 02 ${reasonCode} 05 1F 00 02 'no'`, reason, 5)
    assertCodes(hex`${header} 09 01 02 00 05 1F 00 02 'no'`, acknowledgement(type, 0, { reasonString: 'no' }), 5)
  }
})

test('[MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] a reason code of another packet is refused', () => {
  for (const [, header, clause] of headers) {
    const expected = { reasonCode: 0x82, clause, message: /0x01 does not exist for PUB/ }
    assertRefused(hex`${header} 03 01 02 01`, 5, expected)
  }
  const expected = { reasonCode: 0x82, clause: 'MQTT-3.6.2-1', message: /0x10 does not exist for PUBREL/ }
  assertRefused(hex`62 03 01 02 10`, 5, expected)
})

test('[MQTT-2.2.1-3] packet id 0 is never right', () => {
  const expected = { reasonCode: 0x82, clause: 'MQTT-2.2.1-3', message: /packet id is 0/ }
  for (const [, header] of headers) assertRefused(hex`${header} 02 00 00`, 4, expected)
})

test('§2.1.4: older versions have nothing after the packet id', () => {
  const expected = { reasonCode: 0x81, clause: '§2.1.4', message: /1 bytes longer/ }
  for (const [, header] of headers) assertRefused(hex`${header} 03 01 02 00`, 4, expected)
})

test('[MQTT-3.6.1-1] [MQTT-2.1.3-1] [v3.1.1 MQTT-2.2.2-2] PUBREL has flags 0010, the others 0000', () => {
  const expected = { reasonCode: 0x81, clause: 'MQTT-2.1.3-1', message: /flags of PUB\w+ are \d+, they must be [02]/ }
  for (const header of [0x41, 0x42, 0x48, 0x52, 0x60, 0x63, 0x66, 0x72]) {
    for (const version of [3, 4, 5] as const) assertRefused(hex`${header} 02 01 02`, version, expected)
  }
})

test('3.1 §2.1: MQTT 3.1 may mark a repeated PUBREL with DUP, later versions may not', () => {
  assertDecodes(hex`6A 02 01 02`, acknowledgement(PacketType.pubrel), 3)
  const expected = { reasonCode: 0x81, clause: 'MQTT-2.1.3-1', message: /flags of PUBREL are 10, they must be 2/ }
  for (const version of [4, 5] as const) assertRefused(hex`6A 02 01 02`, version, expected)
})
