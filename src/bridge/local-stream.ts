// The byte stream between a bridge and its own broker: within the process, with the backpressure of a socket.

import type { AcceptedStream, StreamOwner, StreamReader } from '../net/byte-stream.ts'

/** The bridge's end. */
export interface LocalEnd {
  /**
   * Takes what the broker sends.
   *
   * @param bytes the caller's again afterwards
   * @returns whether more may come; otherwise `LocalStream.taken` is called later
   */
  fromBroker(bytes: Buffer): boolean
  /** The broker has taken what was fed, after `feed` had said false. */
  brokerIsReady(): void
  /** The broker has ended the connection. Called at most once, and not after `hangUp`. */
  brokerEnded(): void
}

/** Bytes that wait for a broker that does not read; the bridge's own answers may pass it a little. */
const mostWaiting = 256 * 1024

export class LocalStream implements AcceptedStream {
  readonly isTls = false
  readonly remoteAddress = ''
  readonly remotePort = 0
  isDestroyed = false
  readonly #end: LocalEnd
  #reader: StreamReader | undefined
  #owner: StreamOwner | undefined
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #isReading = false
  #isScheduled = false
  #isFull = false
  #hasHungUp = false

  constructor(end: LocalEnd) {
    this.#end = end
  }

  /**
   * Sends bytes to the broker, in a later turn.
   *
   * @param bytes must not change any more
   * @returns whether more may come; otherwise `brokerIsReady` is called later. What is fed all the same is kept.
   */
  feed(bytes: Buffer): boolean {
    if (this.isDestroyed || this.#hasHungUp) return true
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    this.#schedule()
    this.#isFull = this.#waitingBytes >= mostWaiting
    return !this.#isFull
  }

  /** The bridge takes bytes again, after `fromBroker` had said false. */
  taken(): void {
    if (!this.isDestroyed) this.#reader?.written()
  }

  /** The bridge has sent its last byte and takes none any more. */
  hangUp(): void {
    if (this.#hasHungUp) return
    this.#hasHungUp = true
    this.#isReading = true
    this.#schedule()
  }

  attach(reader: StreamReader): void {
    this.#reader = reader
  }

  setOwner(owner: StreamOwner): void {
    this.#owner = owner
  }

  resume(): void {
    this.#isReading = true
    if (this.#waitingBytes > 0) this.#schedule()
  }

  pause(): void {
    if (!this.#hasHungUp) this.#isReading = false
  }

  write(bytes: Uint8Array): boolean {
    if (this.#hasHungUp) return true
    return this.#end.fromBroker(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  }

  end(): void {
    this.destroy()
  }

  destroy(): void {
    if (this.isDestroyed) return
    this.isDestroyed = true
    this.#waiting = []
    this.#waitingBytes = 0
    setImmediate(closed, this)
  }

  /** @internal for `setImmediate` alone */
  pass(): void {
    this.#isScheduled = false
    const reader = this.#reader
    if (this.isDestroyed || reader === undefined || !this.#isReading) return
    const bytes = Buffer.concat(this.#waiting)
    this.#waiting = []
    this.#waitingBytes = 0
    if (bytes.length > 0) reader.received(bytes, false)
    if (this.#hasHungUp) this.#leave(reader)
    else if (this.#isFull) this.#tellReady()
  }

  #tellReady(): void {
    this.#isFull = false
    this.#end.brokerIsReady()
  }

  /** The broker has seen all: it need not say goodbye. */
  #leave(reader: StreamReader): void {
    if (!this.isDestroyed) reader.peerEnded()
    this.destroy()
  }

  /** @internal for `setImmediate` alone */
  tellClosed(): void {
    this.#owner?.streamClosed(this)
    this.#reader?.closed()
    if (!this.#hasHungUp) this.#end.brokerEnded()
  }

  #schedule(): void {
    if (this.#isScheduled || this.isDestroyed) return
    this.#isScheduled = true
    setImmediate(pass, this)
  }
}

function pass(stream: LocalStream): void {
  stream.pass()
}

function closed(stream: LocalStream): void {
  stream.tellClosed()
}
