// The server-to-client half of a session, one idea: packet ids, the QoS 1 and QoS 2 exchanges, the client's Receive Maximum, and
// the bounded queue of what cannot be sent yet. It outlives connections; a connection is an `Outlet` plugged into it.

import type { ProtocolVersion, QoS } from '../mqtt/packet.ts'
import type { PublishRun } from '../mqtt/publish-run.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'
import { Exchange, Exchanges } from './exchanges.ts'
import { Fifo } from './fifo.ts'
import { type Message, neverExpires } from './message.ts'
import type { DeliveryState, SessionRecord } from './record.ts'

/** One message for one subscriber, with what its subscriptions made of it. */
export interface Delivery {
  readonly message: Message
  readonly qos: QoS
  readonly retain: boolean
  readonly subscriptionIdentifiers: readonly number[] | undefined
  /** Where the session's record has it: then it is this session's alone, otherwise shared. */
  sequence?: number
}

/** The connection that a session speaks through. */
export interface Outlet {
  /** Whether the transport has room for more; `Outbound.pump` is called when it has again. */
  readonly writable: boolean
  /** @returns false when the packet passes the client's Maximum Packet Size and was dropped [MQTT-3.1.2-25] */
  sendPublish(delivery: Delivery, packetId: number, dup: boolean, now: number): boolean
  readonly protocolVersion: ProtocolVersion
  /** Whether plain PUBLISH packets of up to `size` bytes, whatever their version, can go out as they are. */
  takesPlain(size: number): boolean
  sendRun(run: PublishRun, isShared: boolean): void
  /** The packet that the run is at; only where the client speaks the version it was written in. */
  sendPacketOf(run: PublishRun): void
  sendPubrel(packetId: number, reasonCode: number): void
  /** What is sent from now on leaves only when what was recorded so far is safe. */
  awaitRecord(): void
  /** A message that waited here was dropped: too large for this client, or expired. */
  dropped(): void
}

/** The options that bound a session's outbound half, by their names in mosquitto.conf; 0 is Mosquitto's "unlimited". */
export interface OutboundLimits {
  readonly max_inflight_messages: number
  readonly max_inflight_bytes: number
  readonly max_queued_messages: number
  readonly max_queued_bytes: number
  readonly queue_qos0_messages: boolean
}

/** Bytes by which a plain packet can grow from one version to another: no properties, and a longer remaining length. */
const versionsDifferBy = 2

/** Whoever waits until there is room again. */
export interface Waiter {
  roomAgain(): void
}

/** Milliseconds without progress after which nobody waits for a client any more. */
export const maximumStallMs = 1000
/** Whoever would need longer for a full queue is not waited for: it would set the pace for others. */
const secondsToEmpty = 20

/** Waiters are woken when so much of the queue is free: one by one they would each send one message and wait again. */
const roomWorthWaking = 0.25

/** `overflowed`: dropped, as the first one since the queue last had room. */
export type OfferOutcome = 'sent' | 'queued' | 'dropped' | 'overflowed'
/** `declined`: this subscriber needs its messages one by one, through `offer`. */
export type RunOutcome = 'sent' | 'dropped' | 'declined'

export class Outbound {
  readonly #inflight = new Exchanges()
  readonly #queue = new Fifo<Delivery>()
  #limits: OutboundLimits
  #outlet: Outlet | undefined
  #record: SessionRecord | undefined = undefined
  #receiveMaximum = 65_535
  #lastPacketId = 0
  #inflightBytes = 0
  #queuedBytes = 0
  /** Messages of QoS 0 in the queue: they waited while the client was away. */
  #queuedQoS0 = 0
  /** No message in the queue expires before; it may be earlier than needed after some have left. */
  #earliestExpiry = neverExpires
  /** PUBLISH packets sent on this connection and not yet acknowledged to the end (§4.9). */
  #unacknowledged = 0
  /** Exchanges that a reconnect left to be sent again. */
  #unsent = 0
  /** Until when the client counts as moving, in milliseconds; each `#pace` acknowledgements within a second add one. */
  #movingUntil = 0
  #secondSince = 0
  #acknowledgedInSecond = 0
  #waiters: Set<Waiter> | undefined = undefined
  #isOverflowing = false

  constructor(limits: OutboundLimits) {
    this.#limits = limits
  }

