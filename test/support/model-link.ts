// One network connection of a model client: packets wait in both directions until the test moves them, and are lost with
// the connection. What the broker sends is checked as it leaves.

import assert from 'node:assert/strict'
import { encodePacket } from '../../src/mqtt/codec.ts'
import { type Packet, PacketType, type ProtocolVersion, type Publish } from '../../src/mqtt/packet.ts'
import type { ConnectionHandler } from '../../src/net/connection-handler.ts'
import type { Transport } from '../../src/session/transport.ts'
import type { Engine } from './engine.ts'
import { PacketFeed } from './packet-feed.ts'
import { SentBytes, type SentPacket } from './sent-bytes.ts'

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
  readonly #clock: Engine['clock']
  readonly #watch: SessionWatch
  /** What counts against Receive Maximum (§4.9). */
  readonly #unacknowledged = new Set<number>()
  readonly #receiveMaximum: number
  readonly #feed: PacketFeed
  /** What the broker has sent since it was last looked at. */
  readonly #sent = new SentBytes()
  #toClient: SentPacket[] = []
  #toBroker: Buffer[] = []
  #isOpen = true
  #turnAsked = false
  queuedBytes = 0

  constructor(
    { broker, listener, clock }: Engine,
    version: ProtocolVersion,
    watch: SessionWatch,
    receiveMaximum: number,
    tookRun: (packets: number) => void,
  ) {
    this.#version = version
    this.#clock = clock
    this.#watch = watch
    this.#receiveMaximum = receiveMaximum
    this.handler = broker.accept({ address: '', port: 0, certificate: undefined, tls: undefined }, this, listener)
    this.#feed = new PacketFeed(this.handler, clock, {
      maximumPacketSize: 268_435_460,
      took: packet => {
        this.#took(packet)
        this.#look()
      },
      tookBytes: bytes => {
        const packets = packetsOf(bytes, version)
        tookRun(packets.length)
        for (const { packet } of packets) this.#took(packet)
        this.#look()
      },
    })
  }

  /** Whether nothing is on its way in either direction. */
  get isQuiet(): boolean {
    this.#giveTurn()
    this.#look()
    return this.#toClient.length === 0 && this.#toBroker.length === 0 && !this.#feed.isWaiting
  }

  send(bytes: Uint8Array): void {
    if (!this.#isOpen) return
    this.queuedBytes += bytes.length
    this.#sent.push(bytes)
  }

  reserve(size: number): number {
    if (this.#isOpen) this.queuedBytes += size
    else this.#sent.clear()
    return this.#sent.reserve(size)
  }

  get room(): Buffer {
    return this.#sent.room
  }

  readonly isHolding = false

  hold(): void {}

  letGo(): void {}

  sendAhead(bytes: Uint8Array): void {
    this.send(bytes)
  }

  close(): void {
    this.#look()
    this.#isOpen = false
    this.#feed.isClosed = true
  }

  destroy(): void {
    this.close()
  }

  established(): void {}

  get isReading(): boolean {
    return this.#feed.isReading
  }

  pause(): void {
    this.#feed.isPaused = true
  }

  resume(): void {
    this.#feed.isPaused = false
  }

  askForTurn(): void {
    this.#turnAsked = true
  }

  #giveTurn(): void {
    if (!this.#turnAsked || !this.#isOpen) return
    this.#turnAsked = false
    this.handler.takeTurn(this.#clock.now())
  }

  /** The client sends. */
  write(packet: Packet): void {
    this.#toBroker.push(encodePacket(packet, this.#version))
  }

  /** The next packet that reaches the client. */
  read(): Packet | undefined {
    this.#look()
    const next = this.#toClient.shift()
    if (next === undefined) return undefined
    this.queuedBytes -= next.size
    if (this.queuedBytes === 0 && this.#isOpen) this.handler.drained()
    return next.packet
  }

  /** Up to `count` packets reach the broker, in one chunk. */
  deliver(count: number): void {
    this.#giveTurn()
    this.#look()
    this.#feed.pump()
    this.#feed.push(Buffer.concat(this.#toBroker.splice(0, count)))
    this.#look()
  }

  /** All that is on its way is lost; the broker does not know yet. */
  lose(): void {
    this.#look()
    this.#toClient = []
    this.#toBroker = []
  }

  /** The broker notices that the connection is gone. */
  end(): void {
    this.close()
    this.handler.ended({ kind: 'closed-by-peer' })
  }

  /** Checks what the broker has sent; what is sent to a connection that is closed is lost. */
  #look(): void {
    if (!this.#isOpen) return
    for (let sent = this.#sent.next(this.#version); sent !== undefined; sent = this.#sent.next(this.#version)) {
      this.#check(sent.packet)
      this.#toClient.push(sent)
    }
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

  /** The broker has got this packet, and what it sent in answer was not looked at yet. */
  #took(packet: Packet): void {
    if (packet.type === PacketType.pubrec) this.#watch.received(packet.packetId)
    if (packet.type === PacketType.puback || packet.type === PacketType.pubcomp) {
      this.#watch.acknowledged(packet.packetId)
      this.#unacknowledged.delete(packet.packetId)
    }
  }
}

/** The packets of one run, which the client could have acknowledged all before the broker got the first. */
function packetsOf(bytes: Buffer, version: ProtocolVersion): SentPacket[] {
  const packets: SentPacket[] = []
  const reader = new SentBytes()
  reader.push(bytes)
  for (let next = reader.next(version); next !== undefined; next = reader.next(version)) packets.push(next)
  return packets
}
