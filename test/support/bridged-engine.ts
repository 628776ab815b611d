// An engine with bridges, and the other brokers that they dial, played by the test packet by packet: no socket, and time that
// passes when the test says so.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { type Duplex, duplexPair } from 'node:stream'
import { createBridgeRealm } from '../../src/auth/bridge-realm.ts'
import { Bridges } from '../../src/bridge/bridges.ts'
import type { BridgeAddress } from '../../src/bridge/option-values.ts'
import { type BridgeSettings, bridgesOf } from '../../src/bridge/options.ts'
import { ListenerContext } from '../../src/broker/listener-context.ts'
import { decodePacket, encodePacket } from '../../src/mqtt/codec.ts'
import { Framer } from '../../src/mqtt/framer.ts'
import {
  type Acknowledgement,
  type Connack,
  type Connect,
  noProperties,
  type Packet,
  PacketType,
  type ProtocolVersion,
  type Publish,
} from '../../src/mqtt/packet.ts'
import { SocketConnection } from '../../src/net/connection.ts'
import { transportLimits } from '../../src/net/limits.ts'
import { Outbox } from '../../src/net/outbox.ts'
import { SocketStream } from '../../src/net/socket-stream.ts'
import { TurnQueue } from '../../src/net/turn-queue.ts'
import { bridgeHost, ownSettings } from '../../src/server/bridges.ts'
import { parseConfig } from '../../src/server/parse-config.ts'
import { Engine, type EngineOptions } from './engine.ts'

type PacketOf<T> = T extends Acknowledgement['type'] ? Acknowledgement : Extract<Packet, { readonly type: T }>

/** The other broker's end of one connection. */
export class RemoteEnd {
  version: ProtocolVersion = 4
  readonly stream: Duplex
  readonly #framer = new Framer(268_435_460)
  readonly #packets: Packet[] = []

  constructor(stream: Duplex) {
    this.stream = stream
    stream.on('data', chunk => {
      this.#framer.push(chunk as Buffer)
      while (this.#framer.next()) {
        const { buffer, header, start, end } = this.#framer
        const packet = decodePacket(Buffer.from(buffer), header, start, end, this.version)
        if (packet.type === PacketType.connect) this.version = packet.protocolVersion
        this.#packets.push(packet)
      }
      stream.emit('packets')
    })
    stream.on('error', () => {})
  }

  send(packet: Packet): void {
    this.stream.write(encodePacket(packet, this.version))
  }

  acknowledge(type: Acknowledgement['type'], packetId: number, reasonCode = 0): void {
    this.send({ type, packetId, reasonCode, properties: noProperties })
  }

  publish(topicName: string, payload: string, fields: Partial<Publish> = {}): void {
    const kind = { type: PacketType.publish, dup: false, retain: false, properties: noProperties } as const
    this.send({ ...kind, qos: 0, packetId: 0, topicName, payload: Buffer.from(payload), ...fields })
  }

  /** The next packet; pings are passed over. */
  async next<T extends Packet['type']>(type: T): Promise<PacketOf<T>> {
    for (;;) {
      const packet = this.#packets.shift()
      if (packet === undefined) {
        await once(this.stream, 'packets')
      } else if (packet.type !== PacketType.pingreq || type === PacketType.pingreq) {
        assert.equal(packet.type, type, `a packet of type ${type}, not ${JSON.stringify(packet)}`)
        return packet as PacketOf<T>
      }
    }
  }

  async nextText(): Promise<string> {
    const { topicName, payload } = await this.next(PacketType.publish)
    return `${topicName} ${Buffer.from(payload)}`
  }

  /** Answers CONNECT, and every SUBSCRIBE and UNSUBSCRIBE that follows at once. @returns the CONNECT */
  async welcome(connack: Partial<Connack> = {}, requests = 1): Promise<Connect> {
    const connect = await this.next(PacketType.connect)
    const yes = { type: PacketType.connack, sessionPresent: false, reasonCode: 0, properties: noProperties } as const
    this.send({ ...yes, ...connack })
    for (let left = requests; left > 0; left--) await this.answerRequest()
    return connect
  }

