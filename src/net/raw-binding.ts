// The internals of Node that raw-stream.ts stands on, with the types that they have in the versions tried.

import type { Server } from 'node:net'
import { getSystemErrorName } from 'node:util'

/** `UV_EOF`: the peer has sent its last byte. */
export const readEnd = -4095

/** Node's `TCP`. Functions return 0, or a negative error number. */
export interface RawHandle {
  readStart(): number
  readStop(): number
  /** From now on reads fill this buffer. */
  useUserBuffer(buffer: Uint8Array): void
  writeBuffer(request: RawRequest, bytes: Uint8Array): number
  shutdown(request: RawRequest): number
  close(closed: (this: RawHandle) => void): void
  getpeername(to: { address?: string; port?: number }): number
  setNoDelay(enable: boolean): number
  onread: (this: RawHandle) => void
  /** Ours: whose handle it is. */
  castellanStream: unknown
}

/** Node's `WriteWrap` and `ShutdownWrap`. */
export interface RawRequest {
  oncomplete: (this: RawRequest, status: number) => void
  /** Ours: whose request it is, and what must not be collected before it is done. */
  castellanStream: unknown
  castellanBytes?: Uint8Array
}

/** Node's `stream_wrap`. */
interface StreamWrap {
  readonly WriteWrap: new () => RawRequest
  readonly ShutdownWrap: new () => RawRequest
  /** Where results of the last read or write stand. */
  readonly streamBaseState: Int32Array
  readonly kReadBytesOrError: number
  readonly kLastWriteWasAsync: number
}

export class RawBinding {
  readonly #wrap: StreamWrap
  #writeRequest: RawRequest | undefined = undefined

  /** @throws Error when this Node has no such internals, or hides them */
  constructor() {
    const { binding } = process as unknown as { binding(name: string): StreamWrap }
    this.#wrap = binding.call(process, 'stream_wrap')
    const { WriteWrap, ShutdownWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync } = this.#wrap
    const isKnown =
      typeof WriteWrap === 'function' &&
      typeof ShutdownWrap === 'function' &&
      streamBaseState instanceof Int32Array &&
      typeof kReadBytesOrError === 'number' &&
      typeof kLastWriteWasAsync === 'number'
    if (!isKnown) throw new Error('stream_wrap is not what it was')
  }

  /** Of the read that is being told: bytes, `readEnd`, or a negative error number. */
  get bytesRead(): number {
    const { streamBaseState, kReadBytesOrError } = this.#wrap
    return streamBaseState[kReadBytesOrError] as number
  }

  get wasLastWriteAsync(): boolean {
    const { streamBaseState, kLastWriteWasAsync } = this.#wrap
    return streamBaseState[kLastWriteWasAsync] !== 0
  }

  takeWriteRequest(): RawRequest {
    const request = this.#writeRequest
    this.#writeRequest = undefined
    return request ?? new this.#wrap.WriteWrap()
  }

  /** @param request whose write completed at once; one that did not is never used again */
  giveBackWriteRequest(request: RawRequest): void {
    this.#writeRequest = request
  }

  newShutdownRequest(): RawRequest {
    return new this.#wrap.ShutdownWrap()
  }

  /**
   * From now on what the server accepts comes as handles; no 'connection' is emitted.
   *
   * @param server listens
   */
  takeOver(server: Server, accepted: (handle: RawHandle) => void): void {
    const { _handle: handle } = server as unknown as {
      _handle: { onconnection: (error: number, client: RawHandle) => void }
    }
    handle.onconnection = (error, client) => {
      if (error === 0) accepted(client)
      else server.emit('error', new Error(`accept ${getSystemErrorName(error)}`))
    }
  }
}
