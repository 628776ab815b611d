import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { concat, hex, showHex } from '../../test/support/bytes.ts'
import { noProperties, type ProtocolVersion, type QoS } from './packet.ts'
import { encodePublish } from './packets/publish.ts'
import { PublishRun } from './publish-run.ts'

const noLimit = Number.POSITIVE_INFINITY

interface Limits {
  readonly start: number
  readonly version: ProtocolVersion
  readonly maximumPacketSize: number
  readonly packets: number
  readonly bytes: number
  readonly payload: number
}

/** A run over bytes that lie in a buffer of their own; `undefined` where none begins. */
function runOver(bytes: Uint8Array, limits: Partial<Limits> = {}): PublishRun | undefined {
  const run = new PublishRun()
  const buffer = Buffer.allocUnsafeSlow(bytes.length)
  buffer.set(bytes)
  const { start = 0, version = 4, maximumPacketSize = noLimit } = limits
  if (!run.begin(buffer, start, version, maximumPacketSize)) return undefined
  run.extend(limits.packets ?? noLimit, limits.bytes ?? noLimit, limits.payload ?? noLimit)
  return run
}

/** The payloads that stepping through it finds. */
function payloads(run: PublishRun): string[] {
  const found: string[] = []
  for (run.rewind(); run.step(); ) found.push(run.buffer.toString('latin1', run.payloadStart, run.packetEnd))
  return found
}

function publish(payload: Uint8Array, version: ProtocolVersion = 4, qos: QoS = 0, packetId = 0, topic = 't'): Buffer {
  return encodePublish(topic, payload, qos, false, false, packetId, noProperties, version)
}

const first = hex`30 04 00 01 't' '1'`
const second = hex`30 05 00 01 't' '22'`

test('packets of one topic are one run, with or without payload', () => {
  const run = runOver(concat(first, second, hex`30 03 00 01 't'`, first))
  assert.ok(run !== undefined)
  assert.deepEqual([run.start, run.end, run.count, run.payloadBytes, run.longestPacket], [0, 24, 4, 4, 7])
  assert.equal(run.buffer.toString('latin1', run.topicStart, run.topicStart + run.topicLength), 't')
  assert.deepEqual(payloads(run), ['1', '22', '', '1'])
  assert.deepEqual(payloads(run), ['1', '22', '', '1'])
})

test('a run begins where it is told', () => {
  const run = runOver(concat(hex`30 03 00 01 'u'`, first, second), { start: 5 })
  assert.ok(run !== undefined)
  assert.deepEqual([run.start, run.end, payloads(run)], [5, 18, ['1', '22']])
})

for (const [what, behind] of [
  ['another topic', hex`30 04 00 01 'u' '1'`],
  ['a longer topic that begins alike', hex`30 05 00 02 'tt' '1'`],
  ['a shorter topic', hex`30 03 00 00 '1'`],
  ['RETAIN', hex`31 04 00 01 't' '1'`],
  ['DUP', hex`38 04 00 01 't' '1'`],
  ['QoS 1', hex`32 06 00 01 't' 00 07 '1'`],
  ['another packet type', hex`C0 00`],
  ['a packet that is not all there', hex`30 04 00 01 't'`],
  ['a fixed header that is not all there', hex`30`],
  ['a remaining length in more bytes than it needs', hex`30 84 00 00 01 't' '1'`],
  ['a remaining length in more bytes than two', hex`30 84 80 00 00 01 't' '1'`],
  ['a topic that is longer than its packet', hex`30 02 00 01 't'`],
  ['no topic', hex`30 00 00 01 't' '1'`],
] as const) {
  test(`a run ends before ${what}, and none begins there`, () => {
    const run = runOver(concat(first, second, behind))
    assert.ok(run !== undefined)
    assert.deepEqual([run.count, run.end, payloads(run)], [2, 13, ['1', '22']])
    if (!/topic|QoS/.test(what)) assert.equal(runOver(behind), undefined)
  })
}

test('[MQTT-4.7.3-1] no run begins with an empty topic, nor with one that is longer than its packet', () => {
  for (const bytes of [hex`30 03 00 00 '1'`, hex`30 02 00 01 't'`, hex`30 02 00 03 '1' '1' '1' '1'`, hex``]) {
    assert.equal(runOver(bytes), undefined, showHex(bytes))
  }
})

