// Serial numbers of revoked certificates, a million of them: one buffer of bytes and one table of places in it, so that there
// is nothing for the garbage collector to visit. 2 + length bytes for a serial number and 4 to 8 for its place: 26 bytes each
// for numbers of 16 bytes.

import { randomBytes } from 'node:crypto'
import { assert } from '../base/errors.ts'

/** RFC 5280 §4.1.2.2 allows 20; longer ones were issued, too. */
export const maxSerialBytes = 64

export class SerialTable {
  /** Of each: length, reason, bytes. The first byte is unused, so that no place is 0. */
  readonly #bytes: Uint8Array
  #used = 1
  /** By hash, open addressing; at most half full. */
  readonly #places: Uint32Array
  readonly #mask: number
  readonly #seed: number
  #size = 0

  /**
   * @param most serial numbers that will be added
   * @param totalBytes of all of them together
   */
  constructor(most: number, totalBytes: number) {
    let slots = 8
    while (slots < most * 2) slots *= 2
    this.#places = new Uint32Array(slots)
    this.#mask = slots - 1
    this.#bytes = new Uint8Array(1 + totalBytes + most * 2)
    this.#seed = randomBytes(4).readUInt32LE()
  }

  get size(): number {
    return this.#size
  }

  /** What it occupies outside the heap. */
  get byteLength(): number {
    return this.#bytes.byteLength + this.#places.byteLength
  }

  /**
   * Adds `bytes[start, end)`, the content of a DER INTEGER. Of one that is there already the first reason stays.
   *
   * @param reason RFC 5280 §5.3.1, 0 to 10
   */
  add(bytes: Uint8Array, start: number, end: number, reason: number): void {
    let from = start
    while (from < end - 1 && isRedundant(bytes[from] as number, bytes[from + 1] as number)) from++
    const slot = this.#slotOf(bytes, from, end)
    if (this.#places[slot] !== 0) return
    const length = end - from
    assert(length <= maxSerialBytes && this.#used + length + 2 <= this.#bytes.length, 'the table was made large enough')
    this.#places[slot] = this.#used
    this.#bytes[this.#used] = length
    this.#bytes[this.#used + 1] = reason
    let at = this.#used + 2
    // By hand: a view for each of a million would be a million objects.
    for (let own = from; own < end; own++) this.#bytes[at++] = bytes[own] as number
    this.#used = at
    this.#size++
  }

  /**
   * @param serial as `serialBytes` makes it
   * @returns the reason, undefined for a number that is not in the table
   */
  find(serial: Uint8Array): number | undefined {
    const place = this.#places[this.#slotOf(serial, 0, serial.length)] as number
    return place === 0 ? undefined : this.#bytes[place + 1]
  }

  /** Where the number is, or would be. */
  #slotOf(bytes: Uint8Array, start: number, end: number): number {
    let hash = this.#seed
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x0100_0193)
    let slot = (hash ^ (hash >>> 15)) & this.#mask
    for (;;) {
      const place = this.#places[slot] as number
      if (place === 0 || this.#isAt(place, bytes, start, end)) return slot
      slot = (slot + 1) & this.#mask
    }
  }

  #isAt(place: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#bytes[place] !== end - start) return false
    for (let at = start, own = place + 2; at < end; at++, own++) {
      if (this.#bytes[own] !== bytes[at]) return false
    }
    return true
  }
}

/**
 * The content of a DER INTEGER for a serial number.
 *
 * @param hex as `X509Certificate.serialNumber` has it: the magnitude, with `-` before a negative one
 */
export function serialBytes(hex: string): Uint8Array {
  const isNegative = hex.startsWith('-')
  const digits = isNegative ? hex.slice(1) : hex
  let bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
  if (bytes.length === 0 || (bytes[0] as number) >= 0x80 || isNegative) bytes = Buffer.concat([Buffer.of(0), bytes])
  if (isNegative) negate(bytes)
  let from = 0
  while (from < bytes.length - 1 && isRedundant(bytes[from] as number, bytes[from + 1] as number)) from++
  return Uint8Array.from(bytes.subarray(from))
}

/** Two's complement, in place. */
function negate(bytes: Uint8Array): void {
  let carry = 1
  for (let at = bytes.length - 1; at >= 0; at--) {
    const value = (~(bytes[at] as number) & 0xff) + carry
    bytes[at] = value & 0xff
    carry = value >> 8
  }
}

/** A first byte that says nothing but the sign that the next one says already. */
function isRedundant(first: number, next: number): boolean {
  return (first === 0 && next < 0x80) || (first === 0xff && next >= 0x80)
}
