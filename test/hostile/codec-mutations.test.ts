import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fuzzCodec } from '../../fuzz/codec.ts'
import { clientStream, cutIntoChunks } from '../../fuzz/mutate.ts'
import { Random } from '../../fuzz/random.ts'
import { decodePacket, encodePacket } from '../../src/mqtt/codec.ts'
import { Framer } from '../../src/mqtt/framer.ts'
import type { ProtocolVersion } from '../../src/mqtt/packet.ts'

test('hostile: 200,000 mutated streams are decoded or refused, whatever lies around the packet', () => {
  const { streams, decoded, refused } = fuzzCodec(200_000, 20_260_101)
  assert.equal(streams, 200_000)
  assert.ok(decoded > 50_000, `only ${decoded} packets were decoded: the mutations are too coarse to reach far`)
  assert.ok(refused > 50_000, `only ${refused} streams were refused: the mutations are too tame`)
})

test('hostile: legal streams of each version are decoded in any chunks and come back byte for byte', () => {
  for (const version of [3, 4, 5] as readonly ProtocolVersion[]) {
    const random = new Random(version)
    for (let round = 0; round < 500; round++) {
      const packets = clientStream(random, version, 5)
      const framer = new Framer(65_536)
      const again: Buffer[] = []
      for (const chunk of cutIntoChunks(random, Buffer.concat(packets))) {
        framer.push(chunk)
        while (framer.next()) {
          const packet = decodePacket(framer.buffer, framer.header, framer.start, framer.end, version)
          again.push(encodePacket(packet, version))
        }
      }
      assert.equal(framer.partial, false)
      assert.deepEqual(again, packets)
    }
  }
})
