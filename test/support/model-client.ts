// A client that does what the standard says, no matter when its connection is lost: it keeps its session, sends again with
// DUP what was not acknowledged, and takes a QoS 2 message once per packet id.

import assert from 'node:assert/strict'
import {
  type Connack,
  noProperties,
  type Packet,
  PacketType,
  type ProtocolVersion,
  type Publish,
  type QoS,
} from '../../src/mqtt/packet.ts'
import { type Engine, lasting } from './engine.ts'
import { ModelLink, SessionWatch } from './model-link.ts'

export interface ModelMessage {
  readonly topicName: string
  readonly payload: string
  readonly qos: QoS
}

export interface ModelSubscription {
  readonly topicFilter: string
  readonly qos: QoS
}

export interface ModelClientOptions {
  readonly clientId: string
  readonly version: ProtocolVersion
  readonly subscriptions: readonly ModelSubscription[]
}

interface Outgoing {
  readonly packetId: number
  readonly message: ModelMessage
  state: 'publish' | 'pubrel'
  /** On this connection. */
  sent: boolean
}

/** Few, so that they come round. */
const packetIds = 12

export class ModelClient {
  readonly options: ModelClientOptions
  /** In the order in which the application published them. */
  readonly published: ModelMessage[] = []
  /** In the order in which the application got them; `topicName` and `qos` as delivered. */
  readonly delivered: ModelMessage[] = []
  readonly #engine: Engine
  readonly #watch = new SessionWatch()
  readonly #waiting: ModelMessage[] = []
  readonly #outgoing = new Map<number, Outgoing>()
  readonly #received = new Set<number>()
  readonly #aliases = new Map<number, string>()
  readonly #lost: ModelLink[] = []
  #link: ModelLink | undefined
  #isConnected = false
  #hasSession = false
  #receiveMaximum = 65_535
  /** The send quota of §4.9: PUBLISH packets that may go before one is acknowledged. */
  #quota = 0
  #lastPacketId = 0
  /** Runs of several packets that the broker took as bytes. */
  runs = 0

