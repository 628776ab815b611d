// Who asks and does not take the answers is not read on until all of them have left: otherwise a flood of PINGREQ, two bytes
// each, would cost a hundred bytes of memory each for as long as `write_timeout` waits.

import type { Transport } from '../session/transport.ts'

/** Answers that may wait before nothing more is read; each weighs more in memory than on the wire. */
const maximumUntakenAnswers = 4096

export class UntakenAnswers {
  readonly #transport: Transport
  /** Packets other than PUBLISH since the client last took all there was. */
  #count = 0
  #isHoldingBack = false

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /** Nothing is read from the client; deliveries wait too, so that the end of the queue comes in sight. */
  get isHoldingBack(): boolean {
    return this.#isHoldingBack
  }

  add(): void {
    this.#count++
  }

  /** Called when a packet has been dealt with. @param maximumBytes most bytes that may wait, deliveries included */
  check(maximumBytes: number): void {
    const { queuedBytes } = this.#transport
    if (queuedBytes === 0) this.#count = 0
    if (this.#isHoldingBack || (this.#count < maximumUntakenAnswers && queuedBytes < maximumBytes)) return
    this.#isHoldingBack = true
    this.#transport.pause()
  }

  /** The client has taken everything. */
  drained(): void {
    this.#count = 0
    if (!this.#isHoldingBack) return
    this.#isHoldingBack = false
    this.#transport.resume()
  }
}
