// The connections that have something to write, shared by all of them: one write per socket and turn of the event loop,
// without a timer, closure or promise per packet.

export interface Flushable {
  flush(): void
}

export class Outbox {
  /** The first `#count` wait; the array keeps its length, because one that is emptied has to grow anew each turn. */
  #waiting: (Flushable | undefined)[] = []
  #count = 0
  #draining: (Flushable | undefined)[] = []

  /** How many wait to be flushed. */
  get waiting(): number {
    return this.#count
  }

  /** Asks for one `flush()` at the end of this turn; the caller adds itself at most once until it comes. */
  add(connection: Flushable): void {
    if (this.#count === 0) setImmediate(drain, this)
    this.#waiting[this.#count++] = connection
  }

  /** Flushes every waiting connection; what they add meanwhile waits for the next turn. */
  drain(): void {
    const connections = this.#waiting
    const count = this.#count
    this.#waiting = this.#draining
    this.#draining = connections
    this.#count = 0
    for (let i = 0; i < count; i++) {
      connections[i]?.flush()
      connections[i] = undefined
    }
  }
}

function drain(outbox: Outbox): void {
  outbox.drain()
}
