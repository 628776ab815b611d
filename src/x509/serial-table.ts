// Serial numbers of revoked certificates, a million of them: one buffer of bytes and one table of places in it, so that there
// is nothing for the garbage collector to visit. 2 + length bytes for a serial number and 4 to 8 for its place: 26 bytes each
// for numbers of 16 bytes.

import { randomBytes } from 'node:crypto'
import { assert } from '../base/errors.ts'

/** RFC 5280 §4.1.2.2 allows 20; longer ones were issued, too. */
export const maxSerialBytes = 64

/** Bytes of all numbers, with two for each: what is left of a place are four bits of the hash, which tell most others apart. */
const tagShift = 28
const placeMask = 2 ** tagShift - 1
/** Numbers whose slots are read together: a million reads of memory, each waited for alone, took most of the time. */
const batch = 64

export class SerialTable {
  /** Of each: length, reason, bytes. The first byte is unused, so that no place is 0. */
  readonly #bytes: Uint8Array
  #used = 1
  /** By hash, open addressing; at most half full. */
  readonly #slots: Uint32Array
  readonly #mask: number
  readonly #seed: number
  #size = 0
  /** Added, and not in the table yet. */
  readonly #waitingPlaces = new Uint32Array(batch)
  readonly #waitingHashes = new Uint32Array(batch)
  #waiting = 0
  /** Means nothing: what is read for nobody is not read. */
  #fetched = 0

  /**
   * @param most serial numbers that will be added
   * @param totalBytes of all of them together; 256 MiB with two for each number
   */
  constructor(most: number, totalBytes: number) {
    const capacity = 1 + totalBytes + most * 2
    assert(capacity <= placeMask, 'a place has 28 bits')
    let slots = 8
    while (slots < most * 2) slots *= 2
    this.#slots = new Uint32Array(slots)
    this.#mask = slots - 1
    this.#bytes = new Uint8Array(capacity)
    this.#seed = randomBytes(4).readUInt32LE()
  }

  get size(): number {
    this.#settle()
    return this.#size
  }

  /** What it occupies outside the heap. */
  get byteLength(): number {
    return this.#bytes.byteLength + this.#slots.byteLength
  }

  /**
   * Adds `bytes[start, end)`, the content of a DER INTEGER. Of one that is there already the first reason stays.
   *
   * @param reason RFC 5280 §5.3.1, 0 to 10
   */
  add(bytes: Uint8Array, start: number, end: number, reason: number): void {
    let from = start
    while (from < end - 1 && isRedundant(bytes[from] as number, bytes[from + 1] as number)) from++
    const length = end - from
    const place = this.#used
    assert(length <= maxSerialBytes && place + length + 2 <= this.#bytes.length, 'the table was made large enough')
    this.#bytes[place] = length
    this.#bytes[place + 1] = reason
    let at = place + 2
    // By hand: a view for each of a million would be a million objects.
    for (let own = from; own < end; own++) this.#bytes[at++] = bytes[own] as number
    this.#used = at
    this.#waitingPlaces[this.#waiting] = place
    this.#waitingHashes[this.#waiting] = this.#hash(bytes, from, end)
    if (++this.#waiting === batch) this.#settle()
  }

  /**
   * @param serial as `serialBytes` makes it
   * @returns the reason, undefined for a number that is not in the table
   */
  find(serial: Uint8Array): number | undefined {
    this.#settle()
    const slot = this.#slotOf(this.#hash(serial, 0, serial.length), serial, 0, serial.length)
    const entry = this.#slots[slot] as number
    return entry === 0 ? undefined : this.#bytes[(entry & placeMask) + 1]
  }

  #settle(): void {
    const slots = this.#slots
    const count = this.#waiting
    if (count === 0) return
    this.#waiting = 0
    for (let i = 0; i < count; i++) this.#fetched |= slots[(this.#waitingHashes[i] as number) & this.#mask] as number
    for (let i = 0; i < count; i++) {
      const place = this.#waitingPlaces[i] as number
      const hash = this.#waitingHashes[i] as number
      const start = place + 2
      const slot = this.#slotOf(hash, this.#bytes, start, start + (this.#bytes[place] as number))
      if (slots[slot] !== 0) continue
      slots[slot] = tagOf(hash) | place
      this.#size++
    }
  }

  #hash(bytes: Uint8Array, start: number, end: number): number {
    let hash = this.#seed
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x0100_0193)
    return hash ^ (hash >>> 15)
  }

  /** Where the number is, or would be. */
  #slotOf(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const tag = tagOf(hash)
    let slot = hash & this.#mask
    for (;;) {
      const entry = this.#slots[slot] as number
      if (entry === 0) return slot
      if (((entry ^ tag) & ~placeMask) === 0 && this.#isAt(entry & placeMask, bytes, start, end)) return slot
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

/** The highest four bits. */
function tagOf(hash: number): number {
  return hash & ~placeMask
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
