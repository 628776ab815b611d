// One TCP connection of a load client: whole packets come in by callback, and whoever turns away hears nothing more.

import { connect, type Socket } from 'node:net'
import { type RawPacket, splitPacket } from '../support/packet-reader.ts'

export interface LinkEnd {
  received(link: Link, packet: RawPacket): void
  closed(link: Link): void
}

export class Link {
  readonly #socket: Socket
  #left: Uint8Array = new Uint8Array()
  #isIgnored = false

  constructor(port: number, end: LinkEnd) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', bytes => {
      if (!this.#isIgnored) this.#take(bytes, end)
    })
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => {
      if (!this.#isIgnored) end.closed(this)
    })
  }

  send(...packets: readonly Uint8Array[]): void {
    if (!this.#socket.destroyed) this.#socket.write(Buffer.concat(packets))
  }

  /** From now on it is somebody else's: what still comes is not looked at. */
  ignore(): void {
    this.#isIgnored = true
  }

  /** Breaks off, as a failing network does; `end` hears nothing of it. */
  destroy(): void {
    this.#isIgnored = true
    this.#socket.destroy()
  }

  /** Sends what was written, then ends; `end` hears nothing of it. */
  finish(): void {
    this.#isIgnored = true
    this.#socket.end()
  }

  #take(bytes: Uint8Array, end: LinkEnd): void {
    this.#left = this.#left.length === 0 ? bytes : Buffer.concat([this.#left, bytes])
    while (!this.#isIgnored) {
      const split = splitPacket(this.#left)
      if (split === undefined) return
      this.#left = split.rest
      end.received(this, split.packet)
    }
  }
}
