// mosquitto_sparkplug_aware.so (Sparkplug 3.0, a Sparkplug Aware server): a client within the process that keeps the last birth
// certificate of every edge node and device, retained below `$sparkplug/certificates/`, for host applications that come later.

import { randomUUID } from 'node:crypto'
import { createBridgeRealm } from '../auth/bridge-realm.ts'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import type { BridgeHost } from '../bridge/host.ts'
import { type LocalEnd, LocalStream } from '../bridge/local-stream.ts'
import type { Broker } from '../broker/broker.ts'
import { ListenerContext } from '../broker/listener-context.ts'
import { decodePacket, encodePacket } from '../mqtt/codec.ts'
import { Framer } from '../mqtt/framer.ts'
import { noProperties, type Packet, PacketType, type Publish, type QoS, type Subscribe } from '../mqtt/packet.ts'
import { longestTopicBytes } from '../topic/name.ts'
import { bridgeHost, innerDeps, ownSettings } from './bridges.ts'
import type { GlobalSettings } from './options.ts'

const births = ['spBv1.0/+/NBIRTH/+', 'spBv1.0/+/DBIRTH/+/+']
const prefix = '$sparkplug/certificates/'
/** Most certificates that are on their way to the broker at once, where it does not want fewer. */
const mostUnderWay = 20
const largestPacket = 268_435_455
const version = 5
/** Milliseconds after which one that was ended comes again. */
const returnMs = 1000

/** @param first listener, whose limits hold for the keeper too */
export function createSparkplugKeeper(
  broker: Broker,
  first: ListenerContext,
  settings: () => GlobalSettings,
): SparkplugKeeper {
  const realm = createBridgeRealm({ inner: first.realm, username: undefined, log: broker.log })
  const own = { ...ownSettings(first.settings, ''), path: 'plugin sparkplug-aware' }
  const context = new ListenerContext(own, realm)
  return new SparkplugKeeper(bridgeHost(broker, context, innerDeps(broker, settings)), context)
}

/** `away` → `joined` → `away`, and `stopped` from either. */
type State = 'away' | 'joined' | 'stopped'

export class SparkplugKeeper implements LocalEnd {
  /** By whose rules what it retains is judged after a restart. */
  readonly context: ListenerContext
  readonly #host: Pick<BridgeHost, 'accept' | 'limits' | 'log'>
  #framer = new Framer(largestPacket)
  #stream: LocalStream | undefined
  #state: State = 'stopped'
  #isFull = false
  #returnsAt = 0
  /** 0: the broker asks for no signs of life. */
  #pingEveryMs = 0
  #pingedAt = 0

  constructor(host: Pick<BridgeHost, 'accept' | 'limits' | 'log'>, context: ListenerContext) {
    this.#host = host
    this.context = context
  }

  start(): void {
    this.#state = 'away'
    this.#join()
  }

  /** Called several times a second. @param now milliseconds */
  advance(now: number): void {
    if (this.#state === 'away') {
      if (this.#returnsAt === 0) this.#returnsAt = now + returnMs
      else if (now >= this.#returnsAt) this.#join()
    } else if (this.#state === 'joined' && this.#pingEveryMs > 0 && now >= this.#pingedAt + this.#pingEveryMs) {
      this.#pingedAt = now
      this.#send({ type: PacketType.pingreq })
    }
  }

  stop(): void {
    this.#state = 'stopped'
    this.#stream?.hangUp()
  }

  fromBroker(bytes: Buffer): boolean {
    this.#framer.push(bytes, true)
    try {
      while (this.#state === 'joined' && this.#framer.next()) this.#take(this.#decode())
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      this.#warn(error.message)
      this.#stream?.hangUp()
      this.#leave()
    }
    this.#framer.own()
    return !this.#isFull
  }

  brokerIsReady(): void {
    this.#isFull = false
    this.#stream?.taken()
  }

  brokerEnded(): void {
    if (this.#state !== 'joined') return
    this.#warn('the broker has ended its connection')
    this.#leave()
  }

  #join(): void {
    this.#state = 'joined'
    this.#framer = new Framer(largestPacket)
    this.#isFull = false
    this.#pingEveryMs = 0
    this.#stream = new LocalStream(this)
    this.#host.accept(this.#stream)
    const receiveMaximum = Math.min(this.#host.limits.max_inflight_messages || mostUnderWay, mostUnderWay)
    this.#send({
      type: PacketType.connect,
      protocolVersion: version,
      bridge: false,
      cleanStart: true,
      keepAlive: 0,
      clientId: `sparkplug-aware-${randomUUID()}`,
      username: undefined,
      password: undefined,
      will: undefined,
      // As many as the broker takes itself: each that comes is answered by one that goes.
      properties: { receiveMaximum },
    })
  }

  #leave(): void {
    this.#state = 'away'
    this.#returnsAt = 0
    this.#stream = undefined
  }

  #decode(): Packet {
    const { buffer, header, start, end } = this.#framer
    return decodePacket(buffer, header, start, end, version)
  }

  #take(packet: Packet): void {
    switch (packet.type) {
      case PacketType.connack:
        this.#pingEveryMs = (packet.properties.serverKeepAlive ?? 0) * 500
        if (packet.reasonCode === 0) this.#send(subscribe)
        return
      case PacketType.publish:
        this.#keep(packet)
        return
      case PacketType.puback:
        // The certificate is safe; so is the message that it came with.
        this.#acknowledge(packet.packetId)
        return
      default:
    }
  }

  /** The packet id of what has come is free on the way back: both are answered together. */
  #keep({ qos, topicName, packetId, payload }: Publish): void {
    if (!this.#host.limits.retain_available) {
      // A start has warned of it; a PUBLISH with RETAIN would end the connection.
      if (qos > 0) this.#acknowledge(packetId)
      return
    }
    const certificate = { type: PacketType.publish, dup: false, qos, retain: true, packetId, payload } as const
    const name = prefix + topicName
    if (Buffer.byteLength(name) > longestTopicBytes) {
      this.#pass(qos, packetId, `the topic of the certificate of ${escapeText(topicName, 64)} would be too long`)
      return
    }
    const bytes = encodePacket({ ...certificate, topicName: name, properties: noProperties }, version)
    if (bytes.length <= this.#host.limits.max_packet_size) this.#feed(bytes)
    else this.#pass(qos, packetId, `the certificate of ${escapeText(topicName, 64)} is larger than max_packet_size`)
  }

  /** Nothing is kept of it, and nothing held up by it. */
  #pass(qos: QoS, packetId: number, why: string): void {
    this.#warn(why)
    if (qos > 0) this.#acknowledge(packetId)
  }

  #acknowledge(packetId: number): void {
    this.#send({ type: PacketType.puback, packetId, reasonCode: 0, properties: noProperties })
  }

  #send(packet: Packet): void {
    this.#feed(encodePacket(packet, version))
  }

  #feed(bytes: Buffer): void {
    if (this.#stream?.feed(bytes) === false) this.#isFull = true
  }

  #warn(why: string): void {
    this.#host.log.write('warning', `Warning: mosquitto_sparkplug_aware.so: ${escapeText(why)}.`)
  }
}

const subscribe: Subscribe = {
  type: PacketType.subscribe,
  // None that a message comes with at first.
  packetId: 65_535,
  subscriptions: births.map(topicFilter => ({
    topicFilter,
    qos: 1,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
  })),
  properties: noProperties,
}
