// A TCP byte stream straight on the handle that `node:net` builds its sockets on: no stream machinery, no buffer of its
// own for reading, no object per write. The handle is an internal of Node: nothing outside this file and raw-binding.ts
// knows of it, and raw-check.ts tries it before it is used. Paid for by everything with many small packets, by
// connections a second and by the memory of an idle one (decision 12).

import { getSystemErrorName } from 'node:util'
import type { AcceptedStream, StreamOwner, StreamReader } from './byte-stream.ts'
import { type RawBinding, type RawHandle, type RawRequest, readEnd } from './raw-binding.ts'

const readBytes = 64 * 1024
/** Where every raw stream reads into: its reader is done with the bytes, or has copied them, when it returns. */
const readBuffer = Buffer.from(new ArrayBuffer(readBytes))
/** The first `n` bytes of it, for small `n`: most reads are, and a view costs more than they do. */
const views: (Buffer | undefined)[] = []
const viewedBytes = 1024

export class RawStream implements AcceptedStream {
  readonly isTls = false
  readonly remoteAddress: string
  readonly remotePort: number
  isDestroyed = false
  readonly #binding: RawBinding
  readonly #handle: RawHandle
  #owner: StreamOwner | undefined = undefined
  #reader: StreamReader | undefined = undefined
  #peerHasEnded = false
  #hasEnded = false
  #isClosed = false

  /** @param handle as accepted */
  constructor(binding: RawBinding, handle: RawHandle) {
    this.#binding = binding
    this.#handle = handle
    const peer: { address?: string; port?: number } = {}
    handle.getpeername(peer)
    this.remoteAddress = peer.address ?? ''
    this.remotePort = peer.port ?? 0
    // As for all sockets: see the listener.
    handle.setNoDelay(true)
    handle.castellanStream = this
    handle.onread = onRead
  }

  setOwner(owner: StreamOwner): void {
    this.#owner = owner
  }

  attach(reader: StreamReader): void {
    this.#reader = reader
    this.#handle.useUserBuffer(readBuffer)
    if (this.#isClosed) setImmediate(() => reader.closed())
  }

  resume(): void {
    if (!this.isDestroyed) this.#handle.readStart()
  }

  pause(): void {
    if (!this.isDestroyed) this.#handle.readStop()
  }

  write(bytes: Uint8Array): boolean {
    const binding = this.#binding
    const request = binding.takeWriteRequest()
    const failure = this.#handle.writeBuffer(request, bytes)
    if (failure !== 0) {
      this.#fail(failure)
      return true
    }
    if (!binding.wasLastWriteAsync) {
      // It was never looked at: only what does not leave at once becomes a request.
      binding.giveBackWriteRequest(request)
      return true
    }
    request.castellanStream = this
    request.castellanBytes = bytes
    request.oncomplete = onWritten
    return false
  }

  end(): void {
    if (this.#hasEnded || this.isDestroyed) return
    this.#hasEnded = true
    const request = this.#binding.newShutdownRequest()
    request.castellanStream = this
    request.oncomplete = onShutdown
    // Whoever is gone already need not be told.
    if (this.#handle.shutdown(request) !== 0) this.destroy()
  }

  destroy(): void {
    if (this.isDestroyed) return
    this.isDestroyed = true
    this.#handle.close(onClosed)
  }

  /** @internal called by the handle, as are those below */
  afterRead(): void {
    const { bytesRead } = this.#binding
    const reader = this.#reader
    if (bytesRead > 0) reader?.received(view(bytesRead), true)
    else if (bytesRead === readEnd) this.#afterPeerEnd()
    else if (bytesRead < 0) this.#fail(bytesRead)
  }

  /** @internal */
  afterWrite(status: number): void {
    if (this.isDestroyed) return
    if (status < 0) this.#fail(status)
    else this.#reader?.written()
  }

  /** @internal */
  afterShutdown(): void {
    if (this.#peerHasEnded) this.destroy()
  }

  /** @internal */
  afterClose(): void {
    this.#isClosed = true
    this.#owner?.streamClosed(this)
    this.#reader?.closed()
  }

  #afterPeerEnd(): void {
    this.#peerHasEnded = true
    this.pause()
    this.#reader?.peerEnded()
    if (this.#hasEnded) this.destroy()
  }

  #fail(code: number): void {
    this.#reader?.failed(getSystemErrorName(code))
    this.destroy()
  }
}

function view(length: number): Buffer {
  if (length > viewedBytes) return readBuffer.subarray(0, length)
  views[length] ??= readBuffer.subarray(0, length)
  return views[length]
}

function onRead(this: RawHandle): void {
  ;(this.castellanStream as RawStream).afterRead()
}

function onWritten(this: RawRequest, status: number): void {
  ;(this.castellanStream as RawStream).afterWrite(status)
}

function onShutdown(this: RawRequest): void {
  ;(this.castellanStream as RawStream).afterShutdown()
}

function onClosed(this: RawHandle): void {
  ;(this.castellanStream as RawStream).afterClose()
}
