// A publisher's packets, laid end to end once: sending is to patch a stretch of them and to write it as it lies there.

import { encodePublish, type PublishTemplate } from './packets.ts'
import { stamp, writeUint32 } from './stamp.ts'

/**
 * The most that one write holds. It decides how deep a broker can batch, so it is the same for every broker; a larger
 * one flatters those that merge what they read together.
 */
export const batchBytes = 65_536
/** A reel of several topics holds this many batches at least, so that few writes are cut short where it begins again. */
const batchesPerReel = 8
const highestPacketId = 65_535

export interface ReelOptions {
  /** Published to in turn. */
  readonly topics: readonly string[]
  readonly publisher: number
  readonly qos: number
  readonly protocol: number
  readonly payloadBytes: number
  /** The most packets that one write can need. */
  readonly window: number
}

/** Which part of the reel is to be written, after {@link Reel.wind}. */
export class Reel {
  #from = 0
  #to = 0
  #count = 0
  #cursor = 0
  #sequence = 0
  #packetId = 0
  readonly #bytes: Buffer
  /** Where each packet begins, and behind the last one the end of all. */
  readonly #starts: Int32Array
  readonly #payloadAt: Int32Array
  readonly #packetIdAt: Int32Array
  readonly #withIds: boolean
  /** With one topic all packets are alike, and each write begins at the first: the fewest bytes to keep in the cache. */
  readonly #alike: boolean

  constructor(options: ReelOptions) {
    const templates = options.topics.map(topic => template(topic, options))
    const largest = Math.max(...templates.map(({ bytes }) => bytes.length))
    const batch = Math.max(1, Math.min(options.window, Math.floor(batchBytes / largest)))
    this.#alike = templates.length === 1
    this.#withIds = options.qos > 0
    const least = this.#alike ? batch : batch * batchesPerReel
    const packets = Math.ceil(least / templates.length) * templates.length
    this.#starts = new Int32Array(packets + 1)
    this.#payloadAt = new Int32Array(packets)
    this.#packetIdAt = new Int32Array(packets)
    this.#bytes = Buffer.concat(this.#lay(templates, packets))
  }

  /** Messages wound off so far: the last one's sequence number. */
  get sequence(): number {
    return this.#sequence
  }

  /** Packets of the last {@link wind}. */
  get count(): number {
    return this.#count
  }

  /**
   * Patches time, sequence numbers and packet ids into the next packets: `most` of them, or fewer where the batch or the
   * reel ends. The reel must not be wound again while {@link bytes} are being written.
   */
  wind(most: number, time: number): void {
    const first = this.#alike ? 0 : this.#cursor
    const last = this.#starts.length - 1
    const limit = this.#starts[first]! + batchBytes
    let next = first
    do this.#patch(next++, time)
    while (next - first < most && next < last && this.#starts[next + 1]! <= limit)
    this.#from = this.#starts[first]!
    this.#to = this.#starts[next]!
    this.#count = next - first
    this.#cursor = next === last ? 0 : next
  }

  /** What the last {@link wind} prepared. */
  bytes(): Buffer {
    return this.#bytes.subarray(this.#from, this.#to)
  }

  #patch(packet: number, time: number): void {
    const at = this.#payloadAt[packet]!
    this.#sequence += 1
    writeUint32(this.#bytes, at + stamp.time, time)
    writeUint32(this.#bytes, at + stamp.sequence, this.#sequence)
    if (!this.#withIds) return
    this.#packetId = this.#packetId === highestPacketId ? 1 : this.#packetId + 1
    const idAt = this.#packetIdAt[packet]!
    this.#bytes[idAt] = this.#packetId >>> 8
    this.#bytes[idAt + 1] = this.#packetId
  }

  #lay(templates: readonly PublishTemplate[], packets: number): Buffer[] {
    const laid: Buffer[] = []
    let start = 0
    for (let packet = 0; packet < packets; packet += 1) {
      const { bytes, payloadAt, packetIdAt } = templates[packet % templates.length]!
      this.#starts[packet] = start
      this.#payloadAt[packet] = start + payloadAt
      this.#packetIdAt[packet] = start + packetIdAt
      laid.push(bytes)
      start += bytes.length
    }
    this.#starts[packets] = start
    return laid
  }
}

function template(topic: string, { payloadBytes, qos, protocol, publisher }: ReelOptions): PublishTemplate {
  const made = encodePublish(topic, payloadBytes, qos, protocol)
  writeUint32(made.bytes, made.payloadAt + stamp.publisher, publisher)
  return made
}
