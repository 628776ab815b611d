// One client's connection, one idea: its state, the switch on packet types, and what is sent to it. The steps themselves are in
// connect.ts, publish.ts and subscribe.ts.

import type { Principal } from '../auth/principal.ts'
import { assert, never } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { Timer } from '../base/timer-wheel.ts'
import { encodePacket } from '../mqtt/codec.ts'
import { ProtocolError, ProtocolViolationError } from '../mqtt/errors.ts'
import {
  type Acknowledgement,
  type Connect,
  type Disconnect,
  noProperties,
  type Packet,
  PacketType,
  type Properties,
  type ProtocolVersion,
  type Publish,
} from '../mqtt/packet.ts'
import {
  isAcknowledgement,
  shortAcknowledgementSize,
  writeShortAcknowledgement,
} from '../mqtt/packets/acknowledgement.ts'
import { isPlainPublish, type PublishRun } from '../mqtt/publish-run.ts'
import { connackReturnCode, ReasonCode } from '../mqtt/reason-code.ts'
import { TopicCache } from '../mqtt/topic-cache.ts'
import type { ConnectionHandler, Peer, TransportEnd } from '../net/connection-handler.ts'
import type { Delivery, Outlet } from '../session/outbound.ts'
import type { Conversation, Session } from '../session/session.ts'
import type { Subscription } from '../session/subscription.ts'
import type { Transport } from '../session/transport.ts'
import { receiveAcknowledgement, receiveShortAcknowledgements } from './acknowledgements.ts'
import type { Agreement } from './agreement.ts'
import { noteEnded } from './audit-notes.ts'
import type { Broker } from './broker.ts'
import { type CertificateWatch, watchCertificate } from './certificate-watch.ts'
import { beginConnect, type ConnectAttempt } from './connect.ts'
import { CurrentAccess } from './current-access.ts'
import { type PendingExchange, receiveAuth } from './enhanced-authentication.ts'
import { Hold } from './flow-control.ts'
import type { ListenerContext } from './listener-context.ts'
import { Pace } from './pace.ts'
import type { PauseReason } from './pause-reason.ts'
import { type ProofWatch, watchProof } from './proof-watch.ts'
import { receivePublish } from './publish.ts'
import { receivePublishRun } from './publish-run.ts'
import { PublisherTopic } from './publisher-topic.ts'
import { endingText } from './reason-code.ts'
import { type RefusedAction, RefusedTopics } from './refused-topics.ts'
import type { RetainedBacklog } from './retained-backlog.ts'
import type { Route } from './route.ts'
import { receiveSubscribe, receiveUnsubscribe } from './subscribe.ts'
import {
  logDisconnected,
  traceReceived,
  traceSending,
  traceSendingAcknowledgement,
  traceSendingPublish,
} from './trace.ts'

/**
 * `awaiting-connect` → `connecting` (its CONNECT is being judged, perhaps over several AUTH rounds) → `connected` →
 * `ended`. Any state may end; no other move exists.
 */
export type ConnectionState = 'awaiting-connect' | 'connecting' | 'connected' | 'ended'

/** Bytes up to which a single subscriber is served without a buffer of its own. */
const worthNoBuffer = 4096

export class ClientConnection implements ConnectionHandler, Conversation, Outlet {
  readonly broker: Broker
  readonly peer: Peer
  readonly transport: Transport
  readonly listener: ListenerContext
  protocolVersion: ProtocolVersion = 4
  state: ConnectionState = 'awaiting-connect'
  /** While `connecting`. */
  attempt: ConnectAttempt | undefined
  /** An enhanced authentication under way: before CONNACK, or again later. */
  exchange: PendingExchange | undefined
  /** Made with the first subscription that has retained messages to look for. */
  retainedBacklog: RetainedBacklog | undefined = undefined
  readonly topicCache: TopicCache<Route>
  readonly publisherTopic: PublisherTopic
  #agreement: Agreement | undefined
  /** Bytes, as the client said in CONNECT. */
  #maximumPacketSize = Number.POSITIVE_INFINITY
  readonly #timer: Timer
  #lastPacketAt: number
  /** Something could not be sent for want of room, see `writable`. */
  #awaitsRoom = false
  /** `Journal.changes` when the last packet came. */
  #recordMark = 0
  #cause: string | undefined
  /** Made when a PUBLISH first has to wait. */
  #hold: Hold | undefined = undefined
  /** The sum of the `PauseReason`s that hold now. */
  #pauses = 0
  /** Made when a rate is first asked about. */
  #pace: Pace | undefined = undefined
  /** Made when its certificate will come to its end. */
  #certificateWatch: CertificateWatch | undefined = undefined
  /** Made when what its user has shown will come to its end. */
  #proofWatch: ProofWatch | undefined = undefined
  /** Made when a topic is first refused to it, where there is an audit. */
  #refusedTopics: RefusedTopics | undefined = undefined
  /** Whether its messages are counted against a rate, one by one. */
  #isPaced = false