  /**
   * Whether a connected client takes what it is sent: nothing waits for it, or lately it was quick enough to empty its
   * queue in `secondsToEmpty`.
   */
  isMoving(now: number): boolean {
    return this.#outlet !== undefined && (this.#queue.length === 0 || now < this.#movingUntil)
  }

  /** Messages a second. */
  get #pace(): number {
    const { max_queued_messages: messages } = this.#limits
    return messages === 0 ? 1 : Math.max(1, Math.ceil(messages / secondsToEmpty))
  }

  /**
   * From now on every change is recorded, or none any more; what is there already is recorded, or removed, at once.
   */
  set record(record: SessionRecord | undefined) {
    const earlier = this.#record
    if (record === earlier) return
    if (earlier !== undefined) this.#removeAll(earlier)
    this.#record = record
    if (record !== undefined) this.#recordAll(record)
  }

  /** What is there was loaded, and is recorded already. */
  adoptRecord(record: SessionRecord): void {
    this.#record = record
  }

  #recordAll(record: SessionRecord): void {
    for (const exchange of this.#inflight) {
      exchange.delivery = own(exchange.delivery)
      record.putDelivery(exchange.delivery, exchange.packetId, 'sent')
      if (exchange.state === 'pubrel') record.releaseDelivery(exchange.delivery, exchange.packetId)
    }
    for (let left = this.#queue.length; left > 0; left--) {
      const delivery = own(this.#queue.shift() as Delivery)
      if (delivery.qos > 0) record.putDelivery(delivery, 0, 'queued')
      this.#queue.push(delivery)
    }
  }

  #removeAll(record: SessionRecord): void {
    for (const { delivery } of this.#inflight) record.removeDelivery(delivery)
    this.#queue.keep(delivery => {
      record.removeDelivery(delivery)
      return true
    })
  }

  /**
   * Takes back what a record had, before the session is used; in the order of the record.
   *
   * @param size of its message, as is `expiresAt`: the message itself is not asked for
   * @throws RangeError when the session has an exchange of this packet id
   */
  restore(
    delivery: Delivery,
    size: number,
    expiresAt: number,
    packetId: number,
    state: DeliveryState | 'released',
  ): void {
    if (state === 'queued') {
      this.#queue.push(delivery)
      this.#count(size, delivery.qos, expiresAt)
      return
    }
    if (this.#inflight.get(packetId) !== undefined) throw new RangeError(`packet id ${packetId} is in use already`)
    this.#inflight.add(new Exchange(packetId, delivery, state === 'released' ? 'pubrel' : 'publish', false))
    this.#inflightBytes += size
  }

  #noteProgress(now: number): void {
    if (now >= this.#secondSince + 1000) {
      this.#secondSince = now
      this.#acknowledgedInSecond = 0
    }
    if (++this.#acknowledgedInSecond < this.#pace) return
    this.#acknowledgedInSecond = 0
    this.#movingUntil = now + maximumStallMs
  }

  /** Whether the queue's limits allow one more message of this size. */
  hasRoomFor(size: number): boolean {
    const { max_queued_messages: messages, max_queued_bytes: bytes } = this.#limits
    if (messages > 0 && this.#queue.length >= messages) return false
    return bytes === 0 || this.#queuedBytes + size <= bytes
  }

  /** Calls the waiter once, when there is room again or the connection is gone. */
  awaitRoom(waiter: Waiter): void {
    this.#waiters ??= new Set()
    this.#waiters.add(waiter)
  }

  stopWaiting(waiter: Waiter): void {
    this.#waiters?.delete(waiter)
  }

  /** Whether nothing waits to be sent. */
  get isIdle(): boolean {
    return this.#queue.length === 0 && this.#unsent === 0
  }

  get queuedMessages(): number {
    return this.#queue.length
  }

  /** Whether an exchange with this packet id is under way. */
  usesPacketId(packetId: number): boolean {
    return this.#inflight.get(packetId) !== undefined
  }

  get inflightMessages(): number {
    return this.#inflight.size
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /** Bytes of all messages, queued or under way; see `Message.size`. */
  get waitingBytes(): number {
    return this.#queuedBytes + this.#inflightBytes
  }

  set limits(limits: OutboundLimits) {
    this.#limits = limits
    this.#wakeIfRoomy()
  }

  /** Plugs in a connection and sends again, in order, what an earlier one left unfinished [MQTT-4.4.0-1]. */
  connect(outlet: Outlet, receiveMaximum: number, now: number): void {
    this.#outlet = outlet
    this.#receiveMaximum = receiveMaximum
    this.#unacknowledged = 0
    this.#movingUntil = now + maximumStallMs
    this.#unsent = this.#inflight.size
    for (const exchange of this.#inflight) {
      exchange.sent = false
      exchange.counted = false
    }
    this.pump(now)
  }

  /** Unplugs the connection. What is under way may now wait for long: it keeps nothing alive but itself. */
  disconnect(): void {
    this.#outlet = undefined
    for (const { delivery } of this.#inflight) delivery.message.own()
    this.#wake()
  }

  /** Whether a message of this QoS and size would be sent at once. */
  isReadyFor(qos: QoS, size: number): boolean {
    if (qos === 0) return this.#queuedQoS0 === 0 && this.#outlet?.writable === true
    return this.#queue.length === 0 && this.#unsent === 0 && this.#mayStart(size)
  }

  /** Sends a message if it may go now, queues it within the limits, or drops it. */
  offer(delivery: Delivery, now: number): OfferOutcome {
    if (delivery.qos === 0) return this.#offerQoS0(delivery, now)
    if (this.isReadyFor(delivery.qos, delivery.message.size)) {
      return this.#start(delivery, now) ? 'sent' : 'dropped'
    }
    return this.#enqueue(delivery, now)
  }

  /**
   * Sends a run of QoS 0 packets as bytes.
   *
   * @param isShared whether others get the same bytes
   * @returns `dropped` where `offer` would drop each of them
   */
  offerRun(run: PublishRun, isShared: boolean): RunOutcome {
    const outcome = this.#judgePlain(run.longestPacket)
    if (outcome === 'sent') this.#outlet?.sendRun(run, isShared)
    return outcome
  }

  /** The same with the one packet that the run is at. */
  offerPacket(run: PublishRun): RunOutcome {
    if (this.#outlet !== undefined && !run.looksAsIn(this.#outlet.protocolVersion)) return 'declined'
    const outcome = this.#judgePlain(run.packetEnd - run.packetStart)
    if (outcome === 'sent') this.#outlet?.sendPacketOf(run)
    return outcome
  }

  #judgePlain(size: number): RunOutcome {
    const outlet = this.#outlet
    if (outlet === undefined) return this.#limits.queue_qos0_messages ? 'declined' : 'dropped'
    if (this.#queuedQoS0 > 0 || !outlet.takesPlain(size + versionsDifferBy)) return 'declined'
    return outlet.writable ? 'sent' : 'dropped'
  }

  /** Sends as much of what waits as the windows and the transport allow. */
  pump(now: number): void {
    const outlet = this.#outlet
    if (outlet === undefined) return
    this.#pump(outlet, now)
    this.#wakeIfRoomy()
  }

  #pump(outlet: Outlet, now: number): void {
    if (this.#unsent > 0) this.#resend(outlet, now)
    while (this.#unsent === 0 && this.#outlet === outlet) {
      const delivery = this.#queue.peek()
      if (delivery === undefined) return
      if (!delivery.message.hasExpired(now)) {
        if (delivery.qos === 0 ? !outlet.writable : !this.#mayStart(delivery.message.size)) return
      }
      this.#queue.shift()
      this.#queuedBytes -= delivery.message.size
      if (delivery.qos === 0) this.#queuedQoS0--
      if (delivery.message.hasExpired(now)) {
        this.#record?.removeDelivery(delivery)
        outlet.dropped()
        continue
      }
      this.#sendWaiting(delivery, outlet, now)
    }
  }

  /** PUBACK. @returns false when no such exchange is open, which is harmless after a reconnect */
  puback(packetId: number, now: number): boolean {
    const exchange = this.#inflight.get(packetId)
    if (exchange?.delivery.qos !== 1) return false
    this.#finish(exchange, now)
    return true
  }

  /** PUBREC: answered by PUBREL, or the end of the exchange when it carries a failure (§4.3.3). */
  pubrec(packetId: number, reasonCode: number, now: number): void {
    const exchange = this.#inflight.get(packetId)
    if (exchange?.delivery.qos !== 2) {
      if (reasonCode < 0x80) this.#outlet?.sendPubrel(packetId, ReasonCode.packetIdentifierNotFound)
    } else if (reasonCode >= 0x80) {
      this.#finish(exchange, now)
    } else {
      this.#release(exchange)
      this.#outlet?.sendPubrel(packetId, ReasonCode.success)
      this.pump(now)
    }
  }

  /** PUBCOMP. @returns false when no such exchange is open */
  pubcomp(packetId: number, now: number): boolean {
    const exchange = this.#inflight.get(packetId)
    if (exchange === undefined || exchange.state !== 'pubrel') return false
    this.#finish(exchange, now)
    return true
  }

  /** Drops what waits and what `mayReceive` no longer allows; exchanges under way are completed. */
  prune(mayReceive: (topicName: string) => boolean): void {
    this.#keep(delivery => mayReceive(delivery.message.topicName))
    this.#wakeIfRoomy()
  }

  /**
   * Drops what waits at QoS 0, which was promised to nobody.
   *
   * @returns how many messages were dropped
   */
  shedQoS0(): number {
    const dropped = this.#queuedQoS0
    if (dropped > 0) this.#keep(({ qos }) => qos > 0)
    this.#wakeIfRoomy()
    return dropped
  }

  /** Releases everything: the session has ended. */
  clear(): void {
    this.record = undefined
    this.#inflight.clear()
    this.#queue.clear()
    this.#inflightBytes = 0
    this.#queuedBytes = 0
    this.#queuedQoS0 = 0
    this.#unacknowledged = 0
    this.#unsent = 0
    this.#wake()
  }

  #sendWaiting(delivery: Delivery, outlet: Outlet, now: number): void {
    if (delivery.qos > 0) {
      if (!this.#start(delivery, now)) outlet.dropped()
      return
    }
    if (!outlet.sendPublish(delivery, 0, false, now)) outlet.dropped()
  }

  #offerQoS0(delivery: Delivery, now: number): OfferOutcome {
    const outlet = this.#outlet
    if (outlet === undefined) {
      return this.#limits.queue_qos0_messages ? this.#enqueue(delivery, now) : 'dropped'
    }
    // What waited goes first: QoS 0 keeps its order too [MQTT-4.6.0-5].
    if (this.#queuedQoS0 > 0) return this.#enqueue(delivery, now)
    if (!outlet.writable) return 'dropped'
    return outlet.sendPublish(delivery, 0, false, now) ? 'sent' : 'dropped'
  }

  #mayStart(size: number): boolean {
    if (this.#outlet?.writable !== true) return false
    if (this.#unacknowledged >= this.#receiveMaximum) return false
    const { max_inflight_messages: messages, max_inflight_bytes: bytes } = this.#limits
    if (messages > 0 && this.#inflight.size >= messages) return false
    if (this.#inflight.size >= 65_535) return false
    // A message larger than the whole allowance may still fly alone.
    return bytes === 0 || this.#inflight.size === 0 || this.#inflightBytes + size <= bytes
  }

  #start(offered: Delivery, now: number): boolean {
    const packetId = this.#takePacketId()
    offered.message.hold()
    const outlet = this.#outlet as Outlet
    const delivery = this.#record === undefined ? offered : this.#recordSent(offered, packetId, outlet)
    if (!outlet.sendPublish(delivery, packetId, false, now)) {
      this.#record?.removeDelivery(delivery)
      return false
    }
    this.#inflight.add(new Exchange(packetId, delivery, 'publish', true))
    this.#inflightBytes += delivery.message.size
    this.#unacknowledged++
    return true
  }

  #recordSent(offered: Delivery, packetId: number, outlet: Outlet): Delivery {
    const delivery = offered.sequence === undefined ? own(offered) : offered
    this.#record?.putDelivery(delivery, packetId, 'sent')
    // After a crash the client must meet the same packet id again, or it takes the message for another one.
    if (delivery.qos === 2) outlet.awaitRecord()
    return delivery
  }

  #enqueue(offered: Delivery, now: number): OfferOutcome {
    const { size } = offered.message
    if (!this.hasRoomFor(size)) {
      this.#purgeExpired(now)
      if (!this.hasRoomFor(size)) return this.#overflow()
    }
    this.#isOverflowing = false
    if (this.#queue.length === 0) this.#movingUntil = now + maximumStallMs
    offered.message.own()
    const delivery = this.#record === undefined ? offered : own(offered)
    if (delivery.qos > 0) this.#record?.putDelivery(delivery, 0, 'queued')
    this.#queue.push(delivery)
    this.#count(size, delivery.qos, delivery.message.expiresAt)
    return 'queued'
  }

  #overflow(): OfferOutcome {
    if (this.#isOverflowing) return 'dropped'
    this.#isOverflowing = true
    return 'overflowed'
  }

  /** Looks through the queue only when something in it may have expired: a full one meets every message that is dropped. */
  #purgeExpired(now: number): void {
    if (now < this.#earliestExpiry) return
    this.#keep(waiting => !waiting.message.hasExpired(now))
  }

  #wakeIfRoomy(): void {
    if (this.#waiters === undefined) return
    const { max_queued_messages: messages, max_queued_bytes: bytes } = this.#limits
    const used = 1 - roomWorthWaking
    if (messages > 0 && this.#queue.length > messages * used) return
    if (bytes === 0 || this.#queuedBytes <= bytes * used) this.#wake()
  }

  #wake(): void {
    const waiters = this.#waiters
    if (waiters === undefined) return
    this.#waiters = undefined
    for (const waiter of waiters) waiter.roomAgain()
  }

  #keep(wanted: (delivery: Delivery) => boolean): void {
    const record = this.#record
    this.#queue.keep(delivery => {
      const isWanted = wanted(delivery)
      if (!isWanted) record?.removeDelivery(delivery)
      return isWanted
    })
    this.#queuedBytes = 0
    this.#queuedQoS0 = 0
    this.#earliestExpiry = neverExpires
    this.#queue.keep(({ message, qos }) => {
      this.#count(message.size, qos, message.expiresAt)
      return true
    })
  }

  #count(size: number, qos: QoS, expiresAt: number): void {
    this.#queuedBytes += size
    if (qos === 0) this.#queuedQoS0++
    this.#earliestExpiry = Math.min(this.#earliestExpiry, expiresAt)
  }

  #resend(outlet: Outlet, now: number): void {
    for (const exchange of this.#inflight) {
      if (exchange.sent) continue
      if (!outlet.writable) return
      if (exchange.state === 'pubrel') {
        outlet.sendPubrel(exchange.packetId, ReasonCode.success)
      } else {
        if (this.#unacknowledged >= this.#receiveMaximum) return
        if (outlet.sendPublish(exchange.delivery, exchange.packetId, true, now)) {
          exchange.counted = true
          this.#unacknowledged++
        } else {
          this.#remove(exchange)
          outlet.dropped()
        }
      }
      exchange.sent = true
      this.#unsent--
    }
  }

  /** PUBLISH is done, PUBREL begins; it goes to the end of the line, so that PUBRELs are sent again in their order. */
  #release(exchange: Exchange): void {
    exchange.state = 'pubrel'
    if (!exchange.sent) this.#unsent--
    exchange.sent = true
    this.#inflight.moveToEnd(exchange)
    if (this.#record === undefined) return
    this.#record.releaseDelivery(exchange.delivery, exchange.packetId)
    // After a crash the message must not be sent again: the client forgets it with our PUBREL.
    this.#outlet?.awaitRecord()
  }

  #finish(exchange: Exchange, now: number): void {
    if (!exchange.sent) this.#unsent--
    this.#remove(exchange)
    if (exchange.counted) this.#unacknowledged--
    this.#noteProgress(now)
    this.pump(now)
  }

  #remove(exchange: Exchange): void {
    this.#record?.removeDelivery(exchange.delivery)
    this.#inflight.delete(exchange)
    this.#inflightBytes -= exchange.delivery.message.size
  }

  #takePacketId(): number {
    do {
      this.#lastPacketId = this.#lastPacketId === 65_535 ? 1 : this.#lastPacketId + 1
    } while (this.#inflight.get(this.#lastPacketId) !== undefined)
    return this.#lastPacketId
  }
}

/** A delivery is shared among the sessions it goes to; what a record has is one session's. */
function own({ message, qos, retain, subscriptionIdentifiers }: Delivery): Delivery {
  return { message, qos, retain, subscriptionIdentifiers, sequence: 0 }
}
