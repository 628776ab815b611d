// Bytes on their way out of one connection: chunks in order, handed out in pieces that are cheap to write.

import { assert } from '../base/errors.ts'

/** Most bytes of one write: so much must get through within `write_timeout`. */
const maxWriteBytes = 64 * 1024
/** From here on a chunk is written as it is; below, copying it to its neighbours is cheaper than a write of its own. */
const joinBelowBytes = 16 * 1024
/** What a small chunk costs in memory beside its bytes, measured and rounded up: the view and its share of a buffer. */
const chunkOverheadBytes = 200
/** Sent chunks are let go of in batches, to shift the array seldom. */
const compactAfter = 1024

export class WriteQueue {
  readonly #chunks: Uint8Array[] = []
  #head = 0
  /** Bytes of the head chunk that were taken already. */
  #offset = 0
  #bytes = 0

  /** Bytes pushed and not yet taken. */
  get bytes(): number {
    return this.#bytes
  }

  /** What those take in memory: a flood of answers of two bytes weighs a hundred times what it sends. */
  get weight(): number {
    return this.#bytes + (this.#chunks.length - this.#head) * chunkOverheadBytes
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
  }

  /** Takes the next piece, 1 to 65536 bytes; the queue must not be empty. */
  take(): Uint8Array {
    const first = this.#chunks[this.#head]
    assert(first !== undefined, 'take() from a write queue that is not empty')
    const piece =
      first.length - this.#offset >= joinBelowBytes || this.#head + 1 === this.#chunks.length
        ? this.#slice(first)
        : this.#join()
    this.#bytes -= piece.length
    this.#compact()
    return piece
  }

  clear(): void {
    this.#chunks.length = 0
    this.#head = 0
    this.#offset = 0
    this.#bytes = 0
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
