// A byte stream over any Duplex that a program hands to the broker. Such a stream may pass on the very bytes that it is given, so
// each write is a copy; what it says of its room is believed, and nothing else.

import type { Duplex } from 'node:stream'
import type { AcceptedStream, StreamOwner, StreamReader } from '../net/byte-stream.ts'

export class GivenStream implements AcceptedStream {
  readonly isTls = false
  readonly remoteAddress = ''
  readonly remotePort = 0
  readonly #stream: Duplex
  #reader: StreamReader | undefined = undefined
  readonly #onWritten = (error?: Error | null) => {
    if (!error) this.#reader?.written()
  }

  /** @param stream of bytes, not of objects; nothing was read from it yet that belongs to MQTT */
  constructor(stream: Duplex) {
    this.#stream = stream
    stream.pause()
    // Until it is read it has nobody else to tell.
    stream.on('error', ignore)
  }

  get isDestroyed(): boolean {
    return this.#stream.destroyed
  }

  setOwner(owner: StreamOwner): void {
    this.#stream.on('close', () => owner.streamClosed(this))
  }

  attach(reader: StreamReader): void {
    this.#reader = reader
    const stream = this.#stream
    stream.on('data', (chunk: unknown) => this.#received(reader, chunk))
    stream.on('error', (error: unknown) => reader.failed(faultOf(error)))
    stream.on('end', () => reader.peerEnded())
    stream.on('close', () => reader.closed())
    if (stream.destroyed) setImmediate(() => reader.closed())
  }

  resume(): void {
    this.#stream.resume()
  }

  pause(): void {
    this.#stream.pause()
  }

  write(bytes: Uint8Array): boolean {
    const stream = this.#stream
    if (!stream.writable) {
      setImmediate(() => this.#reader?.failed('EPIPE'))
      return false
    }
    try {
      stream.write(Buffer.from(bytes), this.#onWritten)
    } catch (error) {
      // Others are written to in the same turn.
      stream.destroy(error instanceof Error ? error : new Error('its write has thrown'))
    }
    return false
  }

  end(): void {
    this.#stream.end()
  }

  destroy(): void {
    this.#stream.destroy()
  }

  #received(reader: StreamReader, chunk: unknown): void {
    if (chunk instanceof Uint8Array) {
      reader.received(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length), false)
      return
    }
    reader.failed('a chunk that is no bytes')
  }
}

/** What a stream says is wrong with it may be anything. */
function faultOf(error: unknown): string {
  if (!(error instanceof Error)) return 'a stream that failed without an error'
  const { code, message } = error as NodeJS.ErrnoException
  return typeof code === 'string' ? code : message
}

function ignore(): void {}
