// How much of a WebSocket message is there that has not come to its end: `ws` hands over whole messages, so the deadlines and
// limits of a packet do not see what it still collects.

/** Of a control frame from a client: two bytes and the mask (RFC 6455 §5.2). */
const controlFrameHeaderBytes = 6

/** Headers of an unfinished message count, too. They stay within what a peer may send in them. */
export class UnfinishedMessage {
  #bytes = 0
  #isOver = false

  get bytes(): number {
    return this.#bytes
  }

  /** A message has come to its end. What of the next one came in the same chunk is not seen until the next. */
  ended(): void {
    this.#bytes = 0
    this.#isOver = true
  }

  /** A ping or pong, which may come between the frames of a message. @param payload bytes of it */
  passed(payload: number): void {
    this.#bytes -= controlFrameHeaderBytes + payload
  }

  /** Behind the above, for each chunk of the stream. */
  received(bytes: number): void {
    this.#bytes = this.#isOver ? 0 : Math.max(0, this.#bytes + bytes)
    this.#isOver = false
  }
}
