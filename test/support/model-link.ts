// One network connection of a model client: packets wait in both directions until the test moves them, and are lost with
// the connection. What the broker sends is checked as it leaves.

import assert from 'node:assert/strict'
import { decodePacket, encodePacket } from '../../src/mqtt/codec.ts'
import { Framer } from '../../src/mqtt/framer.ts'
import { type Packet, PacketType, type ProtocolVersion, type Publish } from '../../src/mqtt/packet.ts'
import type { ConnectionHandler } from '../../src/net/connection-handler.ts'
import type { Transport } from '../../src/session/transport.ts'
import type { Engine } from './engine.ts'

/** What one session's client has been sent and has not acknowledged to the end, across its connections. */
export class SessionWatch {
  /** Payloads by packet id: QoS 1 until PUBACK, QoS 2 until PUBCOMP. */
  readonly #inUse = new Map<number, string>()
  /** Packet ids whose PUBREC the broker has got. */
  readonly #received = new Set<number>()

  publishSent({ packetId, dup, payload }: Publish): void {
    const text = Buffer.from(payload).toString()
    if (dup) assert.equal(this.#inUse.get(packetId), text, `DUP of another message than packet id ${packetId} had`)
    else assert.ok(!this.#inUse.has(packetId), `packet id ${packetId} is given to '${text}' while it is in use`)
    assert.ok(!this.#received.has(packetId), `PUBLISH ${packetId} is sent again after its PUBREC`)
    this.#inUse.set(packetId, text)
  }

  received(packetId: number): void {
    this.#received.add(packetId)
  }

  acknowledged(packetId: number): void {
    this.#inUse.delete(packetId)
    this.#received.delete(packetId)
  }
}

export class ModelLink implements Transport {
  readonly handler: ConnectionHandler
  readonly #version: ProtocolVersion
  readonly #watch: SessionWatch
  /** What counts against Receive Maximum (§4.9). */
  readonly #unacknowledged = new Set<number>()
  readonly #receiveMaximum: number
  #toClient: Uint8Array[] = []
  #toBroker: Packet[] = []
  #open = true
  queuedBytes = 0

  constructor({ broker, listener }: Engine, version: ProtocolVersion, watch: SessionWatch, receiveMaximum: number) {
    this.#version = version
    this.#watch = watch
    this.#receiveMaximum = receiveMaximum
    this.handler = broker.accept({ address: '', port: 0, certificate: undefined, tls: undefined }, this, listener)
  }

  /** Whether nothing is on its way in either direction. */
  get isQuiet(): boolean {
    return this.#toClient.length === 0 && this.#toBroker.length === 0
  }

  send(bytes: Uint8Array): void {
    if (!this.#open) return
    this.#check(decode(bytes, this.#version))
    this.#toClient.push(Buffer.from(bytes))
    this.queuedBytes += bytes.length
  }

  close(): void {
    this.#open = false
  }

  destroy(): void {
    this.#open = false
  }

  established(): void {}
  pause(): void {}

  resume(): void {}

  /** The client sends. */
  write(packet: Packet): void {
    this.#toBroker.push(decode(encodePacket(packet, this.#version), this.#version))
  }

  /** The next packet that reaches the client. */
  read(): Packet | undefined {
    const bytes = this.#toClient.shift()
    if (bytes === undefined) return undefined
    this.queuedBytes -= bytes.length
    if (this.queuedBytes === 0 && this.#open) this.handler.drained()
    return decode(bytes, this.#version)
  }

  /** Up to `count` packets reach the broker. */
  deliver(count: number): void {
    for (const packet of this.#toBroker.splice(0, count)) {
      if (!this.#open) return
      this.#note(packet)
      this.handler.receive(packet)
    }
  }

  /** All that is on its way is lost; the broker does not know yet. */
  lose(): void {
    this.#toClient = []
    this.#toBroker = []
  }

  /** The broker notices that the connection is gone. */
  end(): void {
    this.#open = false
    this.handler.ended({ kind: 'closed-by-peer' })
  }

  #check(packet: Packet): void {
    if (packet.type !== PacketType.publish) return
    const { qos, dup, packetId } = packet
    if (qos === 0) {
      assert.equal(dup, false, 'QoS 0 with DUP')
      return
    }
    this.#watch.publishSent(packet)
    assert.ok(!this.#unacknowledged.has(packetId), `PUBLISH ${packetId} is sent twice on one connection`)
    this.#unacknowledged.add(packetId)
    assert.ok(this.#unacknowledged.size <= this.#receiveMaximum, `more than ${this.#receiveMaximum} are under way`)
  }

  /** The broker gets this packet. */
  #note(packet: Packet): void {
    if (packet.type === PacketType.pubrec) this.#watch.received(packet.packetId)
    if (packet.type !== PacketType.puback && packet.type !== PacketType.pubcomp) return
    this.#watch.acknowledged(packet.packetId)
    this.#unacknowledged.delete(packet.packetId)
  }
}

function decode(bytes: Uint8Array, version: ProtocolVersion): Packet {
  const framer = new Framer(268_435_460)
  framer.push(Buffer.from(bytes))
  assert.ok(framer.next())
  return decodePacket(framer.buffer, framer.header, framer.start, framer.end, version)
}