  /** @returns the topic filter */
  async answerRequest(): Promise<string> {
    while (this.#packets.length === 0) await once(this.stream, 'packets')
    const [packet] = this.#packets.splice(0, 1)
    const { properties } = { properties: noProperties }
    if (packet?.type === PacketType.subscribe) {
      const { packetId, subscriptions } = packet
      const reasonCodes = subscriptions.map(({ qos }) => qos)
      this.send({ type: PacketType.suback, packetId, reasonCodes, properties })
      return subscriptions[0]?.topicFilter ?? ''
    }
    assert.equal(packet?.type, PacketType.unsubscribe)
    const { packetId, topicFilters } = packet as Extract<Packet, { type: 10 }>
    this.send({ type: PacketType.unsuback, packetId, reasonCodes: topicFilters.map(() => 0), properties })
    return topicFilters[0] ?? ''
  }

  /** The network goes away. */
  breakOff(): void {
    this.stream.destroy()
  }
}

export class BridgedEngine {
  readonly engine: Engine
  readonly bridges: Bridges
  readonly lines: string[] = []
  /** Addresses that are dialed, each once for each time. */
  readonly dialed: BridgeAddress[] = []
  /** Ports at which nobody answers. */
  readonly deadPorts = new Set<number>()
  readonly settings: readonly BridgeSettings[]
  /** The two ends of the last connection. */
  #ends: readonly Duplex[] = []
  readonly #other: Engine | undefined
  readonly #waiting: ((remote: RemoteEnd) => void)[] = []
  readonly #reached: RemoteEnd[] = []

  /**
   * @param config the lines of one `connection` and more
   * @param other the other broker; without it the test plays it
   */
  constructor(config: string, options: EngineOptions = {}, other?: Engine) {
    this.#other = other
    const log = { enabled: () => true, write: (_type: string, line: string) => void this.lines.push(line) }
    this.engine = new Engine({ ...options, log })
    this.settings = bridgesIn(config)
    const { broker, listener, clock } = this.engine
    const outbox = new Outbox()
    const net = { packet_timeout: 60, write_timeout: 60 }
    const deps = {
      settings: () => ({ ...broker.settings, ...net }) as never,
      outbox,
      turns: new TurnQueue(clock, outbox),
    }
    const contexts = new Map<string, ListenerContext>()
    const hostOf = (name: string) => {
      const username = this.settings.find(one => one.name === name)?.local_username
      const realm = createBridgeRealm({ inner: listener.realm, username })
      const context = contexts.get(name) ?? new ListenerContext(ownSettings(listener.settings, name), realm, true)
      contexts.set(name, context)
      return bridgeHost(broker, context, deps)
    }
    this.bridges = new Bridges(hostOf, address => this.#dial(address))
  }

  async #dial(address: BridgeAddress): Promise<Duplex> {
    this.dialed.push(address)
    if (this.deadPorts.has(address.port)) throw new Error('Connection refused')
    const [near, far] = duplexPair()
    this.#ends = [near, far]
    if (this.#other !== undefined) {
      serve(this.#other, far)
      return near
    }
    const remote = new RemoteEnd(far)
    const waiting = this.#waiting.shift()
    if (waiting === undefined) this.#reached.push(remote)
    else waiting(remote)
    return near
  }

  /** The next connection that a bridge opens. */
  remote(): Promise<RemoteEnd> {
    const remote = this.#reached.shift()
    return remote === undefined ? new Promise(resolve => void this.#waiting.push(resolve)) : Promise.resolve(remote)
  }

  /** Cuts the last connection off, for both at once. */
  cut(): void {
    for (const end of this.#ends) end.destroy()
  }

  async start(): Promise<void> {
    await this.bridges.prepare(this.settings)
    this.bridges.start()
  }

  /** Lets what is under way come to rest: everything here is done within a few turns. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
  }

  /** Lets time pass in steps that timers notice. */
  async pass(milliseconds: number): Promise<void> {
    for (let left = milliseconds; left > 0; left -= 200) {
      this.engine.pass(Math.min(left, 200))
      this.#other?.pass(Math.min(left, 200))
      await new Promise(resolve => setImmediate(resolve))
    }
    await this.settle()
  }
}

/** Has an engine take a stream as a listener takes a socket. */
function serve({ broker, clock, listener }: Engine, far: Duplex): void {
  const stream = new SocketStream(far as Socket)
  const outbox = new Outbox()
  const connection = new SocketConnection(stream, stream, {
    clock,
    wheel: broker.wheel,
    outbox,
    turns: new TurnQueue(clock, outbox),
    traffic: { received: () => {}, sent: () => {} },
    limits: transportLimits({ ...broker.settings, packet_timeout: 60, write_timeout: 60 } as never),
    owner: { established: () => {}, spokeTls: () => {} },
  })
  const peer = { address: '192.0.2.9', port: 1, certificate: undefined, tls: undefined }
  connection.start(broker.accept(peer, connection, listener))
}

/** The bridges of configuration lines. */
export function bridgesIn(config: string): readonly BridgeSettings[] {
  const text = `listener 1883\nallow_anonymous true\n${config}\n`
  const files = { read: () => Buffer.from(text), list: () => [] }
  return bridgesOf(parseConfig('bridge.conf', { files }).global.connection)
}
