import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, hex, showHex } from '../../test/support/bytes.ts'
import { MalformedPacketError, PacketTooLargeError } from './errors.ts'
import { Framer } from './framer.ts'

const noLimit = 268_435_460

/** What the framer gives for these chunks: each packet's first byte and body. */
function frame(framer: Framer, ...chunks: readonly Uint8Array[]): string[] {
  const packets: string[] = []
  for (const chunk of chunks) {
    framer.push(Buffer.from(chunk))
    while (framer.next()) {
      packets.push(showHex(concat(hex`${framer.header}`, framer.buffer.subarray(framer.start, framer.end))))
    }
  }
  return packets
}

const stream = hex`C0 00  30 05 00 01 't' 'hi'  40 02 00 01  C0 00  30 80 01 (128 bytes) 00 01 'x' ${Buffer.alloc(125, 7)}  E0 00`
const packets = frame(new Framer(noLimit), stream)

test('§2.1.1: packets follow each other without a gap', () => {
  assert.deepEqual(packets.slice(0, 4), ['C0', '30 00 01 74 68 69', '40 00 01', 'C0'])
  assert.equal(packets.length, 6)
})

test('a packet within one chunk is a view, not a copy', () => {
  const chunk = Buffer.from(stream)
  const framer = new Framer(noLimit)
  framer.push(chunk)
  assert.ok(framer.next() && framer.next())
  assert.equal(framer.buffer, chunk)
  assert.deepEqual([framer.start, framer.end], [4, 9])
})

test('the packets are the same wherever the stream is cut in two', () => {
  for (let at = 0; at <= stream.length; at++) {
    assert.deepEqual(frame(new Framer(noLimit), stream.subarray(0, at), stream.subarray(at)), packets)
  }
})

test('the packets are the same when every byte comes alone, and when all chunks wait before the first is framed', () => {
  const single = [...stream].map(byte => Uint8Array.of(byte))
  assert.deepEqual(frame(new Framer(noLimit), ...single), packets)
  const framer = new Framer(noLimit)
  for (const byte of single) framer.push(Buffer.from(byte))
  assert.deepEqual(frame(framer, hex``), packets)
})

test('partial tells whether a packet has begun that has not ended', () => {
  const framer = new Framer(noLimit)
  assert.equal(framer.partial, false)
  for (const [bytes, partial] of [
    [hex`30`, true],
    [hex`83`, true],
    [hex`00`, true],
    [hex`00 01`, true],
    [hex`'t'`, false],
    [hex`C0 00`, false],
    [hex`C0 00 C0`, true],
  ] as const) {
    frame(framer, bytes)
    assert.equal(framer.partial, partial, showHex(bytes))
  }
})

test('[MQTT-3.2.2-15] a packet may be as long as the limit, fixed header included, and no longer', () => {
  assert.deepEqual(frame(new Framer(7), hex`30 05 00 01 't' 'hi'`), ['30 00 01 74 68 69'])
  assert.throws(
    () => frame(new Framer(6), hex`30 05`),
    (error: unknown) => {
      assert.ok(error instanceof PacketTooLargeError)
      assert.equal(error.reasonCode, 0x95)
      assert.equal(error.message, 'packet of 7 bytes announced, at most 6 are accepted')
      return true
    },
  )
  assert.throws(() => frame(new Framer(130), hex`30 80 01`), /packet of 131 bytes announced/)
})

test('a new limit counts from the next fixed header on', () => {
  const framer = new Framer(noLimit)
  frame(framer, hex`30 05`)
  framer.maximumPacketSize = 4
  assert.deepEqual(frame(framer, hex`00 01 't' 'hi' C0 00`), ['30 00 01 74 68 69', 'C0'])
  assert.throws(() => frame(framer, hex`30 05`), PacketTooLargeError)
})

test('§1.5.5: a remaining length of more than four bytes is malformed at its fourth', () => {
  assert.deepEqual(frame(new Framer(noLimit), hex`30 FF FF FF 7F`), [])
  assert.throws(
    () => frame(new Framer(noLimit), hex`30 FF FF FF FF`),
    (error: unknown) => {
      assert.ok(error instanceof MalformedPacketError)
      assert.equal(error.reasonCode, 0x81)
      assert.match(error.message, /remaining length is longer than four bytes/)
      return true
    },
  )
})

test('a remaining length in more bytes than it needs is accepted, as Mosquitto does', () => {
  assert.deepEqual(frame(new Framer(noLimit), hex`C0 80 00  40 82 80 00 00 01`), ['C0', '40 00 01'])
})

test('[MQTT-2.1.3-1] [v3.1.1 MQTT-2.2.2-2] a bad first byte is refused before its length is known', () => {
  for (const [header, message] of [
    [0x00, /packet type 0 is reserved/],
    [0x11, /flags of CONNECT are 1, they must be 0/],
    [0x36, /QoS 3/],
    [0x60, /flags of PUBREL are 0, they must be 2/],
  ] as const) {
    assert.throws(() => frame(new Framer(noLimit), hex`${header}`), message)
  }
})

test('after an error nothing more is framed: the same error comes again', () => {
  const framer = new Framer(10)
  assert.throws(() => frame(framer, hex`C0 00 30 7F C0 00`), PacketTooLargeError)
  assert.throws(() => frame(framer, hex`C0 00`), PacketTooLargeError)
})

test('an announced length costs no memory before its bytes are there', () => {
  const framers: Framer[] = []
  const before = process.memoryUsage().arrayBuffers
  for (let index = 0; index < 100; index++) {
    const framer = new Framer(noLimit)
    frame(framer, hex`30 FF FF FF 7F 00 01 't'`)
    framers.push(framer)
  }
  assert.equal(framers.length, 100)
  assert.ok(process.memoryUsage().arrayBuffers - before < 1024 * 1024, 'a hundred begun packets take less than 1 MiB')
})

