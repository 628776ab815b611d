// A byte stream from a hostile peer into the engine, as net/connection.ts makes one from a socket: framer and decoder are
// the real ones, only what lies below them is memory.

import type { ListenerContext } from '../src/broker/listener-context.ts'
import { Framer } from '../src/mqtt/framer.ts'
import { type Packet, PacketType } from '../src/mqtt/packet.ts'
import type { ConnectionHandler } from '../src/net/connection-handler.ts'
import type { Transport } from '../src/session/transport.ts'
import type { Engine } from '../test/support/engine.ts'
import { PacketFeed } from '../test/support/packet-feed.ts'
import { SentBytes } from '../test/support/sent-bytes.ts'

const peer = { address: '192.0.2.1', port: 40_000, certificate: undefined, tls: undefined }

export interface FuzzConnectionOptions {
  readonly maximumPacketSize: number
  /** The peer takes nothing until `drain`. */
  readonly isSlow: boolean
  /** What the broker sends is decoded, and compared with the peer's Maximum Packet Size. */
  readonly isInspected: boolean
}

export class FuzzConnection implements Transport {
  readonly handler: ConnectionHandler
  readonly #feed: PacketFeed
  readonly #options: FuzzConnectionOptions
  readonly #clock: Engine['clock']
  /** What was sent and not yet inspected. */
  readonly #sent = new SentBytes()
  #room: Buffer = Buffer.alloc(0)
  /** What the peer said it takes, once it did. */
  #peerMaximum = Number.POSITIVE_INFINITY
  #turnAsked = false
  queuedBytes = 0
  packetsReceived = 0
  /** Runs of several packets that were taken as bytes. */
  runs = 0

  constructor({ broker, clock }: Engine, listener: ListenerContext, options: FuzzConnectionOptions) {
    this.#options = options
    this.#clock = clock
    this.handler = broker.accept(peer, this, listener)
    this.#feed = new PacketFeed(this.handler, clock, {
      maximumPacketSize: options.maximumPacketSize,
      took: packet => this.#took(packet),
      tookBytes: bytes => this.#tookBytes(bytes),
    })
  }

  get isPaused(): boolean {
    return this.#feed.isPaused
  }

  get isReading(): boolean {
    return this.#feed.isReading
  }

  get wasRefused(): boolean {
    return this.#feed.hasFailed
  }

  send(bytes: Uint8Array): void {
    if (this.#feed.isClosed) return
    if (this.#options.isSlow) this.queuedBytes += bytes.length
    if (this.#options.isInspected) this.#sent.push(bytes)
  }

  reserve(size: number): number {
    if (this.#options.isSlow && !this.#feed.isClosed) this.queuedBytes += size
    if (this.#keeps) return this.#sent.reserve(size)
    if (this.#room.length < size) this.#room = Buffer.allocUnsafe(size)
    return 0
  }

  get room(): Buffer {
    return this.#keeps ? this.#sent.room : this.#room
  }

  get #keeps(): boolean {
    return this.#options.isInspected && !this.#feed.isClosed
  }

  readonly isHolding = false

  hold(): void {}

  letGo(): void {}

  sendAhead(bytes: Uint8Array): void {
    this.send(bytes)
  }

  close(): void {
    this.#feed.isClosed = true
  }

  destroy(): void {
    this.#feed.isClosed = true
  }

  established(): void {}

  pause(): void {
    this.#feed.isPaused = true
  }

  /** What waits in the framer is handed over by the next `feed`, not within this call. */
  resume(): void {
    this.#feed.isPaused = false
  }

  askForTurn(): void {
    this.#turnAsked = true
  }

  /** @throws whatever the engine throws and should not */
  feed(chunk: Buffer): void {
    this.#giveTurn()
    this.#feed.push(chunk)
    this.inspect()
  }

  #giveTurn(): void {
    if (!this.#turnAsked || this.#feed.isClosed) return
    this.#turnAsked = false
    this.handler.takeTurn(this.#clock.now())
  }

  /** The slow peer takes all that was sent. */
  drain(): void {
    if (this.queuedBytes === 0 || this.#feed.isClosed) return
    this.queuedBytes = 0
    this.handler.drained()
  }

  /** The connection is gone. */
  end(): void {
    this.inspect()
    this.#feed.isClosed = true
    this.handler.ended({ kind: 'closed-by-peer' })
  }

  /** @throws Error when a packet was sent that is none, or larger than the peer takes */
  inspect(): void {
    if (!this.#options.isInspected) return
    const { protocolVersion } = this.handler
    for (let sent = this.#sent.next(protocolVersion); sent !== undefined; sent = this.#sent.next(protocolVersion)) {
      if (sent.size <= this.#peerMaximum) continue
      throw new Error(`sent ${sent.size} bytes above ${this.#peerMaximum}: packet type ${sent.packet.type}`)
    }
  }

  #took(packet: Packet): void {
    this.packetsReceived++
    if (packet.type === PacketType.connect) {
      this.#peerMaximum = packet.properties.maximumPacketSize ?? this.#peerMaximum
    }
  }

  #tookBytes(bytes: Buffer): void {
    const framer = new Framer(bytes.length)
    framer.push(bytes)
    let packets = 0
    while (framer.next()) packets++
    this.packetsReceived += packets
    if (packets > 1) this.runs++
  }
}
