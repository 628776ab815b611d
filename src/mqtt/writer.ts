// Writes the data types of MQTT 5 §1.5 into a buffer of exactly the packet's size.

import { assert } from '../base/errors.ts'

/** What a variable byte integer can hold, and so the longest remaining length (§1.5.5). */
export const maximumVariableByteInteger = 268_435_455

/** Bytes of a variable byte integer: 1 to 4. */
export function variableByteIntegerSize(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  return value < 0x200000 ? 3 : 4
}

/** Bytes of a string with its length prefix; at most 65,535 without it, which the caller sees to. */
export function utf8Size(text: string): number {
  const length = Buffer.byteLength(text)
  assert(length <= 0xffff, 'string is longer than 65535 bytes')
  return 2 + length
}

/** Bytes of binary data with its length prefix; at most 65,535 without it, which the caller sees to. */
export function binarySize(bytes: Uint8Array): number {
  assert(bytes.length <= 0xffff, 'binary data is longer than 65535 bytes')
  return 2 + bytes.length
}

/** Bytes of a whole packet whose body has this many. */
export function packetSize(remainingLength: number): number {
  return 1 + variableByteIntegerSize(remainingLength) + remainingLength
}

/** Writes a variable byte integer at `room[at]`. @returns where it ends */
export function writeVariableByteInteger(room: Buffer, at: number, value: number): number {
  let end = at
  let rest = value
  while (rest >= 0x80) {
    room[end++] = (rest & 0x7f) | 0x80
    rest >>= 7
  }
  room[end++] = rest
  return end
}

/** One packet in the making: sizes are counted first, then exactly as many bytes must be written. */
export class Writer {
  readonly #buffer: Buffer
  #position = 0

  constructor(header: number, remainingLength: number) {
    assert(remainingLength <= maximumVariableByteInteger, 'packet is longer than 268435455 bytes')
    this.#buffer = Buffer.allocUnsafe(packetSize(remainingLength))
    this.byte(header)
    this.variableByteInteger(remainingLength)
  }

  byte(value: number): void {
    this.#buffer[this.#position++] = value
  }

  uint16(value: number): void {
    this.byte(value >> 8)
    this.byte(value & 0xff)
  }

  uint32(value: number): void {
    this.#position = this.#buffer.writeUInt32BE(value, this.#position)
  }

  variableByteInteger(value: number): void {
    this.#position = writeVariableByteInteger(this.#buffer, this.#position, value)
  }

  utf8(text: string): void {
    const start = this.#position + 2
    const length = this.#buffer.write(text, start, 'utf8')
    this.uint16(length)
    this.#position = start + length
  }

  binary(bytes: Uint8Array): void {
    this.uint16(bytes.length)
    this.bytes(bytes)
  }

  bytes(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#position)
    this.#position += bytes.length
  }

  /** The packet; its memory was not cleared, so a byte left unwritten would disclose what lay there before. */
  finish(): Buffer {
    assert(this.#position === this.#buffer.length, 'packet was not written to its end')
    return this.#buffer
  }
}
