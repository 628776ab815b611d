// A byte stream from a hostile peer into the engine, as net/connection.ts makes one from a socket: framer and decoder are
// the real ones, only what lies below them is memory.

import type { Broker } from '../src/broker/broker.ts'
import type { ListenerContext } from '../src/broker/listener-context.ts'
import { decodePacket } from '../src/mqtt/codec.ts'
import { ProtocolError } from '../src/mqtt/errors.ts'
import { Framer } from '../src/mqtt/framer.ts'
import { type Packet, PacketType } from '../src/mqtt/packet.ts'
import type { ConnectionHandler } from '../src/net/connection-handler.ts'
import type { Transport } from '../src/session/transport.ts'

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
  readonly #framer: Framer
  readonly #options: FuzzConnectionOptions
  #state: 'open' | 'failed' | 'closed' = 'open'
  #isPaused = false
  /** What the peer said it takes, once it did. */
  #peerMaximum = Number.POSITIVE_INFINITY
  queuedBytes = 0
  packetsReceived = 0
  packetsSent = 0
  wasRefused = false

  constructor(broker: Broker, listener: ListenerContext, options: FuzzConnectionOptions) {
    this.#options = options
    this.#framer = new Framer(options.maximumPacketSize)
    this.handler = broker.accept(peer, this, listener)
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  send(bytes: Uint8Array): void {
    if (this.#state === 'closed') return
    this.packetsSent++
    if (this.#options.isSlow) this.queuedBytes += bytes.length
    if (this.#options.isInspected) this.#inspect(bytes)
  }

  close(): void {
    this.#state = 'closed'
  }

  destroy(): void {
    this.#state = 'closed'
  }

  established(): void {}
  pause(): void {
    this.#isPaused = true
  }

  /** What waits in the framer is handed over by the next `feed`, not within this call. */
  resume(): void {
    this.#isPaused = false
  }

  /** @throws whatever the engine throws and should not */
  feed(chunk: Buffer): void {
    if (this.#state !== 'open') return
    this.#framer.push(chunk)
    while (this.#state === 'open' && !this.#isPaused) {
      const packet = this.#nextPacket()
      if (packet === undefined) return
      this.packetsReceived++
      this.handler.receive(packet)
    }
  }

  /** The slow peer takes all that was sent. */
  drain(): void {
    if (this.queuedBytes === 0 || this.#state === 'closed') return
    this.queuedBytes = 0
    this.handler.drained()
  }

  /** The connection is gone. */
  end(): void {
    this.#state = 'closed'
    this.handler.ended({ kind: 'closed-by-peer' })
  }

  #nextPacket(): Packet | undefined {
    const framer = this.#framer
    try {
      if (!framer.next()) return undefined
      const { buffer, header, start, end } = framer
      const packet = decodePacket(buffer, header, start, end, this.handler.protocolVersion)
      if (packet.type === PacketType.connect)
        this.#peerMaximum = packet.properties.maximumPacketSize ?? this.#peerMaximum
      return packet
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#state = 'failed'
      this.wasRefused = true
      this.handler.fail(error)
      return undefined
    }
  }

  #inspect(bytes: Uint8Array): void {
    const frame = Buffer.from(bytes)
    if (frame.length > this.#peerMaximum)
      throw new Error(`sent above ${this.#peerMaximum} bytes: ${frame.toString('hex')}`)
    const framer = new Framer(frame.length)
    framer.push(frame)
    if (!framer.next()) throw new Error(`sent an incomplete packet: ${frame.toString('hex')}`)
    decodePacket(framer.buffer, framer.header, framer.start, framer.end, this.handler.protocolVersion)
  }
}
