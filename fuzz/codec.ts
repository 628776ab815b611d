// Feeds broken packet streams to framer and codec. `node fuzz/codec.ts [--count N] [--seed S]`

import { isDeepStrictEqual, parseArgs } from 'node:util'
import { decodePacket, encodePacket } from '../src/mqtt/codec.ts'
import { ProtocolError } from '../src/mqtt/errors.ts'
import { Framer } from '../src/mqtt/framer.ts'
import type { Packet, ProtocolVersion } from '../src/mqtt/packet.ts'
import { cutIntoChunks, mutate } from './mutate.ts'
import { randomPacket } from './packets.ts'
import { Random } from './random.ts'

const versions: readonly ProtocolVersion[] = [3, 4, 5]
const maximumPacketSize = 65_536

/** So many faulty streams are made from each legal one. */
const mutationsPerStream = 16

export interface CodecFuzzResult {
  readonly streams: number
  /** Packets that were decoded, and that came back the same after encoding. */
  readonly decoded: number
  /** Streams that were refused with a ProtocolError. */
  readonly refused: number
}

/**
 * Runs `count` mutated streams.
 *
 * @throws Error with seed and bytes when anything but a ProtocolError is thrown, when a result depends on bytes outside
 *   the packet, or when a decoded packet does not survive encoding
 */
export function fuzzCodec(count: number, seed: number): CodecFuzzResult {
  const random = new Random(seed)
  const result = { streams: 0, decoded: 0, refused: 0 }
  while (result.streams < count) {
    const version = random.pick(versions)
    const stream = legalStream(random, version)
    for (let index = 0; index < mutationsPerStream && result.streams < count; index++) {
      const mutated = mutate(random, stream)
      try {
        if (!receive(random, mutated, version, result)) result.refused++
      } catch (error) {
        throw new Error(`seed ${seed}, version ${version}: ${mutated.toString('hex')}`, { cause: error })
      }
      result.streams++
    }
  }
  return result
}

function legalStream(random: Random, version: ProtocolVersion): Buffer {
  return Buffer.concat(
    Array.from({ length: 1 + random.below(3) }, () => encodePacket(randomPacket(random, version), version)),
  )
}

/** Whether the whole stream was acceptable. */
function receive(random: Random, bytes: Buffer, version: ProtocolVersion, result: { decoded: number }): boolean {
  const framer = new Framer(maximumPacketSize)
  try {
    for (const chunk of cutIntoChunks(random, bytes)) {
      framer.push(chunk)
      while (framer.next()) {
        decodeTwice(framer, version)
        result.decoded++
      }
    }
    return true
  } catch (error) {
    if (error instanceof ProtocolError) return false
    throw error
  }
}

/** Decodes in place, and once more between guards that would show in the result if they were read. */
function decodeTwice({ buffer, header, start, end }: Framer, version: ProtocolVersion): void {
  const guarded = Buffer.alloc(end - start + 32, 0xff)
  buffer.copy(guarded, 16, start, end)
  const inPlace = outcome(() => decodePacket(buffer, header, start, end, version))
  const between = outcome(() => decodePacket(guarded, header, 16, 16 + end - start, version))
  if (!sameOutcome(inPlace, between, version)) throw new Error('the result depends on bytes outside the packet')
  if (inPlace instanceof Error) throw inPlace
  checkRoundTrip(inPlace, version)
}

function outcome(decode: () => Packet): Packet | Error {
  try {
    return decode()
  } catch (error) {
    return error as Error
  }
}

function sameOutcome(one: Packet | Error, other: Packet | Error, version: ProtocolVersion): boolean {
  if (one instanceof Error || other instanceof Error) {
    return one instanceof Error && other instanceof Error && one.message === other.message
  }
  return encodePacket(one, version).equals(encodePacket(other, version))
}

function checkRoundTrip(packet: Packet, version: ProtocolVersion): void {
  const encoded = encodePacket(packet, version)
  const framer = new Framer(2 * maximumPacketSize)
  framer.push(encoded)
  if (!framer.next()) throw new Error('an encoded packet is incomplete')
  const again = decodePacket(framer.buffer, framer.header, framer.start, framer.end, version)
  if (!isDeepStrictEqual(again, packet)) throw new Error('packet has changed')
  if (!encodePacket(again, version).equals(encoded)) throw new Error('encoding has changed')
}

if (import.meta.main) {
  const options = { count: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' } } as const
  const { values } = parseArgs({ options })
  const { streams, decoded, refused } = fuzzCodec(Number(values.count), Number(values.seed))
  process.stdout.write(`${streams} streams: ${refused} refused, ${decoded} packets decoded\n`)
}
