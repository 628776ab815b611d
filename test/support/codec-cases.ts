// One packet by hand against the codec: what it must become, what it must be written as, how it must be refused.

import assert from 'node:assert/strict'
import { decodePacket, encodePacket } from '../../src/mqtt/codec.ts'
import { ProtocolError } from '../../src/mqtt/errors.ts'
import { Framer } from '../../src/mqtt/framer.ts'
import type { Packet, ProtocolVersion } from '../../src/mqtt/packet.ts'
import { showHex } from './bytes.ts'

/** Decodes the only packet in `bytes`. */
export function decode(bytes: Uint8Array, version: ProtocolVersion): Packet {
  const framer = new Framer(268_435_460)
  framer.push(Buffer.from(bytes))
  assert.ok(framer.next(), `no complete packet in ${showHex(bytes)}`)
  const packet = decodePacket(framer.buffer, framer.header, framer.start, framer.end, version)
  assert.equal(framer.next(), false, 'expected one packet')
  return packet
}

export function assertDecodes(bytes: Uint8Array, packet: Packet, version: ProtocolVersion): void {
  assert.deepEqual(decode(bytes, version), packet)
}

export function assertEncodes(packet: Packet, bytes: Uint8Array, version: ProtocolVersion): void {
  assert.equal(showHex(encodePacket(packet, version)), showHex(bytes))
}

/** These bytes are this packet, read and written. */
export function assertCodes(bytes: Uint8Array, packet: Packet, version: ProtocolVersion): void {
  assertDecodes(bytes, packet, version)
  assertEncodes(packet, bytes, version)
}

/** The bytes are refused with this reason code and clause, and a text that matches. */
export function assertRefused(
  bytes: Uint8Array,
  version: ProtocolVersion,
  expected: { readonly reasonCode: number; readonly clause: string; readonly message: RegExp },
): void {
  assert.throws(
    () => decode(bytes, version),
    (error: unknown) => {
      assert.ok(error instanceof ProtocolError, `expected a ProtocolError, got ${error}`)
      const { reasonCode, clause, message } = error
      assert.deepEqual({ reasonCode, clause }, { reasonCode: expected.reasonCode, clause: expected.clause })
      assert.match(message, expected.message)
      return true
    },
  )
}
