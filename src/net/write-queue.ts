// Bytes on their way out of one connection: packets in order, handed out in pieces that are cheap to write. Small packets
// are written straight into a tail that grows with what the turn brings; large ones, and what one turn brings alone, are
// sent as they are.

import { assert } from '../base/errors.ts'

/** Most bytes of one write: so much must get through within `write_timeout`. */
const maxWriteBytes = 64 * 1024
/** From here on bytes are written as they are; below, copying them to their neighbours is cheaper than a write of their own. */
const joinBelowBytes = 16 * 1024
/** The first tail; one that is full grows fourfold, up to `maxWriteBytes`. */
const firstTailBytes = 256
const tailGrowth = 4
/** What a chunk costs in memory beside its bytes, measured and rounded up: the view and its share of a buffer. */
const chunkOverheadBytes = 200
/** Sent chunks are let go of in batches, to shift the array seldom. */
const compactAfter = 1024

const empty = Buffer.alloc(0)

/**
 * Tails that are free again, for all queues, by size: most writes leave at once, and what is allocated for each write of somebody
 * who takes in all that is retained has V8 collect all the time.
 */
const freeTails = new Map<number, Buffer[]>()
for (let size = firstTailBytes; size <= maxWriteBytes; size *= tailGrowth) freeTails.set(size, [])
/** Of each size. */
const mostFreeBytes = 512 * 1024

export class WriteQueue {
  /** What is not written to any more, and where the first of it begins. */
  readonly #chunks: Uint8Array[] = []
  #head = 0
  /** Bytes of the head chunk that were taken already. */
  #offset = 0
  /** The tail is `room[0, #tailLength)`: it comes after all chunks, and small packets are added to it. */
  #room: Buffer = empty
  #tailLength = 0
  #bytes = 0
  /** The tail, when it was taken last. */
  #taken: Buffer | undefined = undefined

  /** Bytes pushed and not yet taken. */
  get bytes(): number {
    return this.#bytes
  }

  /** What those take in memory. */
  get weight(): number {
    const unused = this.#room.length - this.#tailLength
    return this.#bytes + unused + (this.#chunks.length - this.#head) * chunkOverheadBytes
  }

  /** Where the caller of `reserve` writes. */
  get room(): Buffer {
    return this.#room
  }

  /** The chunk must not change until it was taken; a small one that comes behind others is copied. */
  push(chunk: Uint8Array): void {
    const { length } = chunk
    if (length === 0) return
    if (this.#bytes > 0 && length < joinBelowBytes) {
      const start = this.reserve(length)
      this.#room.set(chunk, start)
      return
    }
    // Behind a slow peer it may wait long: it must not pin four times what it holds.
    const isLoose = this.#tailLength > 0 && this.#tailLength * 2 < this.#room.length
    if (isLoose) this.#room = Buffer.from(this.#room.subarray(0, this.#tailLength))
    this.#closeTail()
    this.#chunks.push(chunk)
    this.#bytes += length
  }

  /**
   * Adds bytes that the caller writes at once, before any other call: all of `room[start, start + size)`.
   *
   * @returns start
   */
  reserve(size: number): number {
    if (this.#tailLength + size > this.#room.length) this.#growTail(size)
    const start = this.#tailLength
    this.#tailLength += size
    this.#bytes += size
    return start
  }

  /**
   * Takes the next piece, 1 to 65536 bytes; the queue must not be empty.
   *
   * @returns bytes that stay as they are until `reuse`
   */
  take(): Uint8Array {
    if (this.#chunks.length === 0 && this.#tailLength <= maxWriteBytes) return this.#takeTail()
    this.#closeTail()
    const first = this.#chunks[this.#head]
    assert(first !== undefined, 'take() from a write queue that is not empty')
    const piece =
      first.length - this.#offset >= joinBelowBytes || this.#head + 1 === this.#chunks.length
        ? this.#slice(first)
        : this.#join()
    this.#bytes -= piece.length
    this.#taken = undefined
    this.#compact()
    return piece
  }

  /** Says that the piece that was taken last is needed no more. Only before anything else is done. */
  reuse(): void {
    if (this.#taken !== undefined) free(this.#taken)
    this.#taken = undefined
  }

  clear(): void {
    this.#chunks.length = 0
    this.#taken = undefined
    this.#head = 0
    this.#offset = 0
    this.#room = empty
    this.#tailLength = 0
    this.#bytes = 0
  }

  #growTail(size: number): void {
    const needed = this.#tailLength + size
    if (needed > maxWriteBytes) {
      this.#closeTail()
      this.#room = tailOf(Math.max(size, this.#chunks.length === 0 ? firstTailBytes : maxWriteBytes))
      return
    }
    const before = this.#room
    const grown = Math.max(needed, firstTailBytes, Math.min(maxWriteBytes, before.length * tailGrowth))
    this.#room = tailOf(grown)
    if (before.length === 0) return
    before.copy(this.#room, 0, 0, this.#tailLength)
    free(before)
  }

  #takeTail(): Uint8Array {
    const piece = this.#room.subarray(0, this.#tailLength)
    this.#taken = this.#room
    this.#room = empty
    this.#tailLength = 0
    this.#bytes = 0
    return piece
  }

  #closeTail(): void {
    if (this.#tailLength === 0) return
    this.#chunks.push(this.#room.subarray(0, this.#tailLength))
    this.#room = empty
    this.#tailLength = 0
  }

  #slice(first: Uint8Array): Uint8Array {
    const end = Math.min(first.length, this.#offset + maxWriteBytes)
    const piece = this.#offset === 0 && end === first.length ? first : first.subarray(this.#offset, end)
    if (end === first.length) this.#next()
    else this.#offset = end
    return piece
  }

  /** Copies as many small chunks together as fit into one write. */
  #join(): Uint8Array {
    let end = this.#head
    let total = -this.#offset
    for (; end < this.#chunks.length; end++) {
      const length = (this.#chunks[end] as Uint8Array).length
      if (end > this.#head && (length >= joinBelowBytes || total + length > maxWriteBytes)) break
      total += length
    }
    const joined = Buffer.allocUnsafe(total)
    let at = 0
    while (this.#head < end) {
      const chunk = this.#chunks[this.#head] as Uint8Array
      joined.set(this.#offset === 0 ? chunk : chunk.subarray(this.#offset), at)
      at += chunk.length - this.#offset
      this.#next()
    }
    return joined
  }

  #next(): void {
    this.#head++
    this.#offset = 0
  }

  #compact(): void {
    if (this.#head === this.#chunks.length) {
      this.#chunks.length = 0
      this.#head = 0
    } else if (this.#head >= compactAfter) {
      this.#chunks.splice(0, this.#head)
      this.#head = 0
    }
  }
}

function tailOf(size: number): Buffer {
  return freeTails.get(size)?.pop() ?? Buffer.allocUnsafe(size)
}

function free(tail: Buffer): void {
  const same = freeTails.get(tail.length)
  if (same !== undefined && same.length * tail.length < mostFreeBytes) same.push(tail)
}
