// The engine without sockets: a broker on a clock that stands still until it is told to move, and clients that hand it
// packets and read what it sent. For tests of the core and for the engine's fuzzer.

import assert from 'node:assert/strict'
import { createFileRealm, type FileRealmOptions } from '../../src/auth/file-realm.ts'
import { PasswordVerifier, passwordVerifierDefaults } from '../../src/auth/password-verifier.ts'
import { failureThrottleDefaults, Throttle, takeoverThrottleDefaults } from '../../src/auth/throttle.ts'
import { type Log, silentLog } from '../../src/base/log.ts'
import { Broker, type BrokerSettings } from '../../src/broker/broker.ts'
import { ListenerContext } from '../../src/broker/listener-context.ts'
import { brokerOptions, type ListenerSettings } from '../../src/broker/options.ts'
import { decodePacket, encodePacket } from '../../src/mqtt/codec.ts'
import { Framer } from '../../src/mqtt/framer.ts'
import {
  type Connack,
  type Connect,
  noProperties,
  type Packet,
  PacketType,
  type ProtocolVersion,
  type Publish,
  type SubscriptionRequest,
} from '../../src/mqtt/packet.ts'
import type { ConnectionHandler } from '../../src/net/connection-handler.ts'
import { Counters } from '../../src/observe/counters.ts'
import type { Transport } from '../../src/session/transport.ts'
import { type FakeClock, fakeClock } from './fake-clock.ts'

export interface EngineOptions {
  readonly settings?: Partial<BrokerSettings>
  readonly listener?: Partial<ListenerSettings>
  readonly realm?: Partial<FileRealmOptions>
  readonly log?: Log
}

/** A transport that keeps what it is given. */
export class MemoryTransport implements Transport {
  readonly sent: Uint8Array[] = []
  /** Set by a test that plays a slow peer. */
  queuedBytes = 0
  closed = false
  paused = false
  send(bytes: Uint8Array): void {
    if (!this.closed) this.sent.push(bytes)
  }
  close(): void {
    this.closed = true
  }
  destroy(): void {
    this.closed = true
  }
  pause(): void {
    this.paused = true
  }
  resume(): void {
    this.paused = false
  }
}

export class Engine {
  readonly clock: FakeClock = fakeClock()
  readonly broker: Broker
  readonly listener: ListenerContext
  readonly log: Log
  readonly verifier: PasswordVerifier

  constructor(options: EngineOptions = {}) {
    this.log = options.log ?? silentLog
    this.verifier = new PasswordVerifier(passwordVerifierDefaults, this.clock)
    const defaults = Object.fromEntries(Object.entries(brokerOptions).map(([name, option]) => [name, option.default]))
    const own = { connect_timeout: 10, max_buffered_bytes: 1_048_576, connection_messages: true }
    const settings = { ...defaults, ...own, ...options.settings } as unknown as BrokerSettings
    this.listener = new ListenerContext(
      { ...defaults, allow_anonymous: true, ...options.listener } as unknown as ListenerSettings,
      this.realm(options.realm),
    )
    let ids = 0
    this.broker = new Broker({
      settings,
      log: this.log,
      clock: this.clock,
      counters: new Counters(),
      failures: new Throttle(failureThrottleDefaults),
      takeovers: new Throttle(takeoverThrottleDefaults),
      newClientId: () => `MADE-UP-${++ids}`,
    })
  }

  realm(options: Partial<FileRealmOptions> = {}) {
    return createFileRealm({
      allowAnonymous: true,
      passwords: undefined,
      acl: undefined,
      clientIdPrefixes: undefined,
      certificateIdentity: 'none',
      log: this.log,
      verifier: this.verifier,
      ...options,
    })
  }

  /** Lets time pass and fires what is due. */
  pass(milliseconds: number): void {
    this.clock.advance(milliseconds)
    this.broker.advance(this.clock.now())
  }

  open(listener: ListenerContext = this.listener, address = '192.0.2.1'): EngineClient {
    const transport = new MemoryTransport()
    const peer = { address, port: 40_000, certificate: undefined, tls: undefined }
    return new EngineClient(transport, this.broker.accept(peer, transport, listener))
  }

