// One MQTT connection of the generator: receives, acknowledges, and tells its listener what came.

import type { Socket } from 'node:net'
import { escapeText } from '../../src/base/escape.ts'
import { addAck, reserveAcks, takeAcks } from './ack-slab.ts'
import { LoadError } from './load-error.ts'
import { type Network, receiveBuffer, receiveStart } from './network.ts'
import {
  disconnectPacket,
  encodeConnect,
  encodeSubscribe,
  packetType,
  receiveMaximumOf,
  skipProperties,
} from './packets.ts'
import type { LoadRequest } from './request.ts'
import { notMqtt, type PacketSink, scanPackets } from './scan.ts'
import { micros, stamp } from './stamp.ts'

/** What all connections of a run count together. */
export class Counters {
  /** Connections closed by the other side. */
  closed = 0
  protocolErrors = 0
  /** Reads that brought anything. */
  reads = 0
  /** Writes of messages; acknowledgements are not counted. */
  writes = 0
  /** When the read began that is being handled, in {@link micros}. */
  readAt = 0
  /** Called when {@link closed} rises. */
  onClosed: () => void = () => {}
}

/** Hears of messages and acknowledgements; called from the read, so it must be quick. */
export interface ClientListener {
  /** A message whose payload holds a stamp at `payloadAt`. */
  message(subscriber: number, bytes: Uint8Array, payloadAt: number): void
  /** PUBACK or PUBCOMP, or a refusal, for one message of this publisher. */
  acknowledged(publisher: number): void
}

export interface ClientOptions {
  readonly request: LoadRequest
  readonly network: Network
  readonly counters: Counters
  readonly listener: ClientListener
  /** Its number among its kind; the listener is told it. */
  readonly index: number
  /** `p` for publishers, `s` for subscribers, `c` for those that only connect. */
  readonly role: 'p' | 's' | 'c'
  /** Bytes that it may read after each {@link Client.refill}; before the first one it reads all there is. */
  readonly readBudget?: number
  /** Its session outlives its connection. Default false. */
  readonly lasting?: boolean
}

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: LoadError) => void
}

/** A client that is not open until {@link open} resolves. */
export class Client implements PacketSink {
  receiveMaximum = 0
  /** When the connection was begun, and when CONNACK came, in {@link micros}. */
  startedAt = 0
  readyAt = 0
  readonly #options: ClientOptions
  #socket: Socket | undefined
  #state: 'new' | 'connecting' | 'open' | 'leaving' | 'closed' = 'new'
  #opening: Waiting | undefined
  #subscribing: (Waiting & { left: number; readonly qos: number }) | undefined
  #packetId = 0
  /** The beginning of a packet whose end has not come yet. */
  #rest = Buffer.alloc(0)
  #restBytes = 0
  #budget = 0
  #limited = false
  #gone: (() => void) | undefined