  constructor(broker: Broker, peer: Peer, transport: Transport, listener: ListenerContext) {
    this.broker = broker
    this.peer = peer
    this.transport = transport
    this.listener = listener
    this.topicCache = new TopicCache(broker.topics)
    this.publisherTopic = new PublisherTopic(broker.router)
    this.#timer = new Timer(now => this.#timeOut(now))
    this.#lastPacketAt = broker.clock.now()
    broker.wheel.set(this.#timer, this.#lastPacketAt + broker.settings.connect_timeout * 1000)
    broker.connections.add(this)
  }

  /** Only while `connected`. */
  get session(): Session {
    return this.agreement.session
  }

  /** Only while `connected`. */
  get agreement(): Agreement {
    assert(this.#agreement !== undefined, 'a connected client has an agreement')
    return this.#agreement
  }

  /** What strangers send is not remembered for anybody. */
  get topics(): TopicCache<Route> | undefined {
    return this.state === 'connected' ? this.topicCache : undefined
  }

  get writable(): boolean {
    const isWritable = this.transport.queuedBytes < this.broker.settings.max_buffered_bytes
    if (!isWritable) this.#awaitsRoom = true
    return isWritable
  }

  /** The client id, or nothing before it is known; for logs. */
  get label(): string {
    return escapeText(this.clientId ?? '<unknown>')
  }

  /** undefined before CONNECT. */
  get clientId(): string | undefined {
    return this.#agreement?.session.clientId ?? this.attempt?.clientId
  }

  /** Client and address, for lines about limits. */
  get who(): string {
    return `client ${this.label} [${this.address}]`
  }

  get address(): string {
    return `${this.peer.address}:${this.peer.port}`
  }

  receive(packet: Packet, now: number): boolean {
    this.#lastPacketAt = now
    this.markRecord()
    try {
      if (this.state === 'connected' && packet.type === PacketType.publish) return this.#receivePublish(packet, now)
      this.broker.counters.packetsReceived++
      if (this.state === 'connected') this.#dispatch(packet as Exclude<Packet, Publish>, now)
      else if (this.state !== 'ended') this.#receiveEarly(packet)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.fail(error)
    }
    return true
  }

  receiveBytes(buffer: Buffer, start: number, maximumPacketSize: number, now: number, isLent: boolean): number {
    if (this.state !== 'connected') return start
    this.#lastPacketAt = now
    this.markRecord()
    const header = buffer[start] as number
    if (isPlainPublish(header)) {
      if (this.#isPaced || this.broker.shortage > 0) return start
      return receivePublishRun(this.broker, this, buffer, start, maximumPacketSize, now, isLent)
    }
    if (isAcknowledgement(header)) return receiveShortAcknowledgements(this, buffer, start, now)
    return start
  }

  /** @returns false when the message has to wait for its subscribers; until then nothing is heard of the client */
  #receivePublish(packet: Publish, now: number): boolean {
    const mayWait = this.#hold === undefined || !this.#hold.hasLasted(now)
    const target = receivePublish(this.broker, this, packet, mayWait, now)
    if (target !== undefined) {
      this.#hold ??= new Hold(this)
      this.#hold.begin(target, now)
      return false
    }
    this.#hold?.end()
    const { counters } = this.broker
    counters.packetsReceived++
    counters.publishReceived++
    counters.publishBytesReceived += packet.payload.length
    if (this.#isPaced || this.broker.shortage > 0) {
      this.pace.published(packet.topicName.length + packet.payload.length, now)
    }
    return true
  }

  /** Only while `connected`. */
  get pace(): Pace {
    this.#pace ??= new Pace(this)
    return this.#pace
  }

  get isHeld(): boolean {
    return this.#hold?.isWaiting === true
  }

  /** Nothing more is heard of the client until every reason for it is gone. */
  pause(reason: PauseReason): void {
    this.#pauses |= reason
    this.transport.pause()
  }

  /** A reason is gone; without another one the client is read again, and its silence begins when it can be heard. */
  resume(reason: PauseReason): void {
    if ((this.#pauses & reason) === 0) return
    this.#pauses &= ~reason
    if (this.#pauses !== 0 || this.state === 'ended') return
    this.#lastPacketAt = this.broker.clock.now()
    this.transport.resume()
  }

  fail(error: ProtocolError): void {
    if (this.state === 'ended') return
    this.broker.log.write('debug', `Client ${this.label} [${this.address}]: ${error.message} (${error.clause})`)
    const limit = error.reasonCode === ReasonCode.packetTooLarge ? 'max_packet_size' : error.clause
    if (limit.startsWith('max_')) this.broker.counters.limitsReached.add(limit)
    // A version that we do not know cannot be answered in its own words: return code 1 of 3.1.1 is what all understand.
    if (this.state === 'awaiting-connect' && error.reasonCode === ReasonCode.unsupportedProtocolVersion) {
      this.sendConnack(false, error.reasonCode, noProperties)
    }
    this.end(error.reasonCode, error.message)
  }

  drained(): void {
    // After every write: what has nothing to do must not look for it.
    const isFinding = this.retainedBacklog !== undefined && !this.retainedBacklog.isEmpty
    if ((!this.#awaitsRoom && !isFinding) || this.state !== 'connected') return
    this.#awaitsRoom = false
    const now = this.broker.clock.now()
    this.session.outbound.pump(now)
    this.retainedBacklog?.pump(now)
  }

  takeTurn(now: number): void {
    if (this.state === 'connected') this.retainedBacklog?.takeTurn(now)
  }

  ended(end: TransportEnd): void {
    if (end.kind === 'limit') this.broker.counters.limitsReached.add(end.limit)
    if (end.kind === 'closed-by-peer') this.#cause ??= 'connection closed by client'
    else if (end.kind === 'limit') this.#cause ??= `exceeded timeout (${end.limit})`
    else this.#cause ??= `bad socket read/write: ${end.message}`
    this.#finish()
    this.broker.connections.delete(this)
  }

  /**
   * The client is in: from here on packets go to the session. Called by the last steps of connect.ts, once.
   *
   * @throws AssertionError when the connection is not `connecting`
   */
  become(agreement: Agreement): void {
    assert(this.state === 'connecting', 'only a connection whose CONNECT was accepted becomes connected')
    this.state = 'connected'
    this.attempt = undefined
    this.#agreement = agreement
    this.#notePaced()
    agreement.session.connection = this
    // A session that was resumed may receive what its new connection may.
    this.broker.router.outdateFor(agreement.session)
    this.transport.established(agreement.maximumPacketSize)
    // Judging a CONNECT may have taken long; the client can only begin to keep the connection alive now.
    this.#lastPacketAt = this.broker.clock.now()
    this.#armKeepAlive(this.#lastPacketAt)
    this.#certificateWatch = watchCertificate(this)
    this.#proofWatch = watchProof(this)
  }

  limitsChanged(): void {
    const { agreement } = this
    agreement.rates = this.broker.ratesOf(agreement.listenerRates, agreement.session)
    this.#notePaced()
  }

  #notePaced(): void {
    const { rates } = this.agreement
    this.#isPaced = rates.max_publish_rate > 0 || rates.max_publish_byte_rate > 0
  }

  /** Time for which the broker holds a CONNECT back does not count against its client. */
  postponeTimeOut(milliseconds: number): void {
    this.broker.wheel.set(this.#timer, this.#timer.at + milliseconds)
  }

  end(reasonCode: number, text?: string): void {
    if (this.state === 'ended') return
    this.#cause ??= endingText(reasonCode)
    if (this.state === 'connected') {
      if (reasonCode === ReasonCode.administrativeAction) noteEnded(this, 'disconnect', reasonCode, text)
      if (this.protocolVersion === 5) {
        this.#sendDisconnect(reasonCode, this.agreement.wantsProblemInformation ? text : undefined)
      }
    }
    this.transport.close()
    this.#finish()
  }

  forget(subscription: Subscription): void {
    this.retainedBacklog?.drop(subscription)
  }

  /** As `end`, for whom nothing more may reach but the reason, and that only when nothing is before it on the way. */
  expel(reasonCode: number, text: string): void {
    if (this.state === 'ended') return
    if (this.state === 'connected') {
      noteEnded(this, reasonCode === ReasonCode.notAuthorized ? 'revocation' : 'disconnect', reasonCode, text)
    }
    if (this.transport.queuedBytes === 0) {
      if (this.state === 'connecting') this.sendConnack(false, reasonCode, noProperties)
      this.end(reasonCode, text)
      return
    }
    this.#cause ??= endingText(reasonCode)
    this.transport.destroy()
    this.#finish()
  }

  /** The text goes along only where it fits [MQTT-3.14.2-3]. */
  #sendDisconnect(reasonCode: number, text: string | undefined): void {
    const properties = text === undefined ? noProperties : { reasonString: escapeText(text) }
    const packet = { type: PacketType.disconnect, reasonCode, properties }
    const fits = encodePacket(packet, 5).length <= this.#maximumPacketSize
    this.send(fits ? packet : { ...packet, properties: noProperties })
  }

  /** Ends a connection whose CONNECT was refused, after whatever answer it got. */
  refuse(cause: string): void {
    if (this.state === 'ended') return
    this.#cause ??= cause
    this.transport.close()
    this.#finish()
  }

  /** A later proof by the same owner replaces the earlier one (re-authentication, §4.12.1). */
  prove(principal: Principal): void {
    this.session.principal = principal
    this.session.access = new CurrentAccess(this.listener, principal, this.session.clientId)
    this.broker.router.outdateFor(this.session)
    this.publisherTopic.forget()
    this.broker.registry.recordConnected(this.session)
    this.#proofWatch?.end()
    this.#proofWatch = watchProof(this)
  }

  /** From here on an answer promises what is recorded from here on. */
  markRecord(): void {
    const { journal } = this.broker
    if (journal !== undefined) this.#recordMark = journal.changes
  }

  /** For whoever deals with a packet in place of `receive`: the client was heard. */
  heard(now: number): void {
    this.#lastPacketAt = now
    this.markRecord()
  }

  /** Answers wait for what was recorded since the packet came that they answer. */
  #awaitOwnRecord(mayRepeat: boolean): void {
    const { journal } = this.broker
    if (journal === undefined) return
    // What an answer to a session that survives repeats may be recorded and not safe yet. PUBACK repeats none: a message of
    // QoS 1 that comes again is another one.
    const isRecorded = mayRepeat && this.#agreement?.session.record !== undefined
    if (isRecorded || journal.changes !== this.#recordMark) journal.hold(this.transport)
  }

  awaitRecord(): void {
    this.broker.journal?.hold(this.transport)
  }

  /** Nothing larger than the client accepts is ever sent [MQTT-3.1.2-24]; a client that takes no answer is let go. */
  send(packet: Packet): void {
    const bytes = encodePacket(packet, this.protocolVersion)
    if (bytes.length > this.#maximumPacketSize) {
      this.refuse(`its maximum packet size is below the ${bytes.length} bytes of an answer`)
      return
    }
    this.broker.counters.packetsSent++
    if (promises(packet)) this.#awaitOwnRecord(packet.type !== PacketType.puback)
    this.transport.send(bytes)
  }

  /** PUBACK, PUBREC or PUBCOMP; older versions cannot say that something failed, so their flow is completed. */
  acknowledge(type: Acknowledgement['type'], packetId: number, reasonCode: number): void {
    traceSendingAcknowledgement(this, type, packetId, reasonCode)
    if (reasonCode !== ReasonCode.success && this.protocolVersion === 5) {
      this.send({ type, packetId, reasonCode, properties: noProperties })
      return
    }
    // No client refuses four bytes: its CONNACK was longer.
    this.broker.counters.packetsSent++
    this.#awaitOwnRecord(type !== PacketType.puback)
    const start = this.transport.reserve(shortAcknowledgementSize)
    writeShortAcknowledgement(this.transport.room, start, type, packetId)
  }

  sendPublish(delivery: Delivery, packetId: number, dup: boolean, now: number): boolean {
    if (!this.agreement.encoder.send(this.transport, delivery, packetId, dup, now)) return false
    this.#countSent(1, delivery.message.payloadLength)
    traceSendingPublish(this, delivery, packetId, dup)
    return true
  }

  takesPlain(size: number): boolean {
    return this.agreement.encoder.takesPlain(size)
  }

  sendRun(run: PublishRun, isShared: boolean): void {
    this.#countSent(run.count, run.payloadBytes)
    // What nobody shares is copied straight into this connection's tail, unless it is worth a buffer of its own.
    const isCheaperCopied = !isShared && run.end - run.start <= worthNoBuffer && run.looksAsIn(this.protocolVersion)
    if (isCheaperCopied) this.#copyOf(run, run.start, run.end)
    else this.transport.send(run.bytesFor(this.protocolVersion))
  }

  sendPacketOf(run: PublishRun): void {
    this.#countSent(1, run.packetEnd - run.payloadStart)
    this.#copyOf(run, run.packetStart, run.packetEnd)
  }

  #copyOf({ buffer }: PublishRun, from: number, to: number): void {
    const start = this.transport.reserve(to - from)
    buffer.copy(this.transport.room, start, from, to)
  }

  #countSent(packets: number, payloadBytes: number): void {
    const { counters } = this.broker
    counters.packetsSent += packets
    counters.publishSent += packets
    counters.publishBytesSent += payloadBytes
  }

  sendPubrel(packetId: number, reasonCode: number): void {
    this.acknowledge(PacketType.pubrel, packetId, reasonCode)
  }

  dropped(): void {
    this.broker.counters.publishDropped++
  }

  sendSuback(packetId: number, reasonCodes: readonly number[]): void {
    traceSending(this, 'SUBACK')
    this.send({ type: PacketType.suback, packetId, reasonCodes, properties: noProperties })
  }

  sendConnack(sessionPresent: boolean, reasonCode: number, properties: Properties): void {
    const code = this.protocolVersion === 5 ? reasonCode : connackReturnCode(reasonCode)
    traceSending(this, 'CONNACK', ` (${Number(sessionPresent)}, ${code})`)
    this.send({ type: PacketType.connack, sessionPresent, reasonCode, properties })
  }

  sendUnsuback(packetId: number, reasonCodes: readonly number[]): void {
    traceSending(this, 'UNSUBACK')
    this.send({ type: PacketType.unsuback, packetId, reasonCodes, properties: noProperties })
  }

  /** Nothing but CONNECT may come first, and nothing but AUTH while it is being judged [MQTT-3.1.0-1]. */
  #receiveEarly(packet: Packet): void {
    if (this.state === 'awaiting-connect' && packet.type === PacketType.connect) {
      this.#receiveConnect(packet)
    } else if (this.state === 'connecting' && packet.type === PacketType.auth) {
      receiveAuth(this, packet)
    } else if (this.state === 'connecting' && packet.type === PacketType.disconnect) {
      this.refuse('connection closed by client')
    } else {
      throw new ProtocolViolationError('MQTT-3.1.0-1', 'a packet before CONNECT was accepted')
    }
  }

  #receiveConnect(packet: Connect): void {
    this.broker.counters.connectsReceived++
    this.#maximumPacketSize = packet.properties.maximumPacketSize ?? Number.POSITIVE_INFINITY
    this.protocolVersion = packet.protocolVersion
    this.state = 'connecting'
    beginConnect(this.broker, this, packet)
  }

  #dispatch(packet: Exclude<Packet, Publish>, now: number): void {
    switch (packet.type) {
      case PacketType.puback:
      case PacketType.pubrec:
      case PacketType.pubrel:
      case PacketType.pubcomp:
        receiveAcknowledgement(this, packet, now)
        return
      case PacketType.subscribe:
        traceReceived(this, 'SUBSCRIBE')
        receiveSubscribe(this.broker, this, packet, now)
        return
      case PacketType.unsubscribe:
        traceReceived(this, 'UNSUBSCRIBE')
        receiveUnsubscribe(this.broker, this, packet, now)
        return
      case PacketType.pingreq:
        this.#receivePingreq()
        return
      case PacketType.disconnect:
        this.#receiveDisconnect(packet)
        return
      case PacketType.auth:
        receiveAuth(this, packet)
        return
      case PacketType.connect:
        this.broker.log.write('notice', `Bad client ${this.address} sending multiple CONNECT messages.`)
        throw new ProtocolViolationError('MQTT-3.1.0-2', 'a second CONNECT')
      case PacketType.connack:
      case PacketType.suback:
      case PacketType.unsuback:
      case PacketType.pingresp:
        throw new ProtocolViolationError('§2.1.2', 'a packet that only servers send')
      default:
        never(packet)
    }
  }

  #receivePingreq(): void {
    traceReceived(this, 'PINGREQ')
    traceSending(this, 'PINGRESP')
    // It promises nothing, and a client that waits for the store must not take the broker for dead.
    this.broker.counters.packetsSent++
    this.transport.sendAhead(pingresp)
  }

