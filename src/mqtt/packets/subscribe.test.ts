import { test } from 'node:test'
import { hex } from '../../../test/support/bytes.ts'
import { assertCodes, assertDecodes, assertRefused } from '../../../test/support/codec-cases.ts'
import { encodePacket } from '../codec.ts'
import { noProperties, PacketType, type QoS, type RetainHandling, type Subscribe } from '../packet.ts'
import { maximumFilters } from './subscribe.ts'

function subscribe(...topicFilters: readonly [string, QoS][]): Subscribe {
  const plain = { noLocal: false, retainAsPublished: false, retainHandling: 0 as const }
  return {
    type: PacketType.subscribe,
    packetId: 10,
    subscriptions: topicFilters.map(([topicFilter, qos]) => ({ topicFilter, qos, ...plain })),
    properties: noProperties,
  }
}

const malformed = 0x81
const protocolError = 0x82

test('[MQTT-3.8.3-1] SUBSCRIBE is a packet id and filters with their QoS', () => {
  const packet = subscribe(['a/+', 1], ['#', 0])
  for (const version of [3, 4] as const) assertCodes(hex`82 0C 00 0A 00 03 'a/+' 01 00 01 '#' 00`, packet, version)
  assertCodes(hex`82 0D 00 0A 00 00 03 'a/+' 01 00 01 '#' 00`, packet, 5)
})

test('§3.8.3.1: MQTT 5 has no-local, retain-as-published and retain handling beside the QoS', () => {
  for (const retainHandling of [0, 1, 2] as readonly RetainHandling[]) {
    for (const noLocal of [false, true]) {
      for (const retainAsPublished of [false, true]) {
        const options = 2 | (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0) | (retainHandling << 4)
        const request = { topicFilter: 'a', qos: 2, noLocal, retainAsPublished, retainHandling } as const
        const packet = {
          ...subscribe(),
          subscriptions: [request],
          properties: { subscriptionIdentifiers: [268_435_455] },
        }
        assertCodes(hex`82 0C 00 0A 05 0B FF FF FF 7F 00 01 'a' ${options}`, packet, 5)
      }
    }
  }
})

test('[MQTT-3.8.3-2] [MQTT-3.8.3-3] SUBSCRIBE without a filter is a protocol error', () => {
  const expected = { reasonCode: protocolError, clause: 'MQTT-3.8.3-2', message: /SUBSCRIBE has no topic filter/ }
  assertRefused(hex`82 02 00 0A`, 4, expected)
  assertRefused(hex`82 03 00 0A 00`, 5, expected)
})

test('[MQTT-3-8.3-4] before MQTT 5 options other than QoS 0, 1 and 2 are malformed', () => {
  for (const options of [0x03, 0x04, 0x08, 0x10, 0x80]) {
    const expected = { reasonCode: malformed, clause: 'MQTT-3-8.3-4', message: /requested QoS is/ }
    for (const version of [3, 4] as const) assertRefused(hex`82 06 00 0A 00 01 'a' ${options}`, version, expected)
  }
})

test('[MQTT-3.8.3-5] reserved bits of the subscription options are malformed', () => {
  for (const options of [0x40, 0x80]) {
    const expected = { reasonCode: malformed, clause: 'MQTT-3.8.3-5', message: /reserved bits/ }
    assertRefused(hex`82 07 00 0A 00 00 01 'a' ${options}`, 5, expected)
  }
})

test('§3.8.3.1: QoS 3 and retain handling 3 are protocol errors', () => {
  const refused = (message: RegExp) => ({ reasonCode: protocolError, clause: '§3.8.3.1', message })
  assertRefused(hex`82 07 00 0A 00 00 01 'a' 03`, 5, refused(/QoS is 3/))
  assertRefused(hex`82 07 00 0A 00 00 01 'a' 30`, 5, refused(/retain handling is 3/))
})

test('[MQTT-2.2.1-3] [v3.1.1 MQTT-2.3.1-1] packet id 0 is a protocol error', () => {
  const expected = { reasonCode: protocolError, clause: 'MQTT-2.2.1-3', message: /packet id is 0/ }
  assertRefused(hex`82 06 00 00 00 01 'a' 00`, 4, expected)
})

test('[MQTT-4.7.3-1] an empty topic filter is malformed', () => {
  const expected = { reasonCode: malformed, clause: 'MQTT-4.7.3-1', message: /topic filter is empty/ }
  assertRefused(hex`82 05 00 0A 00 00 00`, 4, expected)
})

test('a filter without its options is malformed', () => {
  const expected = { reasonCode: malformed, clause: '§1.5', message: /ends within its subscription options/ }
  assertRefused(hex`82 09 00 0A 00 01 'a' 00 00 01 'b'`, 4, expected)
})

test('[MQTT-3.8.1-1] SUBSCRIBE has flags 0010; MQTT 3.1 may add DUP', () => {
  const expected = { reasonCode: malformed, clause: 'MQTT-2.1.3-1', message: /SUBSCRIBE/ }
  for (const header of [0x80, 0x81, 0x83, 0x86, 0x8a]) assertRefused(hex`${header} 06 00 0A 00 01 'a' 00`, 4, expected)
  assertDecodes(hex`8A 06 00 0A 00 01 'a' 00`, subscribe(['a', 0]), 3)
})

test('maximumFilters: so many topic filters fit into one packet, and one more is refused', () => {
  const most = Array.from({ length: maximumFilters }, () => 'a')
  const unsubscribe = { type: PacketType.unsubscribe, packetId: 10, properties: noProperties } as const
  const packetsOf = (filters: readonly string[]) => [
    subscribe(...filters.map((filter): [string, QoS] => [filter, 0])),
    { ...unsubscribe, topicFilters: filters },
  ]
  for (const packet of packetsOf(most)) assertDecodes(encodePacket(packet, 4), packet, 4)
  for (const packet of packetsOf([...most, 'a'])) {
    const expected = {
      reasonCode: 0x97,
      clause: 'maximumFilters',
      message: /SUBSCRIBE has more than 10000 topic filters/,
    }
    assertRefused(encodePacket(packet, 4), 4, expected)
  }
})
