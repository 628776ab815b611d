// TLS handshakes of one listener that may begin: the client's first bytes are there, and the dear step is ours, half a
// millisecond each. A few per turn of the event loop, one address after the other: a thousand at once leave time for those
// already in.

import type { Socket } from 'node:net'
import { addressKey } from '../base/address-key.ts'
import { FairQueue } from '../base/fair-queue.ts'

/** Some 10 ms together. */
export const handshakesPerTurn = 16

export class HandshakeQueue {
  readonly #begin: (raw: Socket) => void
  readonly #waiting = new FairQueue<Socket>()
  #scheduled = false

  /** @param begin called once for each socket that was added, in a later turn; whether it is still open is for it to see */
  constructor(begin: (raw: Socket) => void) {
    this.#begin = begin
  }

  add(raw: Socket): void {
    this.#waiting.push(addressKey(raw.remoteAddress ?? '') ?? '', raw)
    this.#schedule()
  }

  /** For the event loop alone. */
  beginSome(): void {
    this.#scheduled = false
    for (let left = handshakesPerTurn; left > 0; left--) {
      const raw = this.#waiting.shift()
      if (raw === undefined) return
      this.#begin(raw)
    }
    if (this.#waiting.length > 0) this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(beginSome, this)
  }
}

function beginSome(queue: HandshakeQueue): void {
  queue.beginSome()
}
