// What a broker sends on a connection in memory: the chunks that it hands to a transport, read again as packets.

import assert from 'node:assert/strict'
import { decodePacket } from '../../src/mqtt/codec.ts'
import { Framer } from '../../src/mqtt/framer.ts'
import type { Packet, ProtocolVersion } from '../../src/mqtt/packet.ts'

/** Bytes in front of and behind what is reserved: whoever writes elsewhere is found out. */
const margin = 3
/** A byte that begins no packet, where something was reserved and not written. */
const unwritten = 0xff

export interface SentPacket {
  readonly packet: Packet
  /** In bytes, fixed header included. */
  readonly size: number
}

export class SentBytes {
  readonly #chunks: Uint8Array[] = []
  readonly #framer = new Framer(268_435_460)
  room: Buffer = Buffer.alloc(0)

  /** Keeps the chunk as it is: what it holds is looked at when it is read, as a socket does. */
  push(bytes: Uint8Array): void {
    this.#chunks.push(bytes)
  }

  reserve(size: number): number {
    this.room = Buffer.alloc(margin + size + margin, unwritten)
    this.#chunks.push(this.room.subarray(margin, margin + size))
    return margin
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0 && !this.#framer.isAtPacket
  }

  /** Takes the next packet off, as a client of that version reads it. */
  next(version: ProtocolVersion): SentPacket | undefined {
    const framer = this.#framer
    let start = framer.position
    while (!framer.next()) {
      assert.equal(framer.partial, false, 'a chunk ends within a packet')
      const chunk = this.#chunks.shift()
      if (chunk === undefined) return undefined
      framer.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))
      start = 0
    }
    const packet = decodePacket(framer.buffer, framer.header, framer.start, framer.end, version)
    return { packet, size: framer.position - start }
  }

  /** Takes the next chunk off as it was sent. */
  takeChunk(): Uint8Array | undefined {
    return this.#chunks.shift()
  }

  clear(): void {
    while (this.#framer.next()) {}
    this.#chunks.length = 0
  }
}