test('§3.3.2.3: with MQTT 5 a run has packets without properties only', () => {
  const plain = hex`30 05 00 01 't' 00 '1'`
  const run = runOver(concat(plain, hex`30 04 00 01 't' 00`, plain), { version: 5 })
  assert.ok(run !== undefined)
  assert.deepEqual([payloads(run), run.payloadBytes, run.longestPacket], [['1', '', '1'], 2, 7])
  for (const other of [
    hex`30 07 00 01 't' 02 01 00 '1'`,
    hex`30 06 00 01 't' 80 00 '1'`,
    hex`30 08 00 01 't' 03 23 00 01 '1'`,
  ]) {
    assert.equal(runOver(other, { version: 5 }), undefined, showHex(other))
    assert.equal(runOver(concat(plain, other), { version: 5 })?.count, 1)
  }
  // The length of the properties is missing: whatever lies behind is not taken for it.
  assert.equal(runOver(hex`30 03 00 01 't' 00`, { version: 5 }), undefined)
})

test('§2.2.1: at QoS 1 and 2 a run is of one QoS, and each packet has its id', () => {
  for (const [qos, header] of [
    [1, 0x32],
    [2, 0x34],
  ] as const) {
    for (const version of [4, 5] as const) {
      const packets = [1, 0x1234, 0xffff].map(packetId => publish(hex`'x'`, version, qos, packetId))
      assert.equal(packets[0]![0], header)
      const run = runOver(concat(...packets, publish(hex`'x'`, version)), { version })
      assert.ok(run !== undefined)
      const found: number[] = []
      for (run.rewind(); run.step(); ) found.push(run.packetId)
      assert.deepEqual(
        [run.qos, run.payloadBytes, found, payloads(run)],
        [qos, 3, [1, 0x1234, 0xffff], ['x', 'x', 'x']],
      )
    }
  }
})

test('[MQTT-2.2.1-3] packet id 0, a packet id that is cut off, and QoS 3 are left to whoever refuses them', () => {
  for (const bytes of [
    hex`32 06 00 01 't' 00 00 '1'`,
    hex`32 03 00 01 't' 00 07`,
    hex`32 04 00 01 't' 00 07`,
    hex`36 06 00 01 't' 00 07 '1'`,
  ]) {
    assert.equal(runOver(bytes), undefined, showHex(bytes))
    assert.equal(runOver(concat(hex`32 06 00 01 't' 00 07 '1'`, bytes))?.count, 1, showHex(bytes))
  }
})

test('remaining lengths of one byte and of two are read, up to 16,000', () => {
  for (const [remaining, taken] of [
    [127, true],
    [128, true],
    [129, true],
    [16_000, true],
    [16_001, false],
    [16_384, false],
  ] as const) {
    const packet = publish(Buffer.alloc(remaining - 3, 'p'))
    const run = runOver(concat(packet, packet))
    assert.equal(run?.count, taken ? 2 : undefined, `${remaining}`)
    if (run !== undefined) assert.deepEqual([run.end, run.longestPacket], [2 * packet.length, packet.length])
  }
})

test('[MQTT-3.2.2-15] packets up to the Maximum Packet Size are taken, longer ones are not', () => {
  assert.equal(runOver(concat(first, second), { maximumPacketSize: 7 })?.count, 2)
  assert.equal(runOver(concat(first, second), { maximumPacketSize: 6 })?.count, 1)
  assert.equal(runOver(concat(first, second), { maximumPacketSize: 5 }), undefined)
})

test('a run ends at the most packets, bytes and payload it may have; the first packet alone may have more bytes', () => {
  const bytes = concat(first, first, second, first)
  for (const [limits, count] of [
    [{ packets: 1 }, 1],
    [{ packets: 3 }, 3],
    [{ bytes: 12 }, 2],
    [{ bytes: 18 }, 2],
    [{ bytes: 19 }, 3],
    [{ bytes: 1 }, 1],
    [{ payload: 2 }, 4],
    [{ payload: 1 }, 2],
    [{ payload: 0 }, 0],
  ] as const) {
    const run = runOver(bytes, limits)
    assert.equal(run?.count, count, JSON.stringify(limits))
    assert.equal(payloads(run).length, count, JSON.stringify(limits))
  }
})

