// Streams of legal packets, and the ways in which we break them: what the fuzzers of codec and engine feed on.

import { encodePacket } from '../src/mqtt/codec.ts'
import type { ProtocolVersion } from '../src/mqtt/packet.ts'
import { randomClientPacket, randomConnect, randomPlainPublish } from './packets.ts'
import type { Random } from './random.ts'

/** A CONNECT of this version and `count` packets that a client may send after it, each encoded by itself. */
export function clientStream(random: Random, version: ProtocolVersion, count: number): Buffer[] {
  const packets = [encodePacket(randomConnect(random, version), version)]
  for (let index = 0; index < count; index++) {
    if (random.oneIn(6)) packets.push(...publishBurst(random, version))
    else packets.push(encodePacket(randomClientPacket(random, version), version))
  }
  return packets
}

/** PUBLISH packets of one topic and kind behind each other, as busy publishers send them. */
function publishBurst(random: Random, version: ProtocolVersion): Buffer[] {
  const publish = randomPlainPublish(random)
  return Array.from({ length: 2 + random.below(6) }, () => {
    const packetId = publish.qos === 0 ? 0 : 1 + random.below(8)
    return encodePacket({ ...publish, packetId, payload: random.bytes(random.below(160)) }, version)
  })
}

type Mutator = (random: Random, bytes: Buffer) => Buffer

/** A copy with one to three faults; an empty input stays empty. */
export function mutate(random: Random, bytes: Buffer): Buffer {
  let mutated: Buffer = Buffer.from(bytes)
  for (let faults = 1 + random.below(3); faults > 0 && mutated.length > 0; faults--) {
    mutated = random.pick(mutators)(random, mutated)
  }
  return mutated
}

/** The same bytes in chunks of random sizes, single bytes among them. */
export function cutIntoChunks(random: Random, bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = []
  let start = 0
  while (start < bytes.length) {
    const end = Math.min(bytes.length, start + 1 + random.below(random.pick([1, 8, 64, 4096])))
    chunks.push(bytes.subarray(start, end))
    start = end
  }
  return chunks
}

function flipBits(random: Random, bytes: Buffer): Buffer {
  for (let flips = 1 + random.below(4); flips > 0; flips--) {
    const at = random.below(bytes.length)
    bytes[at] = (bytes[at] as number) ^ (1 << random.below(8))
  }
  return bytes
}

/** Values at which decoders err: ends of ranges, surrogates, continuation bits, wildcards, controls. */
const telling = [0x00, 0x01, 0x02, 0x03, 0x1f, 0x23, 0x2b, 0x2f, 0x7f, 0x80, 0xc0, 0xed, 0xf4, 0xfe, 0xff]

function overwrite(random: Random, bytes: Buffer): Buffer {
  bytes[random.below(bytes.length)] = random.pick(telling)
  return bytes
}

function cut(random: Random, bytes: Buffer): Buffer {
  return bytes.subarray(0, random.below(bytes.length))
}

function remove(random: Random, bytes: Buffer): Buffer {
  const start = random.below(bytes.length)
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + 1 + random.below(8))])
}

function insert(random: Random, bytes: Buffer): Buffer {
  const at = random.below(bytes.length + 1)
  return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(8)), bytes.subarray(at)])
}

/** Repeats a stretch somewhere else: properties twice, packets within packets. */
function splice(random: Random, bytes: Buffer): Buffer {
  const start = random.below(bytes.length)
  const piece = bytes.subarray(start, start + 1 + random.below(32))
  const at = random.below(bytes.length + 1)
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
}

/** Makes a two-byte length say more, or less, than is there. */
function lieAboutLength(random: Random, bytes: Buffer): Buffer {
  if (bytes.length < 4) return overwrite(random, bytes)
  bytes.writeUInt16BE(random.pick([0, 1, 0x7fff, 0xffff, bytes.length]) & 0xffff, 2 + random.below(bytes.length - 3))
  return bytes
}

/** Makes the remaining length of the first packet lie. */
function lieAboutRemainingLength(random: Random, bytes: Buffer): Buffer {
  const lies = [[0x00], [0x7f], [0xff, 0x7f], [0xff, 0xff, 0xff, 0x7f], [0xff, 0xff, 0xff, 0xff], [0x80, 0x00]]
  return Buffer.concat([bytes.subarray(0, 1), Buffer.from(random.pick(lies)), bytes.subarray(2)])
}

const mutators: readonly Mutator[] = [
  flipBits,
  flipBits,
  overwrite,
  overwrite,
  cut,
  remove,
  insert,
  splice,
  lieAboutLength,
  lieAboutRemainingLength,
]