  #receiveDisconnect(packet: Disconnect): void {
    const { session } = this
    const expiry = packet.properties.sessionExpiryInterval
    if (expiry !== undefined) {
      if (session.expiryInterval === 0 && expiry !== 0) {
        throw new ProtocolViolationError('§3.14.2.2.2', 'session expiry interval raised from 0 at DISCONNECT')
      }
      session.expiryInterval = expiry
    }
    traceReceived(this, 'DISCONNECT')
    if (packet.reasonCode === ReasonCode.success) session.will = undefined
    this.#cause = packet.reasonCode === ReasonCode.success ? '' : endingText(packet.reasonCode)
    // Whoever has said goodbye waits for nothing but what is on its way.
    if (this.transport.queuedBytes === 0) this.transport.destroy()
    else this.transport.close()
    this.#finish()
  }

  /** Tells the audit, where there is one, that rules have refused a topic. Only while `connected`. @param times at once */
  refusedTopic(action: RefusedAction, topic: string, times = 1): void {
    const { audit } = this.broker
    if (audit?.takes('permission') !== true) return
    this.#refusedTopics ??= new RefusedTopics(this, audit)
    this.#refusedTopics.add(action, topic, times)
  }

  /** Leaves every registry exactly once, whoever ended the connection. */
  #finish(): void {
    if (this.state === 'ended') return
    const wasConnected = this.state === 'connected'
    this.state = 'ended'
    this.broker.wheel.clear(this.#timer)
    this.#hold?.end()
    this.#pace?.end()
    this.#certificateWatch?.end()
    this.#proofWatch?.end()
    this.publisherTopic.forget()
    this.attempt?.cancel()
    if (this.broker.settings.connection_messages) logDisconnected(this, this.#cause)
    if (!wasConnected) return
    this.#refusedTopics?.end()
    const now = this.broker.clock.now()
    this.broker.registry.release(this.session, now)
    this.retainedBacklog?.finish(now)
  }

  /** The client may be silent for one and a half times its keep alive [MQTT-3.1.2-22]. */
  #armKeepAlive(since: number): void {
    const { keepAlive } = this.agreement
    if (keepAlive === 0) this.broker.wheel.clear(this.#timer)
    else this.broker.wheel.set(this.#timer, since + keepAlive * 1500)
  }

  #timeOut(now: number): void {
    if (this.state !== 'connected') {
      this.broker.counters.limitsReached.add('connect_timeout')
      this.refuse('exceeded timeout (connect_timeout)')
    } else if (!this.transport.isReading) {
      // The client is not silent, it is us who do not listen.
      this.#armKeepAlive(now)
    } else if (now < this.#lastPacketAt + this.agreement.keepAlive * 1500) {
      this.#armKeepAlive(this.#lastPacketAt)
    } else {
      this.end(ReasonCode.keepAliveTimeout)
    }
  }
}

const pingresp = encodePacket({ type: PacketType.pingresp }, 5)

/** Whether an answer says that something was done, which has to be safe before it leaves. */
function promises(packet: Packet): boolean {
  switch (packet.type) {
    case PacketType.connack:
    case PacketType.puback:
    case PacketType.pubrec:
    case PacketType.pubrel:
    case PacketType.pubcomp:
      return packet.reasonCode < 0x80
    case PacketType.suback:
    case PacketType.unsuback:
      return packet.reasonCodes.some(reasonCode => reasonCode < 0x80)
    default:
      return false
  }
}
