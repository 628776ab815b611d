// Reads the fields of a file that somebody else has written: nothing beyond the end that is set, and every fault says at which byte.

import { isUtf8 } from 'node:buffer'
import { importFault } from './foreign-state.ts'

export class FieldReader {
  readonly #bytes: Buffer
  #position = 0
  #end: number

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#end = bytes.length
  }

  get position(): number {
    return this.#position
  }

  /** Bytes up to the end that is set. */
  get remaining(): number {
    return this.#end - this.#position
  }

  /** Sets the end to so many bytes from here. */
  limit(length: number, what: string): void {
    this.#end = this.#bytes.length
    if (length > this.remaining) throw this.#fault(`${what} says ${length} bytes, and ${this.remaining} are left`)
    this.#end = this.#position + length
  }

  /** Sets the end to that of the file. */
  unlimit(): void {
    this.#end = this.#bytes.length
  }

  uint8(what: string): number {
    return this.#bytes[this.skip(1, what)] as number
  }

  uint16(what: string): number {
    return this.#bytes.readUInt16BE(this.skip(2, what))
  }

  uint32(what: string): number {
    return this.#bytes.readUInt32BE(this.skip(4, what))
  }

  /** As the machines that run Mosquitto have it: the low byte first. */
  nativeUint64(what: string): bigint {
    return this.#bytes.readBigUInt64LE(this.skip(8, what))
  }

  nativeInt64(what: string): bigint {
    return this.#bytes.readBigInt64LE(this.skip(8, what))
  }

  /** UTF-8 of so many bytes. */
  text(length: number, what: string): string {
    const start = this.skip(length, what)
    const bytes = this.#bytes.subarray(start, start + length)
    if (!isUtf8(bytes)) throw this.#fault(`${what} is no UTF-8`)
    return bytes.toString()
  }

  /** UTF-8 behind two bytes of length. */
  prefixedText(what: string): string {
    return this.text(this.uint16(what), what)
  }

  /** A view of what comes next. */
  peek(length: number, what: string): Uint8Array {
    const view = this.bytes(length, what)
    this.#position -= length
    return view
  }

  /** A view. */
  bytes(length: number, what: string): Uint8Array {
    const start = this.skip(length, what)
    return this.#bytes.subarray(start, start + length)
  }

  skip(length: number, what: string): number {
    if (length > this.remaining) throw this.#fault(`the file ends within ${what}`)
    const start = this.#position
    this.#position += length
    return start
  }

  #fault(why: string) {
    return importFault(`at byte ${this.#position}`, why)
  }
}
