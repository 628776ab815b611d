// Remembers one connection's last topic name: most publishers repeat it, and comparing is cheaper than decoding.

import type { Reader } from './reader.ts'

/** Longer topics are decoded anew each time: the cache of an idle connection stays small. */
const longestCached = 256

const empty = Buffer.alloc(0)

export class TopicCache {
  #bytes: Buffer = empty
  #topicName = ''

  /** Reads a topic name as `Reader.utf8` does; equal bytes give the same string object as last time. */
  read(reader: Reader): string {
    const start = reader.position
    const length = reader.uint16('topic name')
    if (length === this.#bytes.length && length <= reader.remaining && this.#equals(reader.buffer, reader.position)) {
      reader.position += length
      return this.#topicName
    }
    reader.position = start
    const topicName = reader.utf8('topic name')
    if (length <= longestCached) this.#remember(reader, topicName, length)
    return topicName
  }

  /** A loop, as native comparison costs more than it saves at this length. */
  #equals(buffer: Buffer, start: number): boolean {
    const bytes = this.#bytes
    for (let index = bytes.length - 1; index >= 0; index--) {
      if (bytes[index] !== buffer[start + index]) return false
    }
    return true
  }

  #remember(reader: Reader, topicName: string, length: number): void {
    if (length !== this.#bytes.length) this.#bytes = Buffer.allocUnsafeSlow(length)
    reader.buffer.copy(this.#bytes, 0, reader.position - length, reader.position)
    this.#topicName = topicName
  }
}
