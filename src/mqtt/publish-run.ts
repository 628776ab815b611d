// A run of plain PUBLISH packets as they lie in a receive buffer: all on one topic and of one QoS, not retained, not sent
// before, without properties. At QoS 0 whoever speaks the same version gets them as they are, in one piece.
// Paid for by pairs of clients at QoS 0 with 64 bytes in deep batches: see docs/benchmarks.md, "What was bought".

import type { ProtocolVersion, QoS } from './packet.ts'
import { writeVariableByteInteger } from './writer.ts'

/** Whether a packet that begins so is a PUBLISH that is neither retained nor sent again. */
export function isPlainPublish(header: number): boolean {
  return header === 0x30 || header === 0x32 || header === 0x34
}

/** From such a share of the chunk it lies in, a run is sent without a copy: it keeps at most twice its size alive. */
const shareWorthKeeping = 0.5

/** Longer packets are read one by one: their bytes cost more than their headers. */
const longestRemainingLength = 16_000

const empty = Buffer.alloc(0)

/** Serves one run after the other: `begin`, `extend`, then either the bytes as a whole or packet by packet. */
export class PublishRun {
  buffer: Buffer = empty
  /** The packets are `buffer[start, end)`. */
  start = 0
  end = 0
  qos: QoS = 0
  /** How many packets. */
  count = 0
  /** Of all packets together. */
  payloadBytes = 0
  /** Bytes of the longest packet. */
  longestPacket = 0
  /** The topic name is `buffer[topicStart, topicStart + topicLength)`. */
  topicStart = 0
  topicLength = 0
  /** The packet that was looked at last: `buffer[packetStart, packetEnd)`, its payload from `payloadStart` on. */
  packetStart = 0
  payloadStart = 0
  packetEnd = 0
  /** Its packet id; 0 at QoS 0. */
  packetId = 0
  #header = 0
  #version: ProtocolVersion = 4
  #maximumPacketSize = 0
  #isLent = true
  #same: Buffer | undefined = undefined
  #translated: Buffer | undefined = undefined

