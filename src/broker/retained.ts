// Retained messages: one per topic, the latest (§3.3.1.3). In memory for now, behind the interface that a durable store
// will share.

import { Timer, type TimerWheel } from '../base/timer-wheel.ts'
import { type Message, neverExpires } from '../session/message.ts'
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
  /** Visits every message that matches and has not expired. */
  match(topicFilter: string, now: number, visit: (retained: Retained) => void): void
}

/** What is kept of one topic, and the timer that removes it when it expires. */
interface Kept {
  readonly retained: Retained
  readonly expiry: Timer | undefined
}

export class MemoryRetainedStore implements RetainedStore {
  readonly #tree = new RetainedTree<Kept>()
  readonly #wheel: TimerWheel
  #bytes = 0

  constructor(wheel: TimerWheel) {
    this.#wheel = wheel
  }

  get size(): number {
    return this.#tree.size
  }

  get bytes(): number {
    return this.#bytes
  }

  set(topicName: string, retained: Retained): void {
    this.#forget(this.#tree.get(topicName))
    retained.message.own()
    this.#bytes += retained.message.size
    const expiry = retained.expiresAt === neverExpires ? undefined : new Timer(() => this.delete(topicName))
    if (expiry !== undefined) this.#wheel.set(expiry, retained.expiresAt)
    this.#tree.set(topicName, { retained, expiry })
  }

  delete(topicName: string): void {
    this.#forget(this.#tree.get(topicName))
    this.#tree.delete(topicName)
  }

  get(topicName: string): Retained | undefined {
    return this.#tree.get(topicName)?.retained
  }

  match(topicFilter: string, now: number, visit: (retained: Retained) => void): void {
    this.#tree.match(topicFilter, (_, { retained }) => {
      if (now < retained.expiresAt) visit(retained)
    })
  }

  #forget(kept: Kept | undefined): void {
    if (kept === undefined) return
    this.#bytes -= kept.retained.message.size
    if (kept.expiry !== undefined) this.#wheel.clear(kept.expiry)
  }
}
