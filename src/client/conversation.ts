// What a client and a broker say to each other on one connection after another: the client's side of MQTT 3.1, 3.1.1 and 5.0,
// over any byte stream. It decides nothing: the program that uses it is called for everything that arrives.

import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { decodePacket, encodePacket } from '../mqtt/codec.ts'
import { ProtocolError, ProtocolViolationError } from '../mqtt/errors.ts'
import { Framer } from '../mqtt/framer.ts'
import {
  type Acknowledgement,
  type Connack,
  type Connect,
  noProperties,
  type Packet,
  PacketType,
  type Properties,
  type ProtocolVersion,
  type Publish,
  type QoS,
  type SubscriptionRequest,
} from '../mqtt/packet.ts'
import { pingreq } from '../mqtt/packets/ping.ts'
import { connackReturnCode, ReasonCode } from '../mqtt/reason-code.ts'
import { BrokerFaultError, ConnectionLostError, PublishError } from './errors.ts'
import { InFlight, type OnTheWay } from './in-flight.ts'

export interface ConversationEvents {
  /** What goes over the wire, in the words of Mosquitto's `-d`; nothing is put into words where nobody listens. */
  readonly trace?: ((line: string) => void) | undefined
  /** @param code of the CONNACK, as this version of MQTT has it: 0 when the broker lets us in */
  connected(code: number): void
  message?(message: Publish): void
  /** A message has left, or was lost with the connection (QoS 0), or the broker has answered for good. */
  published?(packetId: number, reasonCode: number, properties: Properties): void
  subscribed?(packetId: number, reasonCodes: readonly number[]): void
}

/** How a connection ended that nothing went wrong with: by us, by a CONNACK that said no, or by the broker's DISCONNECT. */
export type Ending = 'left' | 'refused' | 'dismissed'

/** Bytes of one packet: what a remaining length can say. */
const largestPacket = 268_435_460
const firstFailure = 0x80
const packetIds = 0xffff
/** Messages that wait before whoever reads them from a file is asked to wait, too. */
const mostWaiting = 1000
/** Bytes of messages at QoS 2 that wait for their PUBREL: the largest there can be, and many that are not. */
const mostReceivedBytes = largestPacket
/** Half the keep-alive each. */
const looksForAnswer = 3

/** What the broker's CONNACK says of itself (§3.2.2.3). */
const unlimited = { maximumQoS: 2, retainAvailable: true, maximumPacketSize: largestPacket } as const

/** A message at QoS 2, and how long its packet was. */
interface Received {
  readonly publish: Publish
  readonly bytes: number
}

export class Conversation {
  readonly #connect: Connect
  readonly #events: ConversationEvents
  readonly #version: ProtocolVersion
  readonly #inFlight: InFlight
  /** QoS 2 from the broker, until its PUBREL. */
  readonly #received = new Map<number, Received>()
  #receivedBytes = 0
  #limits: { maximumQoS: number; retainAvailable: boolean; maximumPacketSize: number } = unlimited
  #framer = new Framer(largestPacket)
  #stream: Duplex | undefined
  #aliases = new Map<number, string>()
  #state: 'closed' | 'connecting' | 'open' | Ending = 'closed'
  #failure: unknown
  /** In what `trace` tells. */
  #name: string
  #lastPacketId = 0
  #hasSent = false
  #pingSent = false
  #wake: (() => void)[] = []

  /** @param sendMaximum messages of QoS 1 and 2 on the way at a time */
  constructor(connect: Connect, sendMaximum: number, events: ConversationEvents) {
    this.#connect = connect
    this.#version = connect.protocolVersion
    this.#name = connect.clientId || '(null)'
    this.#inFlight = new InFlight(sendMaximum)
    this.#events = events
  }

  /** Whether packets can be sent. */
  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Whether more is waiting to be sent than is good; `moved` tells when to ask again. */
  get isBehind(): boolean {
    return this.#inFlight.waiting >= mostWaiting || this.#stream?.writableNeedDrain === true
  }

  /** The next time that something was answered or taken, or that the connection changed. */
  moved(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake.push(resolve)
    return promise
  }

