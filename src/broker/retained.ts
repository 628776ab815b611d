// Retained messages: one per topic, the latest (§3.3.1.3). In memory for now, behind the interface that a durable store
// will share.

import type { Message } from '../session/message.ts'
import { RetainedTree } from '../topic/retained-tree.ts'

/** Whoever published a retained message, to ask whether they still may (`check_retain_source`). */
export interface RetainSource {
  mayPublish(topicName: string): boolean
}

export interface Retained {
  readonly message: Message
  readonly source: RetainSource | undefined
  /** Milliseconds on the broker's clock: the earlier of message expiry and `retain_expiry_interval`. */
  readonly expiresAt: number
}

export interface RetainedStore {
  readonly size: number
  /** Topic and payload bytes of all of them. */
  readonly bytes: number
  set(topicName: string, retained: Retained): void
  delete(topicName: string): void
  get(topicName: string): Retained | undefined
  /** Visits every message that matches and has not expired; expired ones that are met are removed. */
  match(topicFilter: string, now: number, visit: (retained: Retained) => void): void
}

export class MemoryRetainedStore implements RetainedStore {
  readonly #tree = new RetainedTree<Retained>()
  #bytes = 0

  get size(): number {
    return this.#tree.size
  }

  get bytes(): number {
    return this.#bytes
  }

  set(topicName: string, retained: Retained): void {
    retained.message.own()
    this.#bytes += retained.message.size - this.#sizeAt(topicName)
    this.#tree.set(topicName, retained)
  }

  delete(topicName: string): void {
    this.#bytes -= this.#sizeAt(topicName)
    this.#tree.delete(topicName)
  }

  get(topicName: string): Retained | undefined {
    return this.#tree.get(topicName)
  }

  match(topicFilter: string, now: number, visit: (retained: Retained) => void): void {
    const expired: string[] = []
    this.#tree.match(topicFilter, (topicName, retained) => {
      if (now >= retained.expiresAt) expired.push(topicName)
      else visit(retained)
    })
    for (const topicName of expired) this.delete(topicName)
  }

  #sizeAt(topicName: string): number {
    return this.#tree.get(topicName)?.message.size ?? 0
  }
}
