// The connections that have something to write, shared by all of them: one write per socket and turn of the event loop,
// without a timer, closure or promise per packet.

export interface Flushable {
  flush(): void
}

export class Outbox {
  #waiting: Flushable[] = []
  #draining: Flushable[] = []
  #scheduled = false

  /** Asks for one `flush()` at the end of this turn; the caller adds itself at most once until it comes. */
  add(connection: Flushable): void {
    this.#waiting.push(connection)
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(drain, this)
  }

  /** Flushes every waiting connection; what they add meanwhile waits for the next turn. */
  drain(): void {
    const connections = this.#waiting
    this.#waiting = this.#draining
    this.#draining = connections
    this.#scheduled = false
    for (const connection of connections) connection.flush()
    connections.length = 0
  }
}

function drain(outbox: Outbox): void {
  outbox.drain()
}
