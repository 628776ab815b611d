// What the program itself publishes: one client for all of it, opened with the first message, in the order in which it was asked.

import type { AppError } from '../base/errors.ts'
import { noProperties, type Packet, PacketType, type Publish } from '../mqtt/packet.ts'
import { Fifo } from '../session/fifo.ts'
import { sizeOfMessage } from '../session/message.ts'
import { ClosedError, MessageError, QueueFullError, RefusedError } from './errors.ts'
import {
  acknowledgement,
  InProcessClient,
  type InProcessUser,
  type OpenClient,
  type TakeStream,
} from './in-process-client.ts'
import { checkedPayload, checkedProperties, checkedQoS, checkedTopicName } from './message.ts'
import type { PublishOptions } from './own-messages.ts'

/** Messages that were handed to `publish` and are not safe yet. */
export const mostUnfinished = 10_000
/** Of QoS 1 and 2 on the way to the broker, where it says nothing else (§3.2.2.3.3). */
const defaultReceiveMaximum = 65_535

/** Without the packet id, which is chosen when it is sent. */
export type OwnPacket = Omit<Publish, 'packetId'>

interface Job {
  readonly packet: OwnPacket
  resolve(): void
  reject(error: AppError): void
}

export class Publisher {
  readonly #take: TakeStream
  readonly #jobs = new Fifo<Job>()
  /** Of QoS 1 and 2, by packet id. */
  readonly #underWay = new Map<number, Job>()
  /** Of QoS 0, not read by the broker yet. */
  readonly #handedOver = new Set<Job>()
  #open: OpenClient | undefined = undefined
  #isOpening = false
  #isClosed = false
  #unfinished = 0
  #lastPacketId = 0
  readonly #user: InProcessUser = { received: packet => this.#received(packet), lost: error => this.#fail(error) }

  constructor(take: TakeStream) {
    this.#take = take
  }

  /**
   * @returns when the broker has done what its acknowledgement promises: at QoS 1 and 2 the message is in every session and store
   *   that it has to reach, and safe there
   * @throws MessageError, QueueFullError, RefusedError or ClosedError
   */
  async publish(packet: OwnPacket): Promise<void> {
    if (this.#isClosed) throw new ClosedError()
    if (this.#unfinished >= mostUnfinished) throw new QueueFullError(`${mostUnfinished} messages are on their way`)
    this.#unfinished++
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#jobs.push({ packet, resolve, reject })
    this.#pump()
    try {
      await promise
    } finally {
      this.#unfinished--
    }
  }

  close(): void {
    this.#isClosed = true
    this.#open?.client.close()
    this.#fail(new ClosedError())
  }

  #received(packet: Packet): void {
    switch (packet.type) {
      case PacketType.puback:
        this.#finish(packet.packetId, packet.reasonCode)
        return
      case PacketType.pubrec:
        if (packet.reasonCode >= 0x80) this.#finish(packet.packetId, packet.reasonCode)
        else this.#open?.client.send(acknowledgement(PacketType.pubrel, packet.packetId))
        return
      case PacketType.pubcomp:
        this.#finish(packet.packetId, packet.reasonCode)
        return
      default:
    }
  }

  #fail(error: AppError): void {
    this.#open = undefined
    for (const job of [...this.#underWay.values(), ...this.#handedOver]) job.reject(error)
    this.#underWay.clear()
    this.#handedOver.clear()
    for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) job.reject(error)
  }

  #pump(): void {
    if (this.#open === undefined) {
      void this.#connect()
      return
    }
    const { connack } = this.#open
    const most = connack.properties.receiveMaximum ?? defaultReceiveMaximum
    for (let job = this.#jobs.peek(); job !== undefined; job = this.#jobs.peek()) {
      if (job.packet.qos > 0 && this.#underWay.size >= most) return
      this.#jobs.shift()
      this.#send(job, this.#open)
    }
  }

  async #connect(): Promise<void> {
    if (this.#isOpening) return
    this.#isOpening = true
    try {
      this.#open = await InProcessClient.open(this.#take, this.#user, defaultReceiveMaximum)
      if (this.#isClosed) this.close()
      else this.#pump()
    } catch (error) {
      this.#fail(error as AppError)
    } finally {
      this.#isOpening = false
    }
  }

  #send(job: Job, { client, connack }: OpenClient): void {
    const { packet } = job
    const { maximumPacketSize = Number.POSITIVE_INFINITY } = connack.properties
    if (sizeOf(packet) > maximumPacketSize) {
      job.reject(new MessageError(`a packet may have ${maximumPacketSize} bytes (max_packet_size)`))
    } else if (packet.qos === 0) {
      this.#handedOver.add(job)
      client.send({ ...packet, packetId: 0 }, () => {
        this.#handedOver.delete(job)
        job.resolve()
      })
    } else {
      const packetId = this.#freePacketId()
      this.#underWay.set(packetId, job)
      client.send({ ...packet, packetId })
    }
  }

  #finish(packetId: number, reasonCode: number): void {
    const job = this.#underWay.get(packetId)
    if (job === undefined) return
    this.#underWay.delete(packetId)
    if (reasonCode < 0x80) job.resolve()
    else job.reject(new RefusedError('a message', reasonCode))
    this.#pump()
  }

  #freePacketId(): number {
    do this.#lastPacketId = this.#lastPacketId === 65_535 ? 1 : this.#lastPacketId + 1
    while (this.#underWay.has(this.#lastPacketId))
    return this.#lastPacketId
  }
}

/** Of a fixed header, the length of the topic name, a packet id and the length of the properties, at most. */
const headerBytes = 13

function sizeOf({ payload, topicName, properties }: OwnPacket): number {
  return headerBytes + sizeOfMessage(payload.length, Buffer.byteLength(topicName), properties)
}

/** @throws MessageError for what cannot be sent */
export function packetOf(topicName: string, payload: string | Uint8Array, options: PublishOptions = {}): OwnPacket {
  const { qos = 0, retain = false, properties } = options
  return {
    type: PacketType.publish,
    dup: false,
    qos: checkedQoS(qos),
    retain: retain === true,
    topicName: checkedTopicName(topicName),
    payload: checkedPayload(payload),
    properties: properties === undefined ? noProperties : checkedProperties(properties),
  }
}