  /**
   * Says CONNECT, and goes on until the connection ends. May be called again with another stream: what was not answered is
   * sent once more then.
   *
   * @throws ConnectionLostError
   * @throws BrokerFaultError for what is not MQTT
   * @throws whatever the events throw
   */
  async converse(stream: Duplex): Promise<Ending> {
    this.#begin(stream)
    const over = new AbortController()
    stream.on('data', (chunk: Buffer) => this.#take(chunk))
    stream.on('drain', () => {
      stream.resume()
      this.#wakeAll()
    })
    stream.on('end', () => stream.destroy())
    stream.on('error', cause => this.#fail(new ConnectionLostError(lostText, { cause })))
    const closed = new Promise<void>(resolve => stream.once('close', resolve))
    this.#say('sending CONNECT')
    this.#send(this.#connect)
    void this.#keepAlive(this.#connect.keepAlive, over.signal)
    await closed
    over.abort()
    const state = this.#state
    this.#stream = undefined
    this.#state = 'closed'
    this.#wakeAll()
    if (state === 'left' || state === 'refused' || state === 'dismissed') return state
    throw this.#failure ?? new ConnectionLostError(lostText)
  }

  #begin(stream: Duplex): void {
    this.#stream = stream
    this.#state = 'connecting'
    this.#failure = undefined
    this.#framer = new Framer(largestPacket)
    this.#aliases = new Map()
    this.#limits = unlimited
    this.#pingSent = false
  }

  /**
   * @param topicName empty for the alias that an earlier message has given
   * @returns the number by which `published` will tell of it
   * @throws PublishError
   */
  publish(topicName: string, payload: Uint8Array, qos: QoS, retain: boolean, properties: Properties): number {
    if (qos > this.#limits.maximumQoS)
      throw new PublishError('qos', 'Error: Message QoS not supported on broker, try a lower QoS.')
    const packetId = this.#nextPacketId()
    const keeps = retain && this.#limits.retainAvailable
    const publish: Publish = {
      type: PacketType.publish,
      dup: false,
      qos,
      retain: keeps,
      topicName,
      packetId,
      payload,
      properties,
    }
    if (qos === 0) {
      if (this.#state !== 'open')
        throw new PublishError('closed', 'Error: Client not connected when trying to publish.')
      this.#sendPublish(publish, () => this.#published(packetId, ReasonCode.success, noProperties))
    } else {
      this.#inFlight.enqueue(publish)
      this.#sendWaiting()
    }
    return packetId
  }

  subscribe(subscriptions: readonly SubscriptionRequest[], properties: Properties): number {
    const packetId = this.#nextPacketId()
    for (const each of subscriptions)
      this.#say(
        `sending SUBSCRIBE (Mid: ${packetId}, Topic: ${each.topicFilter}, QoS: ${each.qos}, Options: 0x${this.#optionsOf(each)})`,
      )
    this.#send({ type: PacketType.subscribe, packetId, subscriptions, properties })
    return packetId
  }

  unsubscribe(topicFilter: string, properties: Properties): number {
    const packetId = this.#nextPacketId()
    this.#say(`sending UNSUBSCRIBE (Mid: ${packetId}, Topic: ${topicFilter})`)
    this.#send({ type: PacketType.unsubscribe, packetId, topicFilters: [topicFilter], properties })
    return packetId
  }

  /** Says DISCONNECT and closes; nothing that arrives afterwards is looked at. */
  disconnect(reasonCode: number, properties: Properties): void {
    if (this.#state !== 'open' && this.#state !== 'connecting') return
    this.#say('sending DISCONNECT')
    this.#send({ type: PacketType.disconnect, reasonCode, properties })
    this.#leave('left')
  }

  #leave(ending: Ending): void {
    this.#state = ending
    const stream = this.#stream
    stream?.end(() => stream.destroy())
  }

  #fail(cause: unknown): void {
    this.#failure ??= cause
    this.#stream?.destroy()
  }

  #take(chunk: Buffer): void {
    try {
      this.#framer.push(chunk)
      while (this.#isListening() && this.#framer.next()) {
        const { buffer, header, start, end } = this.#framer
        this.#handle(decodePacket(buffer, header, start, end, this.#version), end - start)
      }
    } catch (error) {
      this.#fail(error instanceof ProtocolError ? new BrokerFaultError(error) : error)
    }
  }

