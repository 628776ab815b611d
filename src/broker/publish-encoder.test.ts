import assert from 'node:assert/strict'
import test from 'node:test'
import { hex, showHex } from '../../test/support/bytes.ts'
import { MemoryTransport } from '../../test/support/engine.ts'
import { noProperties, type Properties, type ProtocolVersion, type QoS } from '../mqtt/packet.ts'
import { encodePublish } from '../mqtt/packets/publish.ts'
import { Message, neverExpires } from '../session/message.ts'
import type { Delivery } from '../session/outbound.ts'
import { PublishEncoder, type PublishEncoderOptions } from './publish-encoder.ts'

/** An encoder whose frames are taken off its transport. */
function encoder(protocolVersion: ProtocolVersion, options: Partial<PublishEncoderOptions> = {}) {
  const unlimited = { maximumPacketSize: Number.POSITIVE_INFINITY, topicAliasMaximum: 0, mountPoint: undefined }
  const one = new PublishEncoder({ protocolVersion, ...unlimited, ...options })
  const transport = new MemoryTransport()
  const encode = (what: Delivery, packetId: number, dup: boolean, now: number): Uint8Array | undefined => {
    const wasSent = one.send(transport, what, packetId, dup, now)
    const frame = transport.sent.takeChunk()
    assert.equal(frame !== undefined, wasSent)
    return frame
  }
  return { encode, takesPlain: (size: number) => one.takesPlain(size) }
}

function delivery(
  topicName: string,
  qos: QoS = 0,
  more: Partial<Delivery> = {},
  properties: Properties = noProperties,
) {
  const message = new Message(topicName, Buffer.from('x'), qos, false, 'p', properties)
  return { message, qos, retain: false, subscriptionIdentifiers: undefined, ...more }
}

function assertFrame(actual: Uint8Array | undefined, expected: Uint8Array): void {
  assert.equal(actual && showHex(actual), showHex(expected))
}

test('§3.3: flags, packet id and properties are those of the version', () => {
  const one = delivery('t', 1, { retain: true })
  for (const version of [3, 4] as const) {
    assertFrame(encoder(version).encode(one, 7, true, 0), hex`3B 06 00 01 't' 00 07 'x'`)
  }
  assertFrame(encoder(5).encode(one, 7, false, 0), hex`33 07 00 01 't' 00 07 00 'x'`)
})

test('plain QoS 0 copies share one frame per version, others do not', () => {
  const { message } = delivery('t')
  const plain = { message, qos: 0, retain: false, subscriptionIdentifiers: undefined } as const
  const [v4, v5] = [encoder(4), encoder(5)]
  const frame = v5.encode(plain, 0, false, 0)
  assertFrame(frame, hex`30 05 00 01 't' 00 'x'`)
  assert.equal(encoder(5).encode(plain, 0, false, 0), frame)
  assert.equal(encoder(3).encode(plain, 0, false, 0), v4.encode(plain, 0, false, 0))
  assertFrame(v4.encode(plain, 0, false, 0), hex`30 04 00 01 't' 'x'`)
  for (const own of [{ retain: true }, { qos: 1 as const }, { subscriptionIdentifiers: [1] }]) {
    assert.notDeepEqual(v5.encode({ ...plain, ...own }, 1, false, 0), frame)
  }
})

test('§3.3: what stands alone is written in place as it would be encoded, whatever its length, at every QoS and version', () => {
  const name = 'a/topic/name'
  for (const version of [3, 4, 5] as const) {
    for (const qos of [0, 1, 2] as const) {
      for (const length of [0, 1, 31, 32, 33, 107, 108, 109, 110, 111, 112, 16_366, 16_370, 70_000]) {
        const payload = Buffer.alloc(length, 'p')
        const message = new Message(name, payload, qos, true, 'p')
        const one = { message, qos, retain: true, subscriptionIdentifiers: undefined }
        const expected = encodePublish(name, payload, qos, true, qos > 0, 0x1234, noProperties, version)
        assert.ok(expected.equals(encoder(version).encode(one, 0x1234, qos > 0, 0)!), `${version} ${qos} ${length}`)
      }
    }
  }
})

test('packets go out as they came only where nothing in them is the client’s own', () => {
  assert.deepEqual([encoder(5).takesPlain(1_000_000), encoder(4).takesPlain(1_000_000)], [true, true])
  const limited = encoder(5, { maximumPacketSize: 10 })
  assert.deepEqual([limited.takesPlain(10), limited.takesPlain(11)], [true, false])
  assert.equal(encoder(5, { topicAliasMaximum: 1 }).takesPlain(1), false)
  assert.equal(encoder(4, { mountPoint: 'm/' }).takesPlain(1), false)
})

test('[MQTT-3.3.4-3] [MQTT-3.3.4-4] subscription identifiers go with the message, all of them', () => {
  const frame = encoder(5).encode(delivery('t', 0, { subscriptionIdentifiers: [1, 200] }), 0, false, 0)
  assertFrame(frame, hex`30 0A 00 01 't' 05 0B 01 0B C8 01 'x'`)
  assertFrame(
    encoder(4).encode(delivery('t', 0, { subscriptionIdentifiers: [1] }), 0, false, 0),
    hex`30 04 00 01 't' 'x'`,
  )
})

