// TLS handshakes of one listener that may begin: the client's first bytes are there, and the dear step is ours, half a
// millisecond each. One every second turn of the event loop, one address after the other: a thousand at once leave time for
// those already in, who wait for the end of one at most, and are answered before the next.

import type { Socket } from 'node:net'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { addressKey } from '../base/address-key.ts'
import { FairQueue } from '../base/fair-queue.ts'

export class HandshakeQueue {
  readonly #begin: (raw: Socket) => void
  readonly #waiting = new FairQueue<Socket>()
  /** Where the next turn is called from; made for the first socket. */
  #turn: MessagePort | undefined
  #scheduled = false

  /** @param begin called once for each socket that was added, in a later turn; whether it is still open is for it to see */
  constructor(begin: (raw: Socket) => void) {
    this.#begin = begin
  }

  add(raw: Socket): void {
    this.#waiting.push(addressKey(raw.remoteAddress ?? '') ?? '', raw)
    this.#schedule()
  }

  #beginSome(): void {
    this.#scheduled = false
    const raw = this.#waiting.shift()
    if (raw !== undefined) this.#begin(raw)
    if (this.#waiting.length > 0) this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#turn ??= this.#openTurn()
    // Never in the turn that is under way, and one turn is for whoever has waited for the handshake before.
    setImmediate(postNextTurn, this.#turn)
  }

  /**
   * Its messages come while sockets are read, which is when handshakes have to begin. What a TLS socket of Node writes counts
   * as under way until the immediates of the turn: begun among those, the client's answer would be read before the next ones,
   * and if that is a wrong key, the alert would wait for a write that has long been done, and be lost with the socket.
   */
  #openTurn(): MessagePort {
    const { port1, port2 } = new MessageChannel()
    port2.on('message', () => this.#beginSome())
    // The listener's sockets keep the process alive; this does not.
    port2.unref()
    return port1
  }
}

function postNextTurn(turn: MessagePort): void {
  setImmediate(post, turn)
}

function post(turn: MessagePort): void {
  turn.postMessage(undefined)
}
