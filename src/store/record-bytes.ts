// The bytes of one record: a checksum, a byte for its kind, then fields in a fixed order, numbers with the high byte first.
// Nothing is read beyond a record's end, and what follows its last field is a fault.

import { checksum } from './checksum.ts'
import { RecentlyRead } from './recently-read.ts'

/** The record is not what was written: its message says in what way. */
export class RecordFault extends Error {}

const chunkBytes = 256 * 1024
const checksumBytes = 4
/** What is read is copied into blocks of this size, unless it is long: an allocation each would cost more than all the rest. */
const blockBytes = 16 * 1024
const longestShared = 1024
const longestInlineText = 64
const empty: Uint8Array = new Uint8Array(0)

/** Writes records one after the other into memory that is never written again. */
export class RecordWriter {
  #chunk = Buffer.allocUnsafeSlow(chunkBytes)
  #start = 0
  #position = 0

  /**
   * @param kind tells records of different tables apart
   * @param size the most bytes that the fields can take
   */
  begin(kind: number, size: number): this {
    const most = checksumBytes + 1 + size
    if (this.#chunk.length - this.#position < most) {
      this.#chunk = Buffer.allocUnsafeSlow(Math.max(chunkBytes, most))
      this.#position = 0
    }
    this.#start = this.#position
    this.#position += checksumBytes
    return this.byte(kind)
  }

  byte(value: number): this {
    this.#chunk[this.#position++] = value
    return this
  }

  uint16(value: number): this {
    this.#position = this.#chunk.writeUInt16BE(value, this.#position)
    return this
  }

  uint32(value: number): this {
    this.#position = this.#chunk.writeUInt32BE(value, this.#position)
    return this
  }

  /** A safe integer that is not negative. */
  integer(value: number): this {
    const high = Math.floor(value / 0x1_0000_0000)
    return this.uint32(high).uint32(value - high * 0x1_0000_0000)
  }

  float64(value: number): this {
    this.#position = this.#chunk.writeDoubleBE(value, this.#position)
    return this
  }

  text(value: string): this {
    const length = writeText(this.#chunk, value, this.#position + 4)
    this.#chunk.writeUInt32BE(length, this.#position)
    this.#position += 4 + length
    return this
  }

  bytes(value: Uint8Array): this {
    this.uint32(value.length)
    this.#chunk.set(value, this.#position)
    this.#position += value.length
    return this
  }

  /** @returns the record; a view that stays as it is */
  end(): Buffer {
    this.#chunk.writeUInt32BE(checksum(this.#chunk, this.#start + checksumBytes, this.#position), this.#start)
    return this.#chunk.subarray(this.#start, this.#position)
  }
}

/** Short names in ASCII, which most are, one by one: a call out of JavaScript costs more. @returns how many bytes that were */
function writeText(target: Buffer, value: string, start: number): number {
  if (value.length > longestInlineText) return target.write(value, start)
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index)
    if (code > 0x7f) return target.write(value, start)
    target[start + index] = code
  }
  return value.length
}

/** The most bytes that `RecordWriter.text` takes. */
export function mostTextBytes(value: string): number {
  return 4 + 3 * value.length
}

/** What kind a record says it is; undefined for one that is too short. */
export function kindOf(record: Uint8Array): number | undefined {
  return record.length > checksumBytes ? record[checksumBytes] : undefined
}

/** Reads one record at a time. Every method throws RecordFault. */
export class RecordReader {
  #record: Buffer = Buffer.alloc(0)
  #block = new ArrayBuffer(0)
  #blockUsed = 0
  #position = 0
  readonly #recent = new RecentlyRead()

  /**
   * Starts on another record, when its checksum and kind are right.
   *
   * @param record is not kept, but has to stay as it is until `end`
   */
  begin(record: Buffer, kind: number): this {
    if (record.length <= checksumBytes) throw new RecordFault(`it has ${record.length} bytes, too few for any record`)
    if (record.readUInt32BE(0) !== checksum(record, checksumBytes, record.length)) {
      throw new RecordFault('its checksum does not match its bytes')
    }
    this.#record = record
    this.#position = checksumBytes
    const found = this.byte()
    if (found !== kind) throw new RecordFault(`it is of kind ${found}, expected ${kind}`)
    return this
  }

  byte(): number {
    return this.#record[this.#skip(1)] as number
  }

  uint16(): number {
    return this.#record.readUInt16BE(this.#skip(2))
  }

  uint32(): number {
    return this.#record.readUInt32BE(this.#skip(4))
  }

  integer(): number {
    const value = this.uint32() * 0x1_0000_0000 + this.uint32()
    if (!Number.isSafeInteger(value)) throw new RecordFault('a number in it is too large')
    return value
  }

  float64(): number {
    return this.#record.readDoubleBE(this.#skip(8))
  }

  text(): string {
    const length = this.uint32()
    const start = this.#skip(length)
    return this.#recent.text(this.#record, start, start + length)
  }

  /** Bytes that are mostly the same from record to record: those that were read lately are not copied again. */
  commonBytes(): Uint8Array {
    const length = this.uint32()
    const start = this.#skip(length)
    return this.#recent.bytes(this.#record, start, start + length)
  }

  /** A copy; a short one shares a block with others that were read about the same time. */
  bytes(): Uint8Array {
    const length = this.uint32()
    if (length === 0) return empty
    const start = this.#skip(length)
    const copy = this.#room(length)
    this.#record.copy(copy, 0, start, start + length)
    return copy
  }

  /** Says that the last field was read. */
  end(): void {
    const left = this.#record.length - this.#position
    if (left > 0) throw new RecordFault(`${left} bytes follow its last field`)
  }

  #room(length: number): Uint8Array {
    if (length > longestShared) return new Uint8Array(length)
    if (length > this.#block.byteLength - this.#blockUsed) {
      this.#block = new ArrayBuffer(blockBytes)
      this.#blockUsed = 0
    }
    const room = new Uint8Array(this.#block, this.#blockUsed, length)
    this.#blockUsed += length
    return room
  }

  #skip(length: number): number {
    const start = this.#position
    if (length > this.#record.length - start) throw new RecordFault('it ends within a field')
    this.#position = start + length
    return start
  }
}
