// One connection to the other broker and one to our own, as one: from the CONNECT there to the end of both. Whoever ends it,
// and however, what was not acknowledged stays with the sessions.

import type { Duplex } from 'node:stream'
import { Bursts } from '../base/bursts.ts'
import { AppError, assert } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { Timer } from '../base/timer-wheel.ts'
import { decodePacket, encodePacket } from '../mqtt/codec.ts'
import { ProtocolViolationError } from '../mqtt/errors.ts'
import { Framer } from '../mqtt/framer.ts'
import {
  type Acknowledgement,
  type Connack,
  noProperties,
  type Packet,
  PacketType,
  type ProtocolVersion,
  type Publish,
} from '../mqtt/packet.ts'
import { encodePublish } from '../mqtt/packets/publish.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import { PacketIdSet } from '../session/packet-id-set.ts'
import { describeReason } from './describe-reason.ts'
import { dialFailure } from './dial-failure.ts'
import { BridgeError } from './errors.ts'
import type { BridgeHost } from './host.ts'
import type { BridgeIdentity } from './identity.ts'
import { type LocalEnd, LocalStream } from './local-stream.ts'
import { type Dialect, keepAliveOf, localConnect, remoteConnect, tellsRemote } from './login.ts'
import type { BridgeSettings } from './options.ts'
import { mostAnswers, Relay, type RelayMemory } from './relay.ts'
import { localSubscriptions, RemoteSubscriptions } from './subscriptions.ts'
import { TopicMap } from './topic-map.ts'

/** Milliseconds for the other broker to answer CONNECT and what it is asked to send. */
const answerMs = 20_000
/** Milliseconds that it has to close a connection which was said goodbye to. */
const lingerMs = 2000
/** Times the keep alive, as brokers wait for their clients. */
const patience = 1.5
/** Pings in each stretch of the keep alive. */
const pingsPerKeepAlive = 2
const largestPacket = 268_435_455

/** What stays the same from one connection of a bridge to the next. */
export interface LinkTerms {
  readonly settings: BridgeSettings
  readonly identity: BridgeIdentity
  readonly dialect: Dialect
  readonly memory: RelayMemory
  /** Topic filters that an earlier configuration has asked the other broker for. */
  readonly obsolete: readonly string[]
}

export interface LinkOwner {
  /** Both brokers have let the bridge in. */
  connected(): void
  /** Called once, last. @param refusal the reason code of a CONNACK that says no */
  ended(why: string, refusal?: number): void
}

/** `connecting` → `connected` → `ended`; also `connecting` → `ended`. */
type State = 'connecting' | 'connected' | 'ended'

export class Link implements LocalEnd {
  readonly #host: BridgeHost
  readonly #terms: LinkTerms
  readonly #owner: LinkOwner
  readonly #remote: Duplex
  readonly #version: ProtocolVersion
  readonly #fromRemote: Framer
  readonly #fromLocal = new Framer(largestPacket)
  readonly #topics: TopicMap
  readonly #subscriptions: RemoteSubscriptions
  readonly #drops: Bursts
  readonly #deadline: Timer
  readonly #ping: Timer
  readonly #linger: Timer
  #state: State = 'connecting'
  #local: LocalStream | undefined
  #relay: Relay | undefined
  /** Seconds. */
  #keepAlive: number
  #receivedAt: number
  #messageAt: number
  /** The other broker is not read: this one takes no more at present. */
  #isPaused = false
  #isReading = false
  /** Answers to what the other broker sends and this one was not given, that wait for it to read. */
  #answersWaiting = 0
  #isRemoteNew = false

