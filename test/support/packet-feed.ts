// The reading half of a connection in memory: bytes to packets, and packets or their bytes to the handler, in the order and
// with the questions of `SocketConnection` in net/connection.ts. Framer and decoder are the real ones.

import type { Clock } from '../../src/base/clock.ts'
import { decodePacket } from '../../src/mqtt/codec.ts'
import { ProtocolError } from '../../src/mqtt/errors.ts'
import { Framer } from '../../src/mqtt/framer.ts'
import type { Packet } from '../../src/mqtt/packet.ts'
import type { ConnectionHandler } from '../../src/net/connection-handler.ts'

export interface FeedOptions {
  /** Bytes; longer packets are refused. */
  readonly maximumPacketSize: number
  /** Packets are always decoded, and handed over one by one. */
  readonly isDecoding?: boolean
  /** A packet was decoded and taken by the handler. */
  took?(packet: Packet): void
  /** Whole packets were taken as bytes. */
  tookBytes?(bytes: Buffer): void
}

/** No packet begins so. */
const overwritten = 0xff

export class PacketFeed {
  readonly #handler: ConnectionHandler
  readonly #clock: Clock
  readonly #options: FeedOptions
  readonly #framer: Framer
  /** The packet that the handler could not take yet. */
  #refused: Packet | undefined
  #isPumping = false
  #hasFailed = false
  isPaused = false
  isClosed = false

  constructor(handler: ConnectionHandler, clock: Clock, options: FeedOptions) {
    this.#handler = handler
    this.#clock = clock
    this.#options = options
    this.#framer = new Framer(options.maximumPacketSize)
  }

  get isReading(): boolean {
    return !this.isPaused && !this.isClosed && !this.#hasFailed
  }

  /** Whether the bytes were refused. */
  get hasFailed(): boolean {
    return this.#hasFailed
  }

  /** Whether something waits until the feed is no longer paused. */
  get isWaiting(): boolean {
    return !this.isClosed && (this.#refused !== undefined || this.#framer.isAtPacket)
  }

  /** Bytes arrive, in a buffer that is written to again as soon as they were received: nobody may have kept it. */
  push(chunk: Buffer): void {
    if (this.isClosed || this.#hasFailed) return
    const lent = Buffer.from(chunk)
    this.#framer.push(lent, true)
    this.pump()
    this.#framer.own()
    lent.fill(overwritten)
  }

  /** Hands over what has arrived, unless the feed is paused. */
  pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    while (this.isReading && this.#takeNext(this.#clock.now())) {}
    this.#isPumping = false
  }

  #takeNext(now: number): boolean {
    if (this.#refused === undefined && this.#options.isDecoding !== true && this.#takeBytes(now)) return true
    const packet = this.#refused ?? this.#decode()
    if (packet === undefined) return false
    this.#refused = this.#handler.receive(packet, now) ? undefined : packet
    if (this.#refused !== undefined) return false
    this.#options.took?.(packet)
    return true
  }

  #takeBytes(now: number): boolean {
    const framer = this.#framer
    const { chunk, position, maximumPacketSize } = framer
    if (!framer.isAtPacket) return false
    const end = this.#handler.receiveBytes(chunk, position, maximumPacketSize, now, framer.isBorrowed)
    if (end === position) return false
    framer.skipTo(end)
    this.#options.tookBytes?.(Buffer.from(chunk.subarray(position, end)))
    return true
  }

  #decode(): Packet | undefined {
    const framer = this.#framer
    const { protocolVersion, topics } = this.#handler
    framer.own()
    try {
      if (!framer.next()) return undefined
      return decodePacket(framer.buffer, framer.header, framer.start, framer.end, protocolVersion, topics)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#hasFailed = true
      this.#handler.fail(error)
      return undefined
    }
  }
}
