// One publisher of `castellan bench`: what it may have on the way, and sending as much as that in one write. Each payload begins with
// what tells it apart: the run, the publisher, its number, and when it was to be sent.

import { encodePacket } from '../mqtt/codec.ts'
import { noProperties, PacketType, type ProtocolVersion, type QoS } from '../mqtt/packet.ts'
import type { LoadConnection } from './load-connection.ts'

/** Where in a payload each of the four stands. */
export const stamp = { run: 0, publisher: 4, sequence: 8, time: 12 } as const
/** The most bytes of one write, unless one message is longer. */
const batchBytes = 65_536
const highestPacketId = 65_535
/** Microseconds: a little more than lies between two looks at what is due. */
const noticeable = 8000

export interface PublisherOptions {
  readonly connection: Pick<LoadConnection, 'write'>
  readonly version: ProtocolVersion
  /** Published to in turn. */
  readonly topics: readonly string[]
  readonly size: number
  readonly qos: QoS
  /** Messages that the broker may owe an answer for; infinite at QoS 0. */
  readonly window: number
  /** Messages that some subscriber may not have yet; infinite where there is none. */
  readonly deliveryWindow: number
  readonly run: number
  readonly index: number
}

interface Template {
  readonly bytes: Buffer
  readonly payloadAt: number
  /** Undefined at QoS 0. */
  readonly packetIdAt: number | undefined
}

export class LoadPublisher {
  /** Messages sent; the last one's number. */
  sent = 0
  /** Messages that the broker has answered. */
  answered = 0
  /** Messages that all subscribers have. */
  heard = 0
  /** Messages that no subscriber will have: refused, or given up. */
  writtenOff = 0
  #topic = 0
  #packetId = 0
  #isWriting = false
  readonly #options: PublisherOptions
  readonly #templates: readonly Template[]

  constructor(options: PublisherOptions) {
    this.#options = options
    this.#templates = options.topics.map(topicName => templateOf(topicName, options))
  }

  /** How many it may send now. */
  get credit(): number {
    if (this.#isWriting) return 0
    const { window, deliveryWindow } = this.#options
    const undelivered = this.sent - this.heard - this.writtenOff
    return Math.max(0, Math.min(window - (this.sent - this.answered), deliveryWindow - undelivered))
  }

  /**
   * Sends as many as it may, those of them that are due. Who sends them late enough to be noticed has them bear the time at which
   * they were due, so that waiting counts.
   *
   * @param now microseconds, as all times here
   * @param first when the first message of all was due
   * @param gap between two messages; 0 when all are due at once
   */
  send(now: number, first: number, gap: number): void {
    const due = gap === 0 ? Number.POSITIVE_INFINITY : Math.floor((now - first) / gap) + 1 - this.sent
    const count = Math.min(due, this.credit)
    if (count <= 0) return
    const packets: Buffer[] = []
    for (let bytes = 0; packets.length < count && bytes < batchBytes; ) {
      const time = Math.trunc(first + gap * this.sent)
      const packet = this.#next(now - time > noticeable ? time : now)
      packets.push(packet)
      bytes += packet.length
    }
    this.#isWriting = true
    this.#options.connection.write(
      packets.length === 1 ? (packets[0] as Buffer) : Buffer.concat(packets),
      this.#written,
    )
  }

  #next(time: number): Buffer {
    const template = this.#templates[this.#topic] as Template
    this.#topic = (this.#topic + 1) % this.#templates.length
    const bytes = Buffer.from(template.bytes)
    this.sent += 1
    bytes.writeUInt32LE(this.sent, template.payloadAt + stamp.sequence)
    bytes.writeUInt32LE(time, template.payloadAt + stamp.time)
    if (template.packetIdAt !== undefined) {
      this.#packetId = this.#packetId === highestPacketId ? 1 : this.#packetId + 1
      bytes.writeUInt16BE(this.#packetId, template.packetIdAt)
    }
    return bytes
  }

  readonly #written = (): void => {
    this.#isWriting = false
  }
}

function templateOf(topicName: string, { version, size, qos, run, index }: PublisherOptions): Template {
  const payload = Buffer.alloc(size, 'abcdefghijklmnopqrstuvwxyz')
  payload.writeUInt32LE(run, stamp.run)
  payload.writeUInt32LE(index, stamp.publisher)
  const fields = { dup: false, qos, retain: false, topicName, packetId: qos > 0 ? 1 : 0, payload } as const
  const bytes = encodePacket({ type: PacketType.publish, ...fields, properties: noProperties }, version)
  const payloadAt = bytes.length - size
  const propertyBytes = version === 5 ? 1 : 0
  return { bytes: Buffer.from(bytes), payloadAt, packetIdAt: qos > 0 ? payloadAt - propertyBytes - 2 : undefined }
}