test('who speaks the same version gets the packets as they came, others with or without the length of no properties', () => {
  const bytes = concat(first, hex`30 03 00 01 't'`, second)
  const bytes5 = hex`30 05 00 01 't' 00 '1'  30 04 00 01 't' 00  30 06 00 01 't' 00 '22'`
  for (const [version, own, other, its] of [
    [3, bytes, 5, bytes5],
    [4, bytes, 5, bytes5],
    [5, bytes5, 3, bytes],
    [5, bytes5, 4, bytes],
  ] as const) {
    const run = runOver(own, { version })
    assert.ok(run !== undefined)
    assert.deepEqual([run.looksAsIn(version), run.looksAsIn(other)], [true, false])
    assert.equal(showHex(run.bytesFor(version)), showHex(own))
    assert.equal(showHex(run.bytesFor(other)), showHex(its))
    assert.equal(run.bytesFor(other), run.bytesFor(other))
    assert.deepEqual(payloads(run), ['1', '', '22'])
  }
  assert.equal(runOver(bytes, { version: 3 })?.looksAsIn(4), true)
})

test('in another version each packet is what the encoder makes of it, whatever the lengths', () => {
  const lengths = fc.array(fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 15_900, max: 15_990 })), {
    minLength: 1,
    maxLength: 8,
  })
  const versions = fc.constantFrom<[ProtocolVersion, ProtocolVersion]>([4, 5], [5, 4], [5, 3], [4, 4], [5, 5])
  const property = fc.property(lengths, versions, fc.integer({ min: 1, max: 5 }), (sizes, [from, to], topicLength) => {
    const topic = 'täpic'.slice(0, topicLength)
    const all = (version: ProtocolVersion) =>
      concat(...sizes.map((size, index) => publish(Buffer.alloc(size, index), version, 0, 0, topic)))
    const run = runOver(all(from), { version: from })
    assert.ok(run !== undefined)
    assert.equal(run.count, sizes.length)
    assert.ok(Buffer.from(run.bytesFor(to)).equals(all(to)))
  })
  fc.assert(property, { numRuns: 300 })
})

test('a run is sent without a copy when it is at least half of its chunk, else it would keep all of it alive', () => {
  const packet = publish(Buffer.alloc(995))
  assert.equal(packet.length, 1001)
  for (const [behind, isView] of [
    [0, true],
    [1001, true],
    [1002, false],
  ] as const) {
    const run = new PublishRun()
    const chunk = Buffer.alloc(packet.length + behind)
    chunk.set(packet)
    assert.ok(run.begin(chunk, 0, 4, noLimit, false))
    run.extend(1, noLimit, noLimit)
    const bytes = run.bytesFor(4)
    assert.equal(bytes.buffer === run.buffer.buffer, isView, `${behind}`)
    assert.ok(packet.equals(bytes))
  }
})

test('what is sent of a run in a lent buffer are bytes of its own', () => {
  const packet = publish(Buffer.alloc(995, 'x'))
  const run = runOver(Buffer.from(packet))
  assert.ok(run !== undefined)
  const bytes = run.bytesFor(4)
  run.buffer.fill(0)
  assert.ok(packet.equals(bytes))
})

test('a run that is over keeps no buffer, and what was made of it is not taken for the next one', () => {
  const run = new PublishRun()
  const take = (bytes: Uint8Array) => {
    assert.ok(run.begin(Buffer.from(bytes), 0, 4, noLimit))
    run.extend(noLimit, noLimit, noLimit)
    return [showHex(run.bytesFor(4)), showHex(run.bytesFor(5))]
  }
  take(first)
  run.release()
  assert.equal(run.buffer.length, 0)
  const anew = ['30 05 00 01 74 32 32', '30 06 00 01 74 00 32 32']
  assert.deepEqual(take(second), anew)
  // Even when whoever used it never came to release it.
  take(first)
  assert.deepEqual(take(second), anew)
})
