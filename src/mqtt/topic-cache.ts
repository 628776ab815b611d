// Remembers topic names by their bytes: most publishers repeat a few, and comparing is cheaper than decoding (20 ns for a
// connection's last one, 60 ns for one that anybody used, 160 ns to decode 20 bytes).

import type { Reader } from './reader.ts'

/** Bytes; longer topic names are decoded anew each time. */
const longestCached = 256

/**
 * One topic name, and what the owner of the table wants to find with it. Only names in ASCII are cached: their characters
 * are their bytes, which need not be kept beside them.
 */
export interface CachedTopic<T> {
  readonly topicName: string
  memo: T | undefined
}

const firstSize = 1024

/**
 * The topic names that a broker's clients have used lately: a table of pairs of slots, in which the older one gives way.
 * It doubles while it fills; 131,072 names of 20 bytes take some 10 MB, the longest ones 40.
 */
export class TopicTable<T> {
  readonly #maximumSize: number
  #slots: (CachedTopic<T> | undefined)[]
  #count = 0
  /** Names that gave way since the table grew. */
  #pushedOut = 0

  /** @param maximumSize how many names at most; a power of two */
  constructor(maximumSize: number) {
    this.#maximumSize = maximumSize
    this.#slots = emptySlots(Math.min(firstSize, maximumSize))
  }

  /** @internal for `TopicCache` */
  find(buffer: Buffer, start: number, length: number): CachedTopic<T> | undefined {
    const slot = this.#slotOf(buffer, start, length)
    const first = this.#slots[slot]
    if (first !== undefined && equals(first.topicName, buffer, start, length)) return first
    const second = this.#slots[slot + 1]
    return second !== undefined && equals(second.topicName, buffer, start, length) ? second : undefined
  }

  /** @internal for `TopicCache` */
  add(buffer: Buffer, start: number, length: number, topicName: string): CachedTopic<T> {
    const topic: CachedTopic<T> = { topicName, memo: undefined }
    if (this.#isCrowded() && this.#slots.length < this.#maximumSize) this.#grow()
    this.#place(topic, this.#slotOf(buffer, start, length))
    return topic
  }

  /** Half full, or hardly so and names in use push each other out all the same: those of many topics alike share slots. */
  #isCrowded(): boolean {
    return this.#count * 2 > this.#slots.length || this.#pushedOut * 4 > this.#slots.length
  }

  #grow(): void {
    const topics = this.#slots
    this.#slots = emptySlots(topics.length * 2)
    this.#count = 0
    this.#pushedOut = 0
    for (const topic of topics) {
      if (topic !== undefined) this.#place(topic, this.#slotOfName(topic.topicName))
    }
  }

  #place(topic: CachedTopic<T>, slot: number): void {
    const slots = this.#slots
    if (slots[slot + 1] === undefined) this.#count++
    else this.#pushedOut++
    slots[slot + 1] = slots[slot]
    slots[slot] = topic
  }

  #slotOf(buffer: Buffer, start: number, length: number): number {
    let hash = length
    for (let index = start; index < start + length; index++) {
      hash = (Math.imul(hash, 31) + (buffer[index] as number)) | 0
    }
    return this.#slot(hash)
  }

  #slotOfName(topicName: string): number {
    let hash = topicName.length
    for (let index = 0; index < topicName.length; index++) {
      hash = (Math.imul(hash, 31) + topicName.charCodeAt(index)) | 0
    }
    return this.#slot(hash)
  }

  /** The first slot of a pair: there the newer name is. */
  #slot(hash: number): number {
    return (hash ^ (hash >>> 15)) & (this.#slots.length - 2)
  }
}

function emptySlots<T>(size: number): (CachedTopic<T> | undefined)[] {
  return new Array<CachedTopic<T> | undefined>(size).fill(undefined)
}

/** One connection's look at the table: it compares with its last topic name first. */
export class TopicCache<T> {
  readonly #table: TopicTable<T>
  #last: CachedTopic<T> | undefined = undefined

  constructor(table: TopicTable<T>) {
    this.#table = table
  }

  /** The topic whose name is `buffer[start, start + length)`, if it was read before. */
  find(buffer: Buffer, start: number, length: number): CachedTopic<T> | undefined {
    if (length > longestCached) return undefined
    const last = this.#last
    if (last !== undefined && equals(last.topicName, buffer, start, length)) return last
    const topic = this.#table.find(buffer, start, length)
    if (topic !== undefined) this.#last = topic
    return topic
  }

  /** Reads a topic name as `Reader.utf8` does; equal bytes give the same string object as last time. */
  read(reader: Reader): string {
    const start = reader.position
    const length = reader.uint16('topic name')
    if (length <= reader.remaining) {
      const topic = this.find(reader.buffer, reader.position, length)
      if (topic !== undefined) {
        reader.position += length
        return topic.topicName
      }
    }
    reader.position = start
    const topicName = reader.utf8('topic name')
    if (length > 0 && length <= longestCached && topicName.length === length) {
      this.#last = this.#table.add(reader.buffer, start + 2, length, topicName)
    }
    return topicName
  }
}

/** A loop, as native comparison costs more than it saves at this length; from the end, where names differ first. */
function equals(topicName: string, buffer: Buffer, start: number, length: number): boolean {
  if (topicName.length !== length) return false
  for (let index = length - 1; index >= 0; index--) {
    if (topicName.charCodeAt(index) !== buffer[start + index]) return false
  }
  return true
}