  /** Opens a connection and expects to be let in. */
  connect(clientId: string, connect: Partial<Connect> = {}): EngineClient {
    const client = this.open()
    client.connect(clientId, connect)
    const connack = client.expect(PacketType.connack) as Connack
    assert.equal(connack.reasonCode, 0, `${clientId} was refused`)
    client.connack = connack
    return client
  }
}

export class EngineClient {
  readonly transport: MemoryTransport
  readonly handler: ConnectionHandler
  version: ProtocolVersion = 5
  connack: Connack | undefined
  readonly #framer = new Framer(268_435_460)
  #read = 0
  #lastPacketId = 0

  constructor(transport: MemoryTransport, handler: ConnectionHandler) {
    this.transport = transport
    this.handler = handler
  }

  send(packet: Packet): void {
    const bytes = encodePacket(packet, this.version)
    const framer = new Framer(268_435_460)
    framer.push(bytes)
    assert.ok(framer.next())
    this.handler.receive(decodePacket(framer.buffer, framer.header, framer.start, framer.end, this.version))
  }

  connect(clientId: string, connect: Partial<Connect> = {}): void {
    this.version = connect.protocolVersion ?? 5
    this.send({
      type: PacketType.connect,
      protocolVersion: this.version,
      bridge: false,
      cleanStart: true,
      keepAlive: 0,
      clientId,
      username: undefined,
      password: undefined,
      will: undefined,
      properties: noProperties,
      ...connect,
    })
  }

  subscribe(topicFilter: string, request: Partial<SubscriptionRequest> = {}, subscriptionIdentifier?: number): void {
    this.send({
      type: PacketType.subscribe,
      packetId: ++this.#lastPacketId,
      subscriptions: [{ topicFilter, qos: 2, noLocal: false, retainAsPublished: false, retainHandling: 0, ...request }],
      properties:
        subscriptionIdentifier === undefined ? noProperties : { subscriptionIdentifiers: [subscriptionIdentifier] },
    })
    this.expect(PacketType.suback)
  }

  publish(topicName: string, payload: string, publish: Partial<Publish> = {}): void {
    const qos = publish.qos ?? 0
    this.send({
      type: PacketType.publish,
      dup: false,
      qos,
      retain: false,
      topicName,
      packetId: qos === 0 ? 0 : ++this.#lastPacketId,
      payload: Buffer.from(payload),
      properties: noProperties,
      ...publish,
    })
  }

  /** Everything sent since the last time, decoded. */
  received(): Packet[] {
    const packets: Packet[] = []
    for (; this.#read < this.transport.sent.length; this.#read++) {
      this.#framer.push(Buffer.from(this.transport.sent[this.#read] as Uint8Array))
      while (this.#framer.next()) {
        const { buffer, header, start, end } = this.#framer
        packets.push(decodePacket(buffer, header, start, end, this.version))
      }
    }
    return packets
  }

  /** The next packet, which must be of this type. */
  expect(type: PacketType): Packet {
    const { sent } = this.transport
    assert.ok(this.#read < sent.length, `no packet was sent where type ${type} was expected`)
    this.#framer.push(Buffer.from(sent[this.#read++] as Uint8Array))
    assert.ok(this.#framer.next())
    const { buffer, header, start, end } = this.#framer
    const packet = decodePacket(buffer, header, start, end, this.version)
    assert.equal(packet.type, type, `packet type ${packet.type} was sent where ${type} was expected`)
    return packet
  }

  /** Payloads of the PUBLISH packets sent since the last time; other packets are skipped. */
  payloads(): string[] {
    return this.received().flatMap(packet =>
      packet.type === PacketType.publish ? [Buffer.from(packet.payload).toString()] : [],
    )
  }

  /** The network goes away without a DISCONNECT. */
  vanish(): void {
    this.transport.closed = true
    this.handler.ended({ kind: 'closed-by-peer' })
  }
}