test('a large packet in single bytes takes time in proportion to its length', () => {
  const body = Buffer.alloc(300_000, 0x61)
  const framer = new Framer(noLimit)
  framer.push(Buffer.from(hex`30 E0 A7 12`))
  assert.equal(framer.next(), false)
  let moved = 0
  for (let index = 0; index < body.length; index++) {
    framer.push(body.subarray(index, index + 1))
    if (framer.next()) moved++
  }
  assert.equal(moved, 1)
  assert.deepEqual(framer.buffer.subarray(framer.start, framer.end), body)
})

test('a framer that waits for more holds no chunk, only what has begun', () => {
  const framer = new Framer(noLimit)
  const chunk = Buffer.from(hex`C0 00 30 05 00 01`)
  framer.push(chunk)
  while (framer.next());
  chunk.fill(0xff)
  assert.equal(framer.buffer.length, 0)
  assert.deepEqual(frame(framer, hex`'t' 'hi'`), ['30 00 01 74 68 69'])
})

test('a borrowed chunk may change once its packets were taken: what lies in it whole is copied, and what spans chunks too', () => {
  const framer = new Framer(noLimit)
  const chunk = Buffer.from(hex`30 05 00 01 't' 'hi' 30 05 00 01`)
  framer.push(chunk, true)
  assert.ok(framer.next())
  const { buffer, start, end } = framer
  assert.equal(framer.next(), false)
  chunk.fill(0xff)
  assert.deepEqual(buffer.subarray(start, end), Buffer.from(hex`00 01 't' 'hi'`))
  assert.deepEqual(frame(framer, hex`'u' 'ho'`), ['30 00 01 75 68 6F'])
})

test('what is left of a long borrowed chunk is copied into a room that the next one gets, and each packet is its own until then', () => {
  const framer = new Framer(noLimit)
  const rooms = new Set<ArrayBufferLike>()
  for (const fill of [1, 2, 3, 4]) {
    const packet = Buffer.concat([Buffer.from(hex`30 80 40`), Buffer.alloc(8192, fill)])
    const chunk = Buffer.concat([packet, packet, packet, packet])
    framer.push(chunk, true)
    framer.skipTo(packet.length)
    framer.own()
    assert.equal(framer.isLent, true)
    chunk.fill(0xff)
    for (let left = 3; left > 0; left--) {
      assert.ok(framer.next())
      rooms.add(framer.buffer.buffer)
      assert.deepEqual(framer.buffer.subarray(framer.start, framer.end), packet.subarray(3))
    }
    assert.equal(framer.next(), false)
    assert.equal(framer.isLent, false)
  }
  assert.equal(rooms.size, 1)
})

test('pieces of a large packet that are copied one after the other lie in the same room', () => {
  const framer = new Framer(noLimit)
  const rooms = new Set<ArrayBufferLike>()
  framer.push(Buffer.from(hex`30 E0 A7 12`))
  assert.equal(framer.next(), false)
  for (let piece = 0; piece < 4; piece++) {
    framer.push(Buffer.alloc(65_536, piece), true)
    framer.own()
    rooms.add(framer.chunk.buffer)
    assert.equal(framer.next(), false)
    assert.equal(framer.isLent, false)
  }
  assert.equal(rooms.size, 1)
})

test('a copied chunk that was passed over to its end is given back, and not while its last packet is the current one', () => {
  const [one, other] = [new Framer(noLimit), new Framer(noLimit)]
  const packet = (fill: number) => Buffer.concat([Buffer.from(hex`30 80 80 01`), Buffer.alloc(16_384, fill)])
  one.push(packet(1), true)
  one.own()
  assert.ok(one.next())
  const { buffer, start } = one
  other.push(packet(2), true)
  other.own()
  assert.equal(buffer[start], 1)
  assert.notEqual(other.chunk.buffer, buffer.buffer)
  other.skipTo(other.chunk.length)
  assert.equal(other.isLent, false)
})

test('large packets that come in pieces lie in the same room one after the other, and each is its own', () => {
  const framer = new Framer(noLimit)
  const rooms = new Set<Buffer>()
  for (const fill of [1, 2, 3, 4, 5, 6, 7, 8]) {
    const packet = Buffer.concat([Buffer.from(hex`30 E0 A7 12`), Buffer.alloc(300_000, fill)])
    for (let at = 0; at < packet.length; at += 65_536) {
      framer.push(packet.subarray(at, at + 65_536), true)
      if (!framer.next()) continue
      rooms.add(framer.buffer)
      assert.deepEqual(framer.buffer.subarray(framer.start, framer.end), packet.subarray(4))
    }
  }
  assert.equal(rooms.size, 1)
})

test('room is not used again while the packet in it is the current one', () => {
  const [one, other] = [new Framer(noLimit), new Framer(noLimit)]
  const packet = (fill: number) => Buffer.concat([Buffer.from(hex`30 E0 A7 12`), Buffer.alloc(300_000, fill)])
  for (const [framer, fill] of [
    [one, 1],
    [other, 2],
  ] as const) {
    framer.push(packet(fill).subarray(0, 200_000))
    assert.equal(framer.next(), false)
    framer.push(packet(fill).subarray(200_000))
    assert.ok(framer.next())
  }
  assert.deepEqual(one.buffer.subarray(one.start, one.end), Buffer.alloc(300_000, 1))
  assert.deepEqual(other.buffer.subarray(other.start, other.end), Buffer.alloc(300_000, 2))
})