  constructor(options: ClientOptions) {
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get resumed(): boolean {
    const socket = this.#socket as { isSessionReused?: () => boolean } | undefined
    return socket?.isSessionReused?.() ?? false
  }

  get socket(): Socket {
    return this.#socket!
  }

  /** Connects and waits for CONNACK. @throws LoadError `ERR_LOAD_UNREACHABLE` or `ERR_LOAD_REFUSED` */
  open(): Promise<void> {
    const { request, network, role, index, readBudget, lasting } = this.#options
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#opening = { resolve, reject }
    this.#state = 'connecting'
    this.startedAt = micros()
    const socket = network.connect(bytes => this.#read(bytes), readBudget !== undefined)
    this.#socket = socket
    socket.once(network.readyEvent, () =>
      socket.write(encodeConnect(`bench-${process.pid}-${role}${index}`, request, lasting)),
    )
    socket.once('error', error => this.#closed(error.message))
    socket.once('close', () => this.#closed('the broker closed the connection'))
    return promise
  }

  /** Subscribes and waits for SUBACK; one call at a time. @throws LoadError `ERR_LOAD_REFUSED` */
  subscribe(filters: readonly string[], qos: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#subscribing = { resolve, reject, left: filters.length, qos }
    this.#packetId = (this.#packetId % 65_535) + 1
    this.#socket!.write(encodeSubscribe(this.#packetId, filters, this.#options.request, qos))
    return promise
  }

  /** Writes messages; `done` is called when the bytes may be changed. */
  write(bytes: Buffer, done?: () => void): void {
    this.#options.counters.writes += 1
    this.#socket!.write(bytes, done)
  }

  /** A slow reader may read its budget, and no more until the next call. */
  refill(): void {
    this.#limited = true
    this.#budget = this.#options.readBudget ?? 0
    this.#socket!.resume()
  }

  /** From now on it reads all there is. */
  readFreely(): void {
    this.#limited = false
    this.#socket!.resume()
  }

  /** Says DISCONNECT; resolves when the connection is gone. */
  leave(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    if (this.#state === 'closed') return Promise.resolve()
    this.#gone = resolve
    this.#state = 'leaving'
    this.#socket!.end(disconnectPacket)
    return promise
  }

  /** Ends the connection without a word. */
  destroy(): void {
    this.#state = 'closed'
    this.#socket?.destroy()
  }

  packet(first: number, bytes: Uint8Array, at: number, end: number): void {
    const { listener, index, counters } = this.#options
    switch (first >> 4) {
      case packetType.publish:
        this.#publish(first, bytes, at, end)
        break
      case packetType.puback:
      case packetType.pubcomp:
        this.#checkReason(bytes, at, end)
        listener.acknowledged(index)
        break
      case packetType.pubrec:
        if (this.#checkReason(bytes, at, end)) addAck(0x62, bytes, at)
        else listener.acknowledged(index)
        break
      case packetType.pubrel:
        addAck(0x70, bytes, at)
        break
      case packetType.connack:
        this.#connack(bytes, at, end)
        break
      case packetType.suback:
        this.#suback(bytes, at, end)
        break
      default: // DISCONNECT before the broker closes, or what only clients send
        counters.protocolErrors += 1
    }
  }

  #publish(first: number, bytes: Uint8Array, at: number, end: number): void {
    let next = at + 2 + ((bytes[at]! << 8) | bytes[at + 1]!)
    const qos = (first >> 1) & 3
    if (qos > 0) {
      addAck(qos === 1 ? 0x40 : 0x50, bytes, next)
      next += 2
    }
    if (this.#options.request.protocol === 5) next = skipProperties(bytes, next)
    if (next + stamp.bytes > end) this.#options.counters.protocolErrors += 1
    else this.#options.listener.message(this.#options.index, bytes, next)
  }

  /** MQTT 5 acknowledgements may carry a reason behind the packet id; false, and counted, when it is a refusal. */
  #checkReason(bytes: Uint8Array, at: number, end: number): boolean {
    if (end - at < 3 || bytes[at + 2]! < 0x80) return true
    this.#options.counters.protocolErrors += 1
    return false
  }

  #connack(bytes: Uint8Array, at: number, end: number): void {
    const code = bytes[at + 1]!
    if (code !== 0) {
      this.#fail('ERR_LOAD_REFUSED', `the broker refused the connection with reason code ${code}`)
      this.#socket!.destroy()
      return
    }
    this.receiveMaximum = receiveMaximumOf(bytes, at, end, this.#options.request.protocol)
    this.readyAt = micros()
    this.#state = 'open'
    this.#opening?.resolve()
    this.#opening = undefined
  }

  #suback(bytes: Uint8Array, at: number, end: number): void {
    const waiting = this.#subscribing
    if (waiting === undefined) return
    let next = at + 2
    if (this.#options.request.protocol === 5) next = skipProperties(bytes, next)
    for (; next < end; next += 1) {
      const code = bytes[next]!
      if (code !== waiting.qos) {
        this.#fail('ERR_LOAD_REFUSED', `the broker answered a subscription at QoS ${waiting.qos} with ${code}`)
        return
      }
      waiting.left -= 1
    }
    if (waiting.left > 0) return
    this.#subscribing = undefined
    waiting.resolve()
  }

  #read(bytes: number): boolean {
    const { counters } = this.#options
    counters.reads += 1
    counters.readAt = micros()
    const from = receiveStart - this.#restBytes
    const to = receiveStart + bytes
    if (this.#restBytes > 0) receiveBuffer.set(this.#rest.subarray(0, this.#restBytes), from)
    reserveAcks(to - from)
    const scanned = scanPackets(receiveBuffer, from, to, this)
    if (scanned === notMqtt || to - scanned > receiveStart) return this.#refuse()
    const acks = takeAcks()
    if (acks !== undefined && this.#state === 'open') this.#socket!.write(acks)
    this.#keep(scanned, to)
    if (!this.#limited) return true
    this.#budget -= bytes
    return this.#budget > 0
  }

  #keep(from: number, to: number): void {
    this.#restBytes = to - from
    if (this.#restBytes > this.#rest.length) this.#rest = Buffer.allocUnsafeSlow(2 * this.#restBytes)
    if (this.#restBytes > 0) receiveBuffer.copy(this.#rest, 0, from, to)
  }

  /** What came is not MQTT, or longer than anything we asked for. */
  #refuse(): boolean {
    this.#options.counters.protocolErrors += 1
    this.#socket!.destroy()
    return false
  }

  #closed(why: string): void {
    const state = this.#state
    this.#state = 'closed'
    if (state === 'leaving') this.#gone?.()
    if (state !== 'connecting' && state !== 'open') return
    const { counters, request } = this.#options
    counters.closed += 1
    const place = `${escapeText(request.host)}:${request.port}`
    this.#fail('ERR_LOAD_UNREACHABLE', `no connection to '${place}': ${escapeText(why)}`)
    counters.onClosed()
  }

  #fail(code: 'ERR_LOAD_UNREACHABLE' | 'ERR_LOAD_REFUSED', message: string): void {
    const error = new LoadError(code, message)
    this.#opening?.reject(error)
    this.#subscribing?.reject(error)
    this.#opening = undefined
    this.#subscribing = undefined
  }
}
