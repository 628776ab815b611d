// What a connection needs of whatever carries its bytes: a socket of `node:net` or `node:tls` (socket-stream.ts), or a TCP
// socket without the layers in between (raw-stream.ts).

/** Whoever reads a stream. */
export interface StreamReader {
  /** @param isBorrowed whether the bytes are the reader's only until it returns; otherwise they never change again */
  received(bytes: Buffer, isBorrowed: boolean): void
  /** The peer has sent its last byte. */
  peerEnded(): void
  /** What was handed to `write` has left, after it had said false. */
  written(): void
  /** `closed` follows. @param reason an error code, or a text where there is none */
  failed(reason: string): void
  /** Called once, last. */
  closed(): void
}

export interface ByteStream {
  readonly isTls: boolean
  readonly isDestroyed: boolean
  /** Names who reads. Nothing is read before `resume`. Called once. */
  attach(reader: StreamReader): void
  resume(): void
  /** One more chunk may come. */
  pause(): void
  /**
   * Hands bytes to the operating system; they must not change until they have left. Only while nothing is being written.
   *
   * @returns whether all of them have left; otherwise `written` or the stream's end follows, in a later turn
   */
  write(bytes: Uint8Array): boolean
  /** Says that nothing more will be sent. Closes by itself when the peer says so too. */
  end(): void
  destroy(): void
}

/** A stream that a listener has accepted. */
export interface AcceptedStream extends ByteStream {
  /** Textual IP address; '' for a unix socket, or when the peer has gone already. */
  readonly remoteAddress: string
  readonly remotePort: number
  /** Called once, where somebody keeps count. */
  setOwner(owner: StreamOwner): void
}

/** Whoever keeps count of accepted streams. */
export interface StreamOwner {
  /** Called once for each, before its reader's `closed`, whether it was ever read or not. */
  streamClosed(stream: AcceptedStream): void
}
