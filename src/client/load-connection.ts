// One connection of `castellan bench`: packets of messages are looked at where they lie, everything else is decoded.

import type { Socket } from 'node:net'
import { AppError } from '../base/errors.ts'
import { decodePacket, encodePacket } from '../mqtt/codec.ts'
import { Framer } from '../mqtt/framer.ts'
import { noProperties, type Packet, PacketType, type QoS } from '../mqtt/packet.ts'
import { cleanConnect, type Visit } from './clean-connect.ts'
import { RefusedError, UnreachableError } from './errors.ts'
import { limitAnswer, openInTime } from './open-in-time.ts'

export interface LoadEvents {
  /** A message; its payload is `bytes[at, end)`, and is overwritten afterwards. */
  message(bytes: Buffer, at: number, end: number): void
  /** The broker has answered for one message of ours: PUBACK or PUBCOMP, or PUBREC with a refusal. */
  acknowledged(isRefused: boolean): void
  /** All that was read at once has been told. */
  wasRead(): void
  /** The connection is gone, and we had not ended it. */
  lost(error: AppError): void
}

const largestPacket = 16 * 1024 * 1024
const firstFailure = 0x80
const highestReceiveMaximum = 65_535

export class LoadConnection {
  /** Messages of QoS 1 and 2 that the broker takes at a time. */
  receiveMaximum = highestReceiveMaximum
  readonly #visit: Visit
  readonly #events: LoadEvents
  readonly #framer = new Framer(largestPacket)
  /** QoS 2: messages that were taken, until their PUBREL. */
  readonly #taken = new Set<number>()
  #socket: Socket | undefined
  #answer: { resolve: (packet: Packet) => void; reject: (error: AppError) => void } | undefined
  #isLeaving = false

  constructor(visit: Visit, events: LoadEvents) {
    this.#visit = visit
    this.#events = events
  }

  /**
   * @param clientId of this one connection
   * @param keepAlive seconds; longer than the run, as nothing pings
   * @throws UnreachableError
   * @throws RefusedError
   */
  async open(clientId: string, keepAlive: number): Promise<void> {
    const socket = await openInTime(this.#visit.target)
    this.#socket = socket
    socket.on('data', chunk => this.#take(chunk as Buffer))
    socket.on('error', cause => this.#lose(new UnreachableError('Error: The connection was lost.', { cause })))
    socket.on('close', () => this.#lose(new UnreachableError('Error: The connection was lost.')))
    const packet = await this.#ask(cleanConnect(this.#visit, clientId, keepAlive))
    if (packet.type !== PacketType.connack) throw outOfTurn(packet)
    if (packet.reasonCode >= firstFailure) throw refused('in', packet.reasonCode)
    this.receiveMaximum = packet.properties.receiveMaximum ?? highestReceiveMaximum
  }

  /** @throws RefusedError */
  async subscribe(topicFilter: string, qos: QoS): Promise<void> {
    const subscription = { topicFilter, qos, noLocal: false, retainAsPublished: false, retainHandling: 2 } as const
    const properties = noProperties
    const packet = await this.#ask({
      type: PacketType.subscribe,
      packetId: 1,
      subscriptions: [subscription],
      properties,
    })
    if (packet.type !== PacketType.suback) throw outOfTurn(packet)
    const code = packet.reasonCodes[0] ?? firstFailure
    if (code >= firstFailure) throw refused('subscribe', code)
  }

  /** @param written is called when the bytes may be changed */
  write(bytes: Buffer, written: () => void): void {
    this.#socket?.write(bytes, written)
  }

  close(): void {
    this.#isLeaving = true
    this.#send({ type: PacketType.disconnect, reasonCode: 0, properties: noProperties })
    this.#socket?.destroySoon()
  }

  /** Sends a packet and waits for the next one that is no message. */
  async #ask(packet: Packet): Promise<Packet> {
    const { promise, resolve, reject } = Promise.withResolvers<Packet>()
    const answered = new AbortController()
    this.#answer = { resolve, reject }
    this.#send(packet)
    limitAnswer(answered.signal, late => this.#lose(late))
    try {
      return await promise
    } finally {
      answered.abort()
    }
  }

  #take(chunk: Buffer): void {
    this.#socket?.cork()
    try {
      this.#framer.push(chunk)
      while (this.#framer.next()) this.#handle()
      this.#events.wasRead()
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      this.#lose(error)
    }
    this.#socket?.uncork()
  }

  #handle(): void {
    const { buffer, header, start, end } = this.#framer
    if (header >> 4 === PacketType.publish) this.#message(buffer, (header >> 1) & 3, start, end)
    else this.#answered(decodePacket(buffer, header, start, end, this.#visit.protocolVersion))
  }

  #answered(packet: Packet): void {
    switch (packet.type) {
      case PacketType.puback:
      case PacketType.pubcomp:
        this.#events.acknowledged(packet.reasonCode >= firstFailure)
        break
      case PacketType.pubrec:
        if (packet.reasonCode >= firstFailure) this.#events.acknowledged(true)
        else this.#answerWith(0x62, packet.packetId)
        break
      case PacketType.pubrel:
        this.#taken.delete(packet.packetId)
        this.#answerWith(0x70, packet.packetId)
        break
      case PacketType.disconnect:
        this.#lose(refused('stay', packet.reasonCode))
        break
      default:
        this.#answer?.resolve(packet)
        this.#answer = undefined
    }
  }

  /** A PUBLISH: topic, packet id and properties are passed over (§3.3.2). */
  #message(bytes: Buffer, qos: number, start: number, end: number): void {
    let at = start + 2 + bytes.readUInt16BE(start)
    const packetId = qos > 0 ? bytes.readUInt16BE(at) : 0
    if (qos > 0) at += 2
    if (this.#visit.protocolVersion === 5) at = behindProperties(bytes, at)
    const isTaken = qos === 2 && this.#taken.has(packetId)
    if (qos === 2) this.#taken.add(packetId)
    if (!isTaken) this.#events.message(bytes, at, end)
    if (qos > 0) this.#answerWith(qos === 1 ? 0x40 : 0x50, packetId)
  }

  #answerWith(header: number, packetId: number): void {
    this.#socket?.write(Buffer.from([header, 2, packetId >> 8, packetId & 0xff]))
  }

  #send(packet: Packet): void {
    this.#socket?.write(encodePacket(packet, this.#visit.protocolVersion))
  }

  #lose(error: AppError): void {
    if (this.#isLeaving) return
    this.#isLeaving = true
    this.#socket?.destroy()
    this.#answer?.reject(error)
    if (this.#answer === undefined) this.#events.lost(error)
  }
}

function behindProperties(bytes: Buffer, at: number): number {
  let length = 0
  let next = at
  for (let shift = 0; shift <= 21; shift += 7) {
    const byte = bytes[next++] ?? 0
    length |= (byte & 0x7f) << shift
    if (byte < 0x80) break
  }
  return next + length
}

function refused(what: string, code: number): RefusedError {
  return new RefusedError(`Error: The broker does not let us ${what} (reason code 0x${code.toString(16)}).`, code)
}

function outOfTurn({ type }: Packet): UnreachableError {
  return new UnreachableError(`Error: The broker sent a packet of type ${type} out of turn.`)
}