test('[MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-20] what was published with it is passed on, and older versions get none', () => {
  const properties: Properties = {
    payloadFormatIndicator: 1,
    contentType: 'c',
    responseTopic: 'r',
    correlationData: hex`00 FF`,
    userProperties: [
      ['b', '1'],
      ['a', '2'],
      ['b', '3'],
    ],
  }
  const frame = encoder(5).encode(delivery('t', 0, {}, properties), 0, false, 0)
  assertFrame(
    frame,
    hex`30 29 00 01 't' 24  01 01  03 00 01 'c'  08 00 01 'r'  09 00 02 00 FF
        26 00 01 'b' 00 01 '1'  26 00 01 'a' 00 01 '2'  26 00 01 'b' 00 01 '3' 'x'`,
  )
  assertFrame(encoder(4).encode(delivery('t', 0, {}, properties), 0, false, 0), hex`30 04 00 01 't' 'x'`)
})

test('[MQTT-3.3.2-6] the expiry interval is what is left, in a frame of its own', () => {
  const message = new Message('t', Buffer.from('x'), 0, false, 'p', noProperties, 10_000)
  const expiring = { message, qos: 0, retain: false, subscriptionIdentifiers: undefined } as const
  const v5 = encoder(5)
  assertFrame(v5.encode(expiring, 0, false, 0), hex`30 0A 00 01 't' 05 02 00 00 00 0A 'x'`)
  assertFrame(v5.encode(expiring, 0, false, 8001), hex`30 0A 00 01 't' 05 02 00 00 00 02 'x'`)
})

test('[MQTT-3.1.2-24] a packet of the Maximum Packet Size is encoded, one byte more is not; shared frames too', () => {
  for (const [one, size] of [
    [delivery('t'), 7],
    [delivery('t', 1), 9],
  ] as const) {
    assert.equal(encoder(5, { maximumPacketSize: size }).encode(one, 1, false, 0)?.length, size)
    assert.equal(encoder(5, { maximumPacketSize: size - 1 }).encode(one, 1, false, 0), undefined)
  }
})

test('[MQTT-3.1.2-26] [MQTT-3.3.2-11] [MQTT-3.3.2-8] aliases go from 1 to the maximum, once with the name, then without', () => {
  const v5 = encoder(5, { topicAliasMaximum: 2 })
  const send = (topicName: string) => v5.encode(delivery(topicName), 0, false, 0)
  assertFrame(send('t'), hex`30 08 00 01 't' 03 23 00 01 'x'`)
  assertFrame(send('t'), hex`30 07 00 00 03 23 00 01 'x'`)
  assertFrame(send('u'), hex`30 08 00 01 'u' 03 23 00 02 'x'`)
  assertFrame(send('v'), hex`30 05 00 01 'v' 00 'x'`)
  assertFrame(send('u'), hex`30 07 00 00 03 23 00 02 'x'`)
})

test('[MQTT-3.1.2-27] without a Topic Alias Maximum there is no alias; [MQTT-3.3.2-7] each connection begins without any', () => {
  const one = delivery('t')
  for (let n = 0; n < 2; n++) assertFrame(encoder(5).encode(one, 0, false, 0), hex`30 05 00 01 't' 00 'x'`)
  for (let n = 0; n < 2; n++) {
    const v5 = encoder(5, { topicAliasMaximum: 1 })
    assertFrame(v5.encode(one, 0, false, 0), hex`30 08 00 01 't' 03 23 00 01 'x'`)
  }
})

test('a packet that was too large to send sets no alias', () => {
  const v5 = encoder(5, { topicAliasMaximum: 1, maximumPacketSize: 10 })
  assert.equal(v5.encode(delivery('t', 0, { subscriptionIdentifiers: [1] }), 0, false, 0), undefined)
  assertFrame(v5.encode(delivery('t'), 0, false, 0), hex`30 08 00 01 't' 03 23 00 01 'x'`)
})

test('mount_point is taken off what the clients of its listener get', () => {
  for (const [topicName, seen] of [
    ['m/t', 't'],
    ['other', 'other'],
  ] as const) {
    const frame = encoder(4, { mountPoint: 'm/' }).encode(delivery(topicName), 0, false, 0)
    assert.equal(Buffer.from(frame!.subarray(4, -1)).toString(), seen)
  }
  assert.equal(delivery('t').message.expiresAt, neverExpires)
})

test('mount_point: what has no name below it is not sent: an empty topic would end the client, and the one above is not its own', () => {
  for (const version of [4, 5] as const) {
    for (const qos of [0, 1] as const) {
      const one = encoder(version, { mountPoint: 'a/m/', topicAliasMaximum: version === 5 ? 2 : 0 })
      for (const topicName of ['a/m/', 'a/m', 'a/', 'a']) {
        assert.equal(one.encode(delivery(topicName, qos), qos, false, 0), undefined, topicName)
      }
      assert.notEqual(one.encode(delivery('a/m//', qos), qos, false, 0), undefined)
    }
  }
})
