// A byte stream over a socket of `node:net` or `node:tls`, by their public interface.

import type { Socket } from 'node:net'
import type { AcceptedStream, StreamOwner, StreamReader } from './byte-stream.ts'

const nothing = Buffer.alloc(0)

export class SocketStream implements AcceptedStream {
  readonly socket: Socket
  readonly isTls: boolean
  #reader: StreamReader | undefined
  /** Made with the first write that does not complete at once. */
  #onWritten: ((error?: Error | null) => void) | undefined = undefined

  /** @param socket connected, its TLS handshake done, `allowHalfOpen`, paused */
  constructor(socket: Socket) {
    this.socket = socket
    this.isTls = 'encrypted' in socket
  }

  setOwner(owner: StreamOwner): void {
    this.socket.on('close', () => owner.streamClosed(this))
  }

  get remoteAddress(): string {
    return this.socket.remoteAddress ?? ''
  }

  get remotePort(): number {
    return this.socket.remotePort ?? 0
  }

  get isDestroyed(): boolean {
    return this.socket.destroyed
  }

  attach(reader: StreamReader): void {
    this.#reader = reader
    const { socket } = this
    socket.on('data', chunk => reader.received(chunk as unknown as Buffer, false))
    socket.on('error', (error: NodeJS.ErrnoException) => reader.failed(error.code ?? error.message))
    socket.on('end', () => reader.peerEnded())
    socket.on('close', () => reader.closed())
    if (socket.destroyed) setImmediate(() => reader.closed())
  }

  resume(): void {
    this.socket.resume()
  }

  pause(): void {
    this.socket.pause()
  }

  write(bytes: Uint8Array): boolean {
    const { socket } = this
    // Node completes writes over TLS in a later turn, always.
    if (!this.isTls) {
      // Without a callback, which costs as much again as the rest of Node's part in a write.
      socket.write(bytes)
      if (socket.writableLength === 0) return true
    }
    // A failed write is followed by the socket's 'error' event.
    this.#onWritten ??= error => {
      if (!error) this.#reader?.written()
    }
    socket.write(this.isTls ? bytes : nothing, this.#onWritten)
    return false
  }

  end(): void {
    this.socket.end()
  }

  destroy(): void {
    this.socket.destroy()
  }
}