  /** @param remote connected; the link's from here on */
  constructor(host: BridgeHost, terms: LinkTerms, remote: Duplex, owner: LinkOwner) {
    this.#host = host
    this.#terms = terms
    this.#remote = remote
    this.#owner = owner
    this.#version = terms.dialect.version
    this.#topics = new TopicMap(terms.settings.topic)
    this.#fromRemote = new Framer(host.limits.max_packet_size)
    this.#subscriptions = new RemoteSubscriptions(host, escapeText(terms.settings.name), this.#version)
    this.#keepAlive = keepAliveOf(terms.settings, host.limits)
    this.#receivedAt = host.clock.now()
    this.#messageAt = this.#receivedAt
    this.#drops = new Bursts(host, (direction, more) =>
      host.log.write('notice', `Bridge ${this.#name} has dropped ${more} more messages ${direction} the other broker.`),
    )
    this.#deadline = new Timer(() => this.#end('it does not answer'))
    this.#ping = new Timer(now => this.#keepUp(now))
    this.#linger = new Timer(() => remote.destroy())
  }

  /** Introduces the bridge to the other broker. Called once. */
  start(): void {
    const { settings, identity, dialect } = this.#terms
    const remote = this.#remote
    remote.on('data', (chunk: Buffer) => this.#received(chunk))
    remote.on('drain', () => {
      this.#answersWaiting = 0
      this.#local?.taken()
    })
    remote.on('error', (error: Error) => this.#end(dialFailure(error)))
    remote.on('end', () => this.#end(closedThere))
    remote.on('close', () => {
      this.#host.wheel.clear(this.#linger)
      this.#end(closedThere)
    })
    this.#host.wheel.set(this.#deadline, this.#host.clock.now() + answerMs)
    this.#debug('sending CONNECT')
    this.#toRemote(encodePacket(remoteConnect(settings, identity, dialect, this.#host.limits), this.#version))
  }

  /** Milliseconds on the clock since when no message has come by, in either direction. */
  get idleSince(): number {
    return this.#messageAt
  }

  /**
   * Says goodbye on both sides, and that the bridge is not connected.
   *
   * @param why for the log
   * @returns resolved when the connection to the other broker is closed
   */
  close(why: string): Promise<void> {
    const closed = new Promise<void>(resolve => void this.#remote.once('close', resolve))
    if (this.#state === 'connected') {
      if (tellsRemote(this.#terms.settings)) this.#tellState('0')
      this.#debug('sending DISCONNECT')
      this.#remote.end(encodePacket(disconnect, this.#version))
      // Its end is only heard by whoever reads.
      this.#remote.resume()
      this.#host.wheel.set(this.#linger, this.#host.clock.now() + lingerMs)
    }
    this.#end(why)
    return closed
  }

  fromBroker(bytes: Buffer): boolean {
    if (this.#hasEnded) return true
    this.#fromLocal.push(bytes, true)
    this.#remote.cork()
    this.#guarded(() => {
      while (!this.#hasEnded && this.#fromLocal.next()) this.#takeLocal(this.#decode(this.#fromLocal))
    })
    this.#fromLocal.own()
    this.#remote.uncork()
    return this.#hasEnded || !this.#remote.writableNeedDrain
  }

  get #hasEnded(): boolean {
    return this.#state === 'ended'
  }

  brokerIsReady(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#receivedAt = this.#host.clock.now()
    this.#readOn()
    if (!this.#isPaused && this.#state !== 'ended') this.#remote.resume()
  }

  brokerEnded(): void {
    this.#end('this broker has closed the connection')
  }

  #received(chunk: Buffer): void {
    if (this.#state === 'ended') return
    // A large packet may take longer than the keep alive.
    this.#receivedAt = this.#host.clock.now()
    this.#fromRemote.push(chunk)
    // A chunk may come after `pause`.
    if (!this.#isPaused) this.#readOn()
  }

  #readOn(): void {
    if (this.#isReading) return
    this.#isReading = true
    this.#guarded(() => {
      while (!this.#hasEnded && !this.#isPaused && this.#fromRemote.next()) {
        this.#receivedAt = this.#host.clock.now()
        this.#takeRemote(this.#decode(this.#fromRemote))
      }
    })
    this.#isReading = false
  }

  /** What either side gets wrong ends this link and nothing else. */
  #guarded(act: () => void): void {
    try {
      act()
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      this.#end(escapeText(error.message))
    }
  }

  #decode({ buffer, header, start, end }: Framer): Packet {
    // Who does not know MQTT 5 refuses its CONNECT as 3.1.1 does; in that form nobody accepts it.
    const isOldRefusal =
      this.#version === 5 && header >> 4 === PacketType.connack && end - start === 2 && buffer[start + 1] !== 0
    return decodePacket(buffer, header, start, end, isOldRefusal ? 4 : this.#version)
  }

  #takeRemote(packet: Packet): void {
    const relay = this.#relay
    if (packet.type === PacketType.connack) this.#receiveConnack(packet)
    else if (relay === undefined) throw new ProtocolViolationError('MQTT-3.2.0-1', 'a packet before CONNACK')
    else this.#relayFromRemote(packet, relay)
  }

  #relayFromRemote(packet: Packet, relay: Relay): void {
    switch (packet.type) {
      case PacketType.publish:
        this.#messageAt = this.#receivedAt
        relay.publishFromRemote(packet)
        return
      case PacketType.puback:
      case PacketType.pubrec:
      case PacketType.pubrel:
      case PacketType.pubcomp:
        relay.acknowledgementFromRemote(packet)
        return
      case PacketType.suback:
      case PacketType.unsuback:
        this.#subscriptions.answered(packet)
        if (this.#subscriptions.isSettled && this.#state === 'connected') this.#host.wheel.clear(this.#deadline)
        return
      case PacketType.pingresp:
        return
      case PacketType.disconnect:
        this.#end(`the other broker has said goodbye: ${describeReason(packet.reasonCode)}`)
        return
      default:
        throw new ProtocolViolationError('§2.1.2', 'a packet that only clients send, or that nobody asked for')
    }
  }

  /** Lets the bridge in: from here on the two brokers talk to each other. */
  #receiveConnack({ reasonCode, sessionPresent, properties }: Connack): void {
    if (this.#relay !== undefined) throw new ProtocolViolationError('MQTT-3.2.0-2', 'a second CONNACK')
    if (reasonCode >= ReasonCode.unspecifiedError) {
      this.#end(`the other broker refuses the connection: ${describeReason(reasonCode)}`, reasonCode)
      return
    }
    const { settings, identity } = this.#terms
    this.#host.log.write('debug', `Received CONNACK on connection ${escapeText(identity.localClientId)}.`)
    // MQTT 3.1 does not say whether there was a session.
    const isRemoteNew = this.#version === 3 ? settings.cleansession : !sessionPresent
    this.#isRemoteNew = isRemoteNew
    if (isRemoteNew) {
      this.#terms.memory.released = undefined
      this.#host.forgetReceived(identity.localClientId)
    }
    this.#keepAlive = Math.min(this.#keepAlive, properties.serverKeepAlive || this.#keepAlive)
    this.#relay = this.#relayOn(properties)
    this.#subscribeRemote()
    this.#joinLocal(properties.receiveMaximum ?? 65_535)
  }

  #relayOn(properties: Connack['properties']): Relay {
    const { settings, memory } = this.#terms
    const { bridge_max_packet_size: own, bridge_max_topic_alias: aliases } = settings
    return new Relay(
      {
        version: this.#version,
        topics: this.#topics,
        limits: this.#host.limits,
        keepsRetain: settings.bridge_outgoing_retain && (properties.retainAvailable ?? true),
        maximumPacketSize: Math.min(own || largestPacket, properties.maximumPacketSize ?? largestPacket),
        maximumQoS: properties.maximumQoS ?? 2,
        outgoingAliases: Math.min(aliases, properties.topicAliasMaximum ?? 0),
        incomingAliases: aliases,
        isRemoteNew: this.#isRemoteNew,
        memory,
      },
      {
        toLocal: bytes => this.#toLocal(bytes),
        toRemote: bytes => this.#toRemote(bytes),
        dropped: (direction, packet, why) => this.#noteDropped(direction, packet, why),
      },
    )
  }

  #subscribeRemote(): void {
    const { settings, obsolete, identity } = this.#terms
    const unwanted = settings.bridge_attempt_unsubscribe ? [...this.#topics.notFromRemote, ...obsolete] : []
    for (const bytes of this.#subscriptions.ask(identity.localClientId, this.#topics.remote, unwanted)) {
      this.#toRemote(bytes)
    }
  }

  #joinLocal(receiveMaximum: number): void {
    const { settings, identity } = this.#terms
    const local = new LocalStream(this)
    this.#local = local
    this.#host.accept(local)
    const connect = localConnect(settings, identity, this.#version, this.#host.limits, receiveMaximum)
    this.#toLocal(encodePacket(connect, this.#version))
  }

  #takeLocal(packet: Packet): void {
    const relay = this.#relay
    assert(relay !== undefined, 'the own broker is joined behind the other one')
    switch (packet.type) {
      case PacketType.publish:
        this.#messageAt = this.#host.clock.now()
        relay.publishFromLocal(packet)
        return
      case PacketType.puback:
      case PacketType.pubrec:
      case PacketType.pubrel:
      case PacketType.pubcomp:
        relay.acknowledgementFromLocal(packet as Acknowledgement)
        return
      case PacketType.connack:
        this.#localConnack(packet)
        return
      case PacketType.disconnect:
        this.#end(`this broker has ended the connection: ${describeReason(packet.reasonCode)}`)
        return
      case PacketType.suback:
        this.#noteRefused(packet.reasonCodes)
        return
      default:
    }
  }

  #localConnack({ reasonCode, sessionPresent }: Connack): void {
    if (reasonCode >= ReasonCode.unspecifiedError) {
      this.#end(`this broker refuses the connection: ${describeReason(reasonCode)}`)
      return
    }
    this.#state = 'connected'
    const { settings, identity, memory } = this.#terms
    if (!sessionPresent && !this.#isRemoteNew) memory.released = new PacketIdSet()
    this.#debug(`doing local SUBSCRIBE on ${this.#topics.local.length} topics`)
    for (const bytes of localSubscriptions(this.#host, identity.localClientId, this.#topics.local, this.#version)) {
      this.#toLocal(bytes)
    }
    if (tellsRemote(settings)) this.#tellState('1')
    if (this.#subscriptions.isSettled) this.#host.wheel.clear(this.#deadline)
    this.#host.wheel.set(this.#ping, this.#host.clock.now() + this.#pingMs)
    this.#owner.connected()
  }

  #noteRefused(reasonCodes: readonly number[]): void {
    this.#topics.local.forEach(({ topicFilter }, index) => {
      if ((reasonCodes[index] ?? 0) < ReasonCode.unspecifiedError) return
      const { log } = this.#host
      log.write('warning', `Warning: Bridge ${this.#name} may not subscribe to ${escapeText(topicFilter)} here.`)
    })
  }

  #noteDropped(direction: 'to' | 'from', { topicName, payload }: Publish, why: string): void {
    if (!this.#drops.begins(direction)) return
    const { log } = this.#host
    const what = `'${escapeText(topicName)}' (${payload.length} bytes)`
    log.write('notice', `Bridge ${this.#name} drops a message ${direction} the other broker on ${what}: ${why}.`)
  }

  #tellState(state: '0' | '1'): void {
    const { stateTopic } = this.#terms.identity
    this.#toRemote(encodePublish(stateTopic, Buffer.from(state), 0, true, false, 0, noProperties, this.#version))
  }

  #toRemote(bytes: Buffer): void {
    if (this.#remote.destroyed || this.#remote.write(bytes) || !this.#isReading) return
    // What comes of this broker is held back by its own means; these answers are by nobody.
    this.#answersWaiting++
    if (this.#answersWaiting > mostAnswers) throw new BridgeError('it sends on, and takes no answers')
  }

  #toLocal(bytes: Buffer): void {
    if (this.#local?.feed(bytes) !== false || this.#isPaused) return
    this.#isPaused = true
    this.#remote.pause()
  }

  get #pingMs(): number {
    return (this.#keepAlive * 1000) / pingsPerKeepAlive
  }

  /** The other broker is not silent while it is us who do not listen. */
  #keepUp(now: number): void {
    if (this.#isPaused) this.#receivedAt = now
    if (now >= this.#receivedAt + this.#keepAlive * 1000 * patience) {
      this.#end('the other broker has been silent for too long')
      return
    }
    this.#toRemote(pingreq)
    this.#toLocal(pingreq)
    this.#host.wheel.set(this.#ping, now + this.#pingMs)
  }

  get #name(): string {
    return escapeText(this.#terms.settings.name)
  }

  #debug(what: string): void {
    this.#host.log.write('debug', `Bridge ${this.#name} ${what}`)
  }

  #end(why: string, refusal?: number): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#host.wheel.clear(this.#deadline)
    this.#host.wheel.clear(this.#ping)
    this.#drops.close()
    this.#local?.feed(encodePacket(disconnect, this.#version))
    this.#local?.hangUp()
    if (!this.#remote.writableEnded) this.#remote.destroy()
    this.#owner.ended(why, refusal)
  }
}

const closedThere = 'the other broker has closed the connection'
const pingreq = encodePacket({ type: PacketType.pingreq }, 5)
const disconnect = {
  type: PacketType.disconnect,
  reasonCode: ReasonCode.success,
  properties: noProperties,
} as const
