// What a conversation needs of the bytes below it; `net/connection.ts` implements it over sockets, tests in memory.

/** A byte stream to one peer. Nothing here waits: bytes are queued and leave in one write per turn. */
export interface Transport {
  /** Bytes accepted by `send` that the operating system has not taken yet. */
  readonly queuedBytes: number
  /** Queues bytes; they may not be copied and must not change until sent. No effect after `close` or `destroy`. */
  send(bytes: Uint8Array): void
  /**
   * Queues one small packet that the caller writes at once, before anything else happens: every byte of
   * `room[start, start + size)`. A packet of its own would cost two objects and a copy.
   *
   * @returns start
   */
  reserve(size: number): number
  /** Where to write after `reserve`; after `close` or `destroy` what is written there is lost. */
  readonly room: Buffer
  /** What is queued from now on waits, in order, until `letGo` is called with this number or a higher one. Numbers grow. */
  hold(until: number): void
  letGo(reached: number): void
  /** Queues bytes before whatever waits so. */
  sendAhead(bytes: Uint8Array): void
  /** Whether anything waits so. */
  readonly isHolding: boolean
  /** Sends what is queued, then ends the connection; cuts it off if the peer takes longer than the write deadline. */
  close(): void
  /** Ends the connection at once and drops what is queued. */
  destroy(): void
  /**
   * The client was let in: the limits for strangers no longer hold for it.
   *
   * @param maximumPacketSize bytes that this client may send in a packet, where that is less than what the listener takes
   */
  established(maximumPacketSize?: number): void
  /** Whether packets are handed over: neither paused nor held back because the peer takes no answers. */
  readonly isReading: boolean
  /** Stops handing over packets (what is already read waits) until `resume`. */
  pause(): void
  resume(): void
  /** Has the handler's `takeTurn` called once, in a later round of the event loop, when others have had theirs. */
  askForTurn(): void
}