  /**
   * Begins with the packet at `start`.
   *
   * @param maximumPacketSize longer packets are left to whoever refuses them
   * @param isLent whether the buffer will be written to again when the run is over
   * @returns false when no whole plain packet lies there
   */
  begin(buffer: Buffer, start: number, version: ProtocolVersion, maximumPacketSize: number, isLent = true): boolean {
    this.buffer = buffer
    this.start = start
    this.end = start
    this.count = 0
    this.payloadBytes = 0
    this.longestPacket = 0
    this.topicLength = 0
    this.#version = version
    this.#maximumPacketSize = maximumPacketSize
    this.#isLent = isLent
    this.#same = undefined
    this.#translated = undefined
    this.#header = buffer[start] as number
    this.qos = ((this.#header >> 1) & 3) as QoS
    return isPlainPublish(this.#header) && this.#look(start)
  }

  /**
   * Takes in the first packet and what follows on the same topic.
   *
   * @param maximumCount of packets
   * @param maximumBytes of all of them together; the first may be longer
   * @param maximumPayload bytes; the run ends before a longer one
   */
  extend(maximumCount: number, maximumBytes: number, maximumPayload: number): void {
    let at = this.start
    do {
      const payloadLength = this.packetEnd - this.payloadStart
      if (payloadLength > maximumPayload || (this.count > 0 && this.packetEnd - this.start > maximumBytes)) return
      this.count++
      this.payloadBytes += payloadLength
      this.longestPacket = Math.max(this.longestPacket, this.packetEnd - at)
      at = this.packetEnd
      this.end = at
    } while (this.count < maximumCount && this.#look(at))
  }

  /** Whether packets of `version` look like these. */
  looksAsIn(version: ProtocolVersion): boolean {
    return (version === 5) === (this.#version === 5)
  }

  /** The packets as `version` has them, at QoS 0; made once per run, and never changed afterwards. */
  bytesFor(version: ProtocolVersion): Uint8Array {
    if (this.looksAsIn(version)) {
      this.#same ??= this.#keep()
      return this.#same
    }
    this.#translated ??= this.#translate()
    return this.#translated
  }

  /** Goes back to the first packet. */
  rewind(): void {
    this.packetEnd = this.start
  }

  /** Looks at the next packet. @returns false at the run's end */
  step(): boolean {
    return this.packetEnd < this.end && this.#look(this.packetEnd)
  }

  /** Lets go of the buffer: a run that is over keeps nothing alive. */
  release(): void {
    this.buffer = empty
    this.#same = undefined
    this.#translated = undefined
  }

  /** Whether a plain packet of the run's topic lies at `start`; the first one says which topic that is. */
  #look(start: number): boolean {
    const { buffer } = this
    const limit = buffer.length
    if (start + 4 > limit || buffer[start] !== this.#header) return false
    let remainingLength = buffer[start + 1] as number
    let topicAt = start + 2
    if (remainingLength >= 0x80) {
      // What is longer than two bytes can say, or not said in the fewest, is read the slow way.
      const second = buffer[topicAt++] as number
      if (second === 0 || second >= 0x80) return false
      remainingLength = (remainingLength & 0x7f) | (second << 7)
    }
    const end = topicAt + remainingLength
    if (remainingLength < 2 || remainingLength > longestRemainingLength) return false
    if (end > limit || end - start > this.#maximumPacketSize) return false
    if (!this.#readTopic(topicAt)) return false
    let payloadStart = topicAt + 2 + this.topicLength
    if (this.qos > 0) {
      this.packetId = ((buffer[payloadStart] as number) << 8) | (buffer[payloadStart + 1] as number)
      payloadStart += 2
      // What no packet may use is refused by whoever decodes it. Beyond the end it is not looked at.
      if (this.packetId === 0) return false
    }
    // MQTT 5: the length of no properties.
    if (this.#version === 5 && (payloadStart >= end || buffer[payloadStart++] !== 0)) return false
    if (payloadStart > end) return false
    this.packetStart = start
    this.payloadStart = payloadStart
    this.packetEnd = end
    return true
  }

  #readTopic(at: number): boolean {
    const { buffer } = this
    const length = ((buffer[at] as number) << 8) | (buffer[at + 1] as number)
    if (this.count === 0) {
      this.topicStart = at + 2
      this.topicLength = length
      return length > 0
    }
    if (length !== this.topicLength) return false
    const shift = at + 2 - this.topicStart
    for (let index = this.topicStart + length - 1; index >= this.topicStart; index--) {
      if (buffer[index] !== buffer[index + shift]) return false
    }
    return true
  }

  #keep(): Buffer {
    const { buffer, start, end } = this
    const view = buffer.subarray(start, end)
    const isWorthKeeping = !this.#isLent && end - start >= buffer.buffer.byteLength * shareWorthKeeping
    return isWorthKeeping ? view : Buffer.from(view)
  }

  /** Writes every packet with or without the one byte that says "no properties". */
  #translate(): Buffer {
    const toVersion5 = this.#version !== 5
    // At most the byte itself and one more of the remaining length for each.
    const translated = Buffer.allocUnsafe(this.end - this.start + (toVersion5 ? 2 * this.count : 0))
    const topicSize = 2 + this.topicLength
    let at = 0
    for (this.rewind(); this.step(); ) {
      const payloadLength = this.packetEnd - this.payloadStart
      const remainingLength = topicSize + (toVersion5 ? 1 : 0) + payloadLength
      translated[at++] = this.#header
      at = writeVariableByteInteger(translated, at, remainingLength)
      this.buffer.copy(translated, at, this.topicStart - 2, this.topicStart + this.topicLength)
      at += topicSize
      if (toVersion5) translated[at++] = 0
      this.buffer.copy(translated, at, this.payloadStart, this.packetEnd)
      at += payloadLength
    }
    return translated.subarray(0, at)
  }
}
