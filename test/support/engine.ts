// The engine without sockets: a broker on a clock that stands still until it is told to move, and clients that hand it
// packets and read what it sent. For tests of the core and for the engine's fuzzer.

import assert from 'node:assert/strict'
import type { FileRealmOptions } from '../../src/auth/file-realm.ts'
import { PasswordVerifier, passwordVerifierDefaults } from '../../src/auth/password-verifier.ts'
import {
  failureThrottleDefaults,
  Throttle,
  type ThrottleSettings,
  takeoverThrottleDefaults,
} from '../../src/auth/throttle.ts'
import { type Log, silentLog } from '../../src/base/log.ts'
import { Broker, type BrokerSettings } from '../../src/broker/broker.ts'
import { ListenerContext } from '../../src/broker/listener-context.ts'
import { brokerOptions, type ListenerSettings } from '../../src/broker/options.ts'
import { encodePacket } from '../../src/mqtt/codec.ts'
import {
  type Acknowledgement,
  type Connack,
  type Connect,
  type Disconnect,
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
import { type FeedOptions, PacketFeed } from './packet-feed.ts'
import { fileRealm } from './realms.ts'
import { SentBytes } from './sent-bytes.ts'

export interface EngineOptions {
  readonly settings?: Partial<BrokerSettings>
  readonly listener?: Partial<ListenerSettings>
  readonly realm?: Partial<FileRealmOptions>
  readonly log?: Log
  /** Of both throttles, failures and takeovers. */
  readonly throttle?: Partial<ThrottleSettings>
}

/** CONNECT fields of a session that outlives its connection by an hour, or before MQTT 5 for ever. */
export function lasting(version: ProtocolVersion = 5): Partial<Connect> {
  return {
    protocolVersion: version,
    cleanStart: false,
    properties: version === 5 ? { sessionExpiryInterval: 3600 } : noProperties,
  }
}

/** A transport that keeps what it is given, and hands over what it is fed. */
export class MemoryTransport implements Transport {
  readonly sent = new SentBytes()
  readonly #lost = new SentBytes()
  #feed: PacketFeed | undefined
  /** Set by a test that plays a slow peer. */
  queuedBytes = 0
  closed = false
  paused = false
  /** Whether the handler waits for a turn; `Engine.pass` gives it. */
  turnAsked = false
  #onActivity: (() => void) | undefined
  /** Begins to read. */
  start(feed: PacketFeed): void {
    this.#feed = feed
    feed.isPaused = this.paused
  }
  send(bytes: Uint8Array): void {
    if (!this.closed) this.sent.push(bytes)
    this.#onActivity?.()
  }
  reserve(size: number): number {
    this.#onActivity?.()
    if (!this.closed) return this.sent.reserve(size)
    this.#lost.clear()
    return this.#lost.reserve(size)
  }
  get room(): Buffer {
    return (this.closed ? this.#lost : this.sent).room
  }
  readonly isHolding = false
  /** How often what is sent had to wait for the store; here it leaves all the same. */
  holds = 0

  hold(): void {
    this.holds++
  }

  letGo(): void {}

  sendAhead(bytes: Uint8Array): void {
    this.send(bytes)
  }

  close(): void {
    this.closed = true
    if (this.#feed !== undefined) this.#feed.isClosed = true
    this.#onActivity?.()
  }
  destroy(): void {
    this.close()
  }
  /** Bytes that the client may send in a packet; undefined before it is let in. */
  maximumPacketSize: number | undefined
  established(maximumPacketSize: number): void {
    this.maximumPacketSize = maximumPacketSize
  }
  get isReading(): boolean {
    return !this.paused && !this.closed
  }
  pause(): void {
    this.paused = true
    if (this.#feed !== undefined) this.#feed.isPaused = true
  }
  /** What arrived meanwhile is handed over in the next turn, or earlier by `EngineClient.catchUp`. */
  resume(): void {
    this.paused = false
    if (this.#feed === undefined) return
    const feed = this.#feed
    feed.isPaused = false
    setImmediate(() => feed.pump())
  }
  askForTurn(): void {
    this.turnAsked = true
  }
  /** Until the broker sends something or ends the connection. */
  activity(): Promise<void> {
    return new Promise(resolve => {
      this.#onActivity = resolve
    })
  }
}

export class Engine {
  readonly clock: FakeClock = fakeClock()
  readonly broker: Broker
  readonly listener: ListenerContext
  readonly log: Log
  readonly verifier: PasswordVerifier
  /** Whose connections may ask for turns. */
  readonly #clients = new Set<EngineClient>()

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
      failures: new Throttle({ ...failureThrottleDefaults, ...options.throttle }),
      takeovers: new Throttle({ ...takeoverThrottleDefaults, ...options.throttle }),
      newClientId: () => `MADE-UP-${++ids}`,
    })
  }

  realm(options: Partial<FileRealmOptions> = {}) {
    return fileRealm({ allowAnonymous: true, log: this.log, verifier: this.verifier, ...options })
  }

  /** Lets time pass, fires what is due, and gives a turn to every connection that has asked for one. */
  pass(milliseconds: number): void {
    this.clock.advance(milliseconds)
    this.broker.advance(this.clock.now())
    for (const client of this.#clients) {
      if (client.transport.closed) this.#clients.delete(client)
      else client.takeTurn()
    }
  }

  open(listener: ListenerContext = this.listener, address = '192.0.2.1', feed?: Partial<FeedOptions>): EngineClient {
    const transport = new MemoryTransport()
    const peer = { address, port: 40_000, certificate: undefined, tls: undefined }
    const client = new EngineClient(transport, this.broker.accept(peer, transport, listener), this.clock, feed)
    this.#clients.add(client)
    return client
  }

  /** Changes settings as a reload does. */
  reconfigure(settings: Partial<BrokerSettings>): void {
    this.broker.reconfigure({ ...this.broker.settings, ...settings })
  }

  /** Another listener of the same broker, with rules of its own. */
  addListener(settings: Partial<ListenerSettings>, realm: Partial<FileRealmOptions> = {}): ListenerContext {
    return new ListenerContext({ ...this.listener.settings, ...settings }, this.realm(realm))
  }

  /** Opens a connection and expects to be let in. */
  connect(
    clientId: string,
    connect: Partial<Connect> = {},
    listener: ListenerContext = this.listener,
    feed?: Partial<FeedOptions>,
  ): EngineClient {
    const client = this.open(listener, undefined, feed)
    client.connect(clientId, connect)
    const connack = client.expect(PacketType.connack)
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
  readonly #clock: FakeClock
  readonly #feed: PacketFeed
  #lastPacketId = 0

  constructor(
    transport: MemoryTransport,
    handler: ConnectionHandler,
    clock: FakeClock,
    feed: Partial<FeedOptions> = {},
  ) {
    this.transport = transport
    this.handler = handler
    this.#clock = clock
    this.#feed = new PacketFeed(handler, clock, { maximumPacketSize: 268_435_460, ...feed })
    transport.start(this.#feed)
  }

  send(packet: Packet): void {
    this.sendBytes(encodePacket(packet, this.version))
  }

  /** What arrives in one chunk. */
  sendBytes(chunk: Uint8Array): void {
    this.#feed.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))
  }

  /** Has the turn that was asked for. */
  takeTurn(): void {
    if (!this.transport.turnAsked) return
    this.transport.turnAsked = false
    this.handler.takeTurn(this.#clock.now())
  }

  /** The broker hears the client again: what waited is handed over now. */
  catchUp(): void {
    this.#feed.pump()
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

  /** At QoS 2 unless `request` says otherwise. @returns the reason code of SUBACK */
  subscribe(topicFilter: string, request: Partial<SubscriptionRequest> = {}, subscriptionIdentifier?: number): number {
    this.send({
      type: PacketType.subscribe,
      packetId: ++this.#lastPacketId,
      subscriptions: [{ topicFilter, qos: 2, noLocal: false, retainAsPublished: false, retainHandling: 0, ...request }],
      properties:
        subscriptionIdentifier === undefined ? noProperties : { subscriptionIdentifiers: [subscriptionIdentifier] },
    })
    return this.expect(PacketType.suback).reasonCodes[0] ?? Number.NaN
  }

  /** @returns the reason codes of UNSUBACK, none before MQTT 5 */
  unsubscribe(...topicFilters: string[]): readonly number[] {
    const packetId = ++this.#lastPacketId
    this.send({ type: PacketType.unsubscribe, packetId, topicFilters, properties: noProperties })
    return this.expect(PacketType.unsuback).reasonCodes
  }

  /** At QoS 0 unless `publish` says otherwise. @returns the packet id */
  publish(topicName: string, payload: string, publish: Partial<Publish> = {}): number {
    const qos = publish.qos ?? 0
    const packet: Publish = {
      type: PacketType.publish,
      dup: false,
      qos,
      retain: false,
      topicName,
      packetId: qos === 0 ? 0 : ++this.#lastPacketId,
      payload: Buffer.from(payload),
      properties: noProperties,
      ...publish,
    }
    this.send(packet)
    return packet.packetId
  }

  acknowledge(type: Acknowledgement['type'], packetId: number, reasonCode = 0): void {
    this.send({ type, packetId, reasonCode, properties: noProperties })
  }

  disconnect(reasonCode = 0, properties: Disconnect['properties'] = noProperties): void {
    this.send({ type: PacketType.disconnect, reasonCode, properties })
  }

  /** Everything sent since the last time, decoded. */
  received(): Packet[] {
    const packets: Packet[] = []
    for (;;) {
      const next = this.transport.sent.next(this.version)
      if (next === undefined) return packets
      packets.push(next.packet)
    }
  }

  /** The next packet, which must be of this type. */
  expect<T extends PacketType>(type: T): Extract<Packet, { type: T }> {
    const packet = this.transport.sent.next(this.version)?.packet
    assert.ok(packet !== undefined, `no packet was sent where type ${type} was expected`)
    assert.equal(packet.type, type, `packet type ${packet.type} was sent where ${type} was expected`)
    return packet as Extract<Packet, { type: T }>
  }

  expectPublish(payload: string): Publish {
    const packet = this.expect(PacketType.publish)
    assert.equal(Buffer.from(packet.payload).toString(), payload)
    return packet
  }

  expectAcknowledgement(type: Acknowledgement['type'], packetId: number, reasonCode = 0): void {
    const packet = this.expect(type) as Acknowledgement
    assert.deepEqual([packet.packetId, packet.reasonCode], [packetId, reasonCode])
  }

  expectNothing(): void {
    assert.deepEqual(this.received(), [])
    assert.equal(this.transport.closed, false, 'the connection was closed')
  }

  /** The broker has ended the connection: with DISCONNECT where a reason code is given. */
  expectClosed(reasonCode?: number): void {
    if (reasonCode !== undefined) assert.equal(this.expect(PacketType.disconnect).reasonCode, reasonCode)
    assert.deepEqual(this.received(), [])
    assert.equal(this.transport.closed, true, 'the connection was not closed')
  }

  /** Refused: CONNACK with this reason code, then the end. */
  expectRefused(reasonCode: number): void {
    const connack = this.expect(PacketType.connack)
    assert.deepEqual([connack.reasonCode, connack.sessionPresent], [reasonCode, false])
    this.expectClosed()
  }

  /** The PUBLISH packets sent since the last time; other packets are skipped. */
  publishes(): Publish[] {
    return this.received().filter(packet => packet.type === PacketType.publish)
  }

  /** Their payloads. */
  payloads(): string[] {
    return this.publishes().map(packet => Buffer.from(packet.payload).toString())
  }

  /** Reads everything and answers as a client does that has nothing to wait for. @returns the payloads */
  answerAll(): string[] {
    const payloads: string[] = []
    for (let packets = this.received(); packets.length > 0; packets = this.received()) {
      for (const packet of packets) {
        if (packet.type === PacketType.publish) payloads.push(Buffer.from(packet.payload).toString())
        this.answer(packet)
      }
    }
    return payloads
  }

  answer(packet: Packet): void {
    if (packet.type === PacketType.publish && packet.qos === 1) this.acknowledge(PacketType.puback, packet.packetId)
    if (packet.type === PacketType.publish && packet.qos === 2) this.acknowledge(PacketType.pubrec, packet.packetId)
    if (packet.type === PacketType.pubrec && packet.reasonCode < 0x80) {
      this.acknowledge(PacketType.pubrel, packet.packetId)
    }
    if (packet.type === PacketType.pubrel) this.acknowledge(PacketType.pubcomp, packet.packetId)
  }

  /** The peer has taken what was sent: a slow one catches up. */
  drain(): void {
    this.transport.queuedBytes = 0
    this.handler.drained()
  }

  /** What the broker thinks about off the event loop, or after a while, has been answered. */
  async answered(): Promise<void> {
    if (this.transport.sent.isEmpty && !this.transport.closed) await this.transport.activity()
  }

  /** The network goes away without a DISCONNECT. */
  vanish(): void {
    this.transport.closed = true
    this.handler.ended({ kind: 'closed-by-peer' })
  }
}