  #isListening(): boolean {
    return this.#state === 'connecting' || this.#state === 'open'
  }

  /** @param bytes of the packet, its fixed header left out */
  #handle(packet: Packet, bytes: number): void {
    if ((this.#state === 'connecting') !== (packet.type === PacketType.connack)) {
      throw new ProtocolViolationError('MQTT-3.2.0-1', `the broker sent a packet of type ${packet.type} out of turn`)
    }
    switch (packet.type) {
      case PacketType.connack:
        this.#connected(packet)
        break
      case PacketType.publish:
        this.#receive(packet, bytes)
        break
      case PacketType.puback:
      case PacketType.pubcomp:
        this.#answered(packet)
        break
      case PacketType.pubrec:
        this.#receivedByBroker(packet)
        break
      case PacketType.pubrel:
        this.#complete(packet)
        break
      case PacketType.suback:
        this.#say('received SUBACK')
        this.#events.subscribed?.(packet.packetId, packet.reasonCodes)
        break
      case PacketType.unsuback:
        this.#say('received UNSUBACK')
        break
      case PacketType.pingresp:
        this.#pingSent = false
        this.#say('received PINGRESP')
        break
      case PacketType.disconnect:
        this.#events.trace?.(`Received DISCONNECT (${packet.reasonCode})`)
        this.#leave('dismissed')
        break
      default:
        throw new ProtocolViolationError('§2.1.2', `the broker sent a packet of type ${packet.type}`)
    }
  }

  #connected({ reasonCode, sessionPresent, properties }: Connack): void {
    this.#name = properties.assignedClientIdentifier ?? this.#name
    const code = this.#version === 5 ? reasonCode : connackReturnCode(reasonCode)
    this.#say(`received CONNACK (${code})`)
    if (code !== 0) {
      this.#events.connected(code)
      if (this.#isListening()) this.#leave('refused')
      return
    }
    this.#state = 'open'
    const { maximumQoS = 2, retainAvailable = true, maximumPacketSize = largestPacket } = properties
    this.#limits = { maximumQoS, retainAvailable, maximumPacketSize }
    this.#inFlight.limitTo(properties.receiveMaximum ?? packetIds)
    if (!sessionPresent) {
      this.#received.clear()
      this.#receivedBytes = 0
    }
    const unanswered = this.#inFlight.unanswered()
    this.#events.connected(code)
    this.#resend(unanswered)
    this.#wakeAll()
  }

  /** [MQTT-4.4.0-1]; where the broker has forgotten the session, as new messages. */
  #resend(unanswered: readonly OnTheWay[]): void {
    for (const { publish, isReleased } of unanswered) {
      if (!this.#isListening()) return
      if (isReleased) this.#sendRelease(publish.packetId)
      else this.#sendPublish({ ...publish, dup: true })
    }
    this.#sendWaiting()
  }

  #receive(packet: Publish, bytes: number): void {
    const publish = this.#withTopic(packet)
    this.#say(`received PUBLISH ${publishText(publish)}`)
    if (publish.qos === 2) {
      this.#keep({ publish: { ...publish, payload: Buffer.from(publish.payload) }, bytes })
      this.#acknowledge(PacketType.pubrec, publish.packetId, ', rc0')
      return
    }
    if (publish.qos === 1) this.#acknowledge(PacketType.puback, publish.packetId, ', rc0')
    this.#events.message?.(publish)
  }

  /** Until its PUBREL; one that was there before has come again [MQTT-4.3.3-10]. */
  #keep(received: Received): void {
    const { packetId } = received.publish
    this.#receivedBytes += received.bytes - (this.#received.get(packetId)?.bytes ?? 0)
    this.#received.set(packetId, received)
    if (this.#receivedBytes <= mostReceivedBytes) return
    throw new ProtocolViolationError('§4.3.3', 'the broker sends on, and no PUBREL', ReasonCode.quotaExceeded)
  }

  /** A topic alias (§3.3.2.3.4): as many as we have allowed in CONNECT. */
  #withTopic(publish: Publish): Publish {
    const alias = publish.properties.topicAlias
    if (alias === undefined) return publish
    const topicName = publish.topicName === '' ? this.#aliases.get(alias) : publish.topicName
    if (topicName === undefined || alias > (this.#connect.properties.topicAliasMaximum ?? 0)) {
      throw new ProtocolViolationError(
        'MQTT-3.3.2-10',
        `the broker uses topic alias ${alias}`,
        ReasonCode.topicAliasInvalid,
      )
    }
    this.#aliases.set(alias, topicName)
    return { ...publish, topicName }
  }

  #complete({ packetId }: Acknowledgement): void {
    this.#say(`received PUBREL (Mid: ${packetId})`)
    const received = this.#received.get(packetId)
    this.#received.delete(packetId)
    this.#acknowledge(PacketType.pubcomp, packetId, '')
    if (received === undefined) return
    this.#receivedBytes -= received.bytes
    this.#events.message?.(received.publish)
  }

  #acknowledge(type: keyof typeof acknowledgementNames, packetId: number, code: string): void {
    this.#say(`sending ${acknowledgementNames[type]} (m${packetId}${code})`)
    this.#send({ type, packetId, reasonCode: ReasonCode.success, properties: noProperties })
    // Who takes no answers sends no more: they would wait here without bound.
    if (this.#stream?.writableNeedDrain === true) this.#stream.pause()
  }

  #answered({ type, packetId, reasonCode, properties }: Acknowledgement): void {
    const name = type === PacketType.puback ? 'PUBACK' : 'PUBCOMP'
    this.#say(`received ${name} (Mid: ${packetId}, RC:${reasonCode})`)
    this.#ended(packetId, reasonCode, properties)
  }

  #receivedByBroker({ packetId, reasonCode, properties }: Acknowledgement): void {
    this.#say(`received PUBREC (Mid: ${packetId})`)
    if (reasonCode >= firstFailure) this.#ended(packetId, reasonCode, properties)
    else if (this.#inFlight.release(packetId)) this.#sendRelease(packetId)
  }

  #ended(packetId: number, reasonCode: number, properties: Properties): void {
    if (!this.#inFlight.end(packetId)) return
    this.#published(packetId, reasonCode, properties)
    this.#sendWaiting()
  }

  #published(packetId: number, reasonCode: number, properties: Properties): void {
    this.#events.published?.(packetId, reasonCode, properties)
    this.#wakeAll()
  }

  #sendRelease(packetId: number): void {
    this.#say(`sending PUBREL (m${packetId})`)
    this.#send({ type: PacketType.pubrel, packetId, reasonCode: ReasonCode.success, properties: noProperties })
  }

  #sendWaiting(): void {
    if (this.#state !== 'open') return
    for (const publish of this.#inFlight.takeSendable()) this.#sendPublish(publish)
  }

  #sendPublish(publish: Publish, sent?: () => void): void {
    const bytes = encodePacket(publish, this.#version)
    if (bytes.length > this.#limits.maximumPacketSize) {
      this.#inFlight.end(publish.packetId)
      throw new PublishError('size', 'Error: Message payload is too large.')
    }
    this.#say(`sending PUBLISH ${publishText(publish)}`)
    this.#write(bytes, sent)
  }

  #send(packet: Packet): void {
    this.#write(encodePacket(packet, this.#version))
  }

  #write(bytes: Buffer, written?: () => void): void {
    this.#hasSent = true
    if (written === undefined) this.#stream?.write(bytes)
    else this.#stream?.write(bytes, written)
  }

  /** Two looks in an interval: the broker's patience is one and a half [MQTT-3.1.2-22], and so is ours with its answer. */
  async #keepAlive(seconds: number, signal: AbortSignal): Promise<void> {
    if (seconds === 0) return
    for (let unanswered = 0; unanswered < looksForAnswer; ) {
      try {
        await delay((seconds * 1000) / 2, undefined, { signal })
      } catch {
        return
      }
      unanswered = this.#pingSent || this.#state === 'connecting' ? unanswered + 1 : 0
      if (!this.#hasSent && this.#state === 'open' && !this.#pingSent) this.#ping()
      this.#hasSent = false
    }
    this.#fail(new ConnectionLostError('Error: The broker does not answer.'))
  }

  #ping(): void {
    this.#say('sending PINGREQ')
    this.#send(pingreq)
    this.#pingSent = true
  }

  #nextPacketId(): number {
    do this.#lastPacketId = this.#lastPacketId === packetIds ? 1 : this.#lastPacketId + 1
    while (this.#inFlight.isUsed(this.#lastPacketId))
    return this.#lastPacketId
  }

  #say(what: string): void {
    this.#events.trace?.(`Client ${this.#name} ${what}`)
  }

  #optionsOf({ noLocal, retainAsPublished, retainHandling }: SubscriptionRequest): string {
    const options = this.#version < 5 ? 0 : (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0) | (retainHandling << 4)
    return options.toString(16).padStart(2, '0')
  }

  #wakeAll(): void {
    const waiting = this.#wake
    this.#wake = []
    for (const wake of waiting) wake()
  }
}

const lostText = 'Error: The connection was lost.'

const acknowledgementNames = {
  [PacketType.puback]: 'PUBACK',
  [PacketType.pubrec]: 'PUBREC',
  [PacketType.pubcomp]: 'PUBCOMP',
} as const

function publishText({ dup, qos, retain, packetId, topicName, payload }: Publish): string {
  const flags = `d${Number(dup)}, q${qos}, r${Number(retain)}, m${packetId}`
  // Under an alias that is known no topic is sent.
  return `(${flags}, '${topicName || '(null)'}', ... (${payload.length} bytes))`
}
