import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodePacket, encodePacket } from '../../src/mqtt/codec.ts'
import { Framer } from '../../src/mqtt/framer.ts'
import type { Packet, ProtocolVersion } from '../../src/mqtt/packet.ts'
import { packetArbitrary } from './codec-arbitrary.ts'
import {
  type Foreign,
  foreignCanDecode,
  foreignCanEncode,
  foreignDecode,
  foreignEncode,
  toForeign,
} from './codec-foreign.ts'

const versions: readonly ProtocolVersion[] = [3, 4, 5]
const numRuns = 5000

function decode(bytes: Buffer, version: ProtocolVersion): Packet {
  const framer = new Framer(268_435_460)
  framer.push(bytes)
  assert.ok(framer.next())
  return decodePacket(framer.buffer, framer.header, framer.start, framer.end, version)
}

/** Only the fields that we name: `mqtt-packet` fills in others, some of them with what its parser last saw. */
function namedFields(actual: Foreign, expected: Foreign): Foreign {
  return Object.fromEntries(Object.keys(expected).map(key => [key, actual[key]]))
}

for (const version of versions) {
  test(`every packet of version ${version} comes back from its encoding as it was`, () => {
    const property = fc.property(packetArbitrary(version), packet => {
      assert.deepEqual(decode(encodePacket(packet, version), version), packet)
    })
    fc.assert(property, { numRuns })
  })

  test(`mqtt-packet reads in our bytes of version ${version} what we meant`, () => {
    const property = fc.property(packetArbitrary(version).filter(foreignCanDecode), packet => {
      const expected = toForeign(packet, version)
      const actual = foreignDecode(encodePacket(packet, version), version)
      assert.deepEqual(namedFields(actual, expected), expected)
    })
    fc.assert(property, { numRuns })
  })

  test(`we read in the bytes of mqtt-packet of version ${version} what it was asked to write`, () => {
    const property = fc.property(packetArbitrary(version).filter(foreignCanEncode), packet => {
      assert.deepEqual(decode(foreignEncode(packet, version), version), packet)
    })
    fc.assert(property, { numRuns })
  })
}
