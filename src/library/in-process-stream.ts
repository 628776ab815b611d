// A connection within the process: on one side a byte stream that a listener takes like any other, on the other side a client
// in the same program. What it sends reaches the broker in a turn of its own: whoever publishes from within a hook or an event
// does not do so in the midst of the engine's work.

import type { AcceptedStream, StreamOwner, StreamReader } from '../net/byte-stream.ts'
import { Fifo } from '../session/fifo.ts'

/** The client's side. */
export interface InProcessReceiver {
  /** @param bytes the receiver's only until it returns */
  received(bytes: Uint8Array): void
  /** Called once, last. */
  closed(): void
}

interface Waiting {
  readonly bytes: Buffer
  /** Called when the broker has them. */
  readonly taken: (() => void) | undefined
}

export class InProcessStream implements AcceptedStream {
  readonly isTls = false
  readonly remoteAddress = ''
  readonly remotePort = 0
  isDestroyed = false
  readonly #receiver: InProcessReceiver
  readonly #waiting = new Fifo<Waiting>()
  #reader: StreamReader | undefined = undefined
  #owner: StreamOwner | undefined = undefined
  #isFlowing = false
  #isScheduled = false

  constructor(receiver: InProcessReceiver) {
    this.#receiver = receiver
  }

  /** From the client to the broker. Nothing bounds what waits here: that is the caller's to do. */
  send(bytes: Buffer, taken?: () => void): void {
    if (this.isDestroyed) return
    this.#waiting.push({ bytes, taken })
    this.#schedule()
  }

  setOwner(owner: StreamOwner): void {
    this.#owner = owner
  }

  attach(reader: StreamReader): void {
    this.#reader = reader
  }

  resume(): void {
    this.#isFlowing = true
    this.#schedule()
  }

  pause(): void {
    this.#isFlowing = false
  }

  /** All of it has left at once: the client keeps what it takes. */
  write(bytes: Uint8Array): boolean {
    this.#receiver.received(bytes)
    return true
  }

  end(): void {
    this.destroy()
  }

  destroy(): void {
    if (this.isDestroyed) return
    this.isDestroyed = true
    this.#waiting.clear()
    setImmediate(() => {
      this.#owner?.streamClosed(this)
      this.#reader?.closed()
      this.#receiver.closed()
    })
  }

  #schedule(): void {
    if (this.#isScheduled || !this.#isFlowing || this.#waiting.length === 0) return
    this.#isScheduled = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#isScheduled = false
    while (this.#isFlowing) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#reader?.received(next.bytes, false)
      next.taken?.()
    }
  }
}