  constructor(engine: Engine, options: ModelClientOptions) {
    this.#engine = engine
    this.options = options
    this.connect(65_535, 0)
    this.settle()
    let packetId = 1000
    for (const { topicFilter, qos } of options.subscriptions) {
      const request = { topicFilter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
      const packet = { packetId: packetId++, subscriptions: [request], properties: noProperties }
      this.#link?.write({ type: PacketType.subscribe, ...packet })
    }
    this.settle()
  }

  get isDone(): boolean {
    return this.#isConnected && this.#link?.isQuiet === true && this.#waiting.length === 0 && this.#outgoing.size === 0
  }

  publish(message: ModelMessage): void {
    this.published.push(message)
    this.#waiting.push(message)
    this.#sendWaiting()
  }

  /** Connects if it is not connected; the broker may still hold an earlier connection, which is then taken over. */
  connect(receiveMaximum: number, topicAliasMaximum: number): void {
    if (this.#link !== undefined) return
    const { clientId, version } = this.options
    this.#aliases.clear()
    this.#link = new ModelLink(this.#engine, version, this.#watch, version < 5 ? 65_535 : receiveMaximum, packets => {
      if (packets > 1) this.runs++
    })
    this.#link.write({
      type: PacketType.connect,
      protocolVersion: version,
      bridge: false,
      cleanStart: false,
      keepAlive: 0,
      clientId,
      username: undefined,
      password: undefined,
      will: undefined,
      properties: version < 5 ? noProperties : { sessionExpiryInterval: 3600, receiveMaximum, topicAliasMaximum },
      ...(version < 5 && lasting(version)),
    })
  }

  /** Up to `count` packets of the client reach the broker. */
  deliver(count: number): void {
    this.#link?.deliver(count)
  }

  /** Up to `count` packets of the broker reach the client, which answers. */
  read(count: number): void {
    for (let left = count; left > 0; left--) {
      const packet = this.#link?.read()
      if (packet === undefined) return
      this.#receive(packet)
    }
  }

  /** The connection breaks; the broker may learn it at once or later. */
  lose(noticed: boolean): void {
    if (this.#link === undefined) return
    this.#link.lose()
    if (noticed) this.#link.end()
    else this.#lost.push(this.#link)
    this.#link = undefined
    this.#isConnected = false
  }

  /** Says goodbye, which what is on its way may or may not outrun. */
  disconnect(): void {
    if (!this.#isConnected) return
    this.#link?.write({ type: PacketType.disconnect, reasonCode: 0, properties: noProperties })
    this.#link?.deliver(Number.POSITIVE_INFINITY)
    this.lose(true)
  }

  /** The broker notices the connections that broke earlier. */
  noticeLosses(): void {
    for (const link of this.#lost.splice(0)) link.end()
  }

  /** Moves packets until nothing moves any more. */
  settle(): void {
    for (let rounds = 0; this.#link?.isQuiet === false; rounds++) {
      assert.ok(rounds < 10_000, 'client and broker never come to rest')
      this.deliver(Number.POSITIVE_INFINITY)
      this.read(Number.POSITIVE_INFINITY)
    }
  }

  #receive(packet: Packet): void {
    switch (packet.type) {
      case PacketType.connack:
        this.#enter(packet)
        return
      case PacketType.publish:
        this.#take(packet)
        return
      case PacketType.pubrel:
        this.#received.delete(packet.packetId)
        this.#answer(PacketType.pubcomp, packet.packetId)
        return
      case PacketType.pubrec:
        this.#release(packet.packetId)
        return
      case PacketType.puback:
      case PacketType.pubcomp:
        this.#outgoing.delete(packet.packetId)
        this.#quota = Math.min(this.#receiveMaximum, this.#quota + 1)
        this.#sendWaiting()
        return
      case PacketType.suback:
        return
      default:
        assert.fail(`${this.options.clientId} got packet type ${packet.type}`)
    }
  }

  #enter(connack: Connack): void {
    assert.equal(connack.reasonCode, 0)
    if (this.options.version > 3) assert.equal(connack.sessionPresent, this.#hasSession)
    this.#hasSession = true
    this.#isConnected = true
    this.#receiveMaximum = connack.properties.receiveMaximum ?? 65_535
    this.#quota = this.#receiveMaximum
    for (const outgoing of this.#outgoing.values()) {
      outgoing.sent = outgoing.state === 'pubrel'
      if (outgoing.sent) this.#answer(PacketType.pubrel, outgoing.packetId)
    }
    this.#sendWaiting()
  }

  #take(packet: Publish): void {
    const topicName = this.#topicOf(packet)
    const { packetId, qos } = packet
    const message = { topicName, payload: Buffer.from(packet.payload).toString(), qos }
    if (qos < 2 || !this.#received.has(packetId)) this.delivered.push(message)
    if (qos === 2) this.#received.add(packetId)
    if (qos > 0) this.#answer(qos === 1 ? PacketType.puback : PacketType.pubrec, packetId)
  }

  #topicOf({ topicName, properties: { topicAlias } }: Publish): string {
    if (topicAlias === undefined) return topicName
    if (topicName !== '') this.#aliases.set(topicAlias, topicName)
    const known = this.#aliases.get(topicAlias)
    assert.ok(known !== undefined, `topic alias ${topicAlias} was never set`)
    return known
  }

  #release(packetId: number): void {
    const outgoing = this.#outgoing.get(packetId)
    assert.ok(outgoing?.message.qos === 2, `PUBREC for packet id ${packetId}, which is not under way`)
    outgoing.state = 'pubrel'
    this.#answer(PacketType.pubrel, packetId)
  }

  #sendWaiting(): void {
    for (const outgoing of this.#outgoing.values()) {
      if (outgoing.sent) continue
      if (!this.#isConnected || this.#quota === 0) return
      outgoing.sent = true
      this.#send(outgoing.message, outgoing.packetId, true)
    }
    while (this.#isConnected && this.#quota > 0 && this.#outgoing.size < packetIds) {
      const message = this.#waiting.shift()
      if (message === undefined) return
      if (message.qos === 0) {
        this.#send(message, 0, false)
        continue
      }
      const packetId = this.#freePacketId()
      this.#outgoing.set(packetId, { packetId, message, state: 'publish', sent: true })
      this.#send(message, packetId, false)
    }
  }

  #send({ topicName, payload, qos }: ModelMessage, packetId: number, dup: boolean): void {
    if (qos > 0) this.#quota--
    const packet = { dup, qos, retain: false, topicName, packetId, payload: Buffer.from(payload) }
    this.#link?.write({ type: PacketType.publish, ...packet, properties: noProperties })
  }

  #answer(type: 4 | 5 | 6 | 7, packetId: number): void {
    this.#link?.write({ type, packetId, reasonCode: 0, properties: noProperties })
  }

  #freePacketId(): number {
    do this.#lastPacketId = (this.#lastPacketId % packetIds) + 1
    while (this.#outgoing.has(this.#lastPacketId))
    return this.#lastPacketId
  }
}
