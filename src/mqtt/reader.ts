// Reads the data types of MQTT 5 §1.5 from one packet's body; nothing is read, sliced or allocated beyond its end.

import { MalformedPacketError, ProtocolViolationError } from './errors.ts'
import { decodeUtf8 } from './utf8.ts'

const empty = Buffer.alloc(0)

/** A position in `buffer[start, end)`. `what` names the field for errors. Every method throws MalformedPacketError. */
export class Reader {
  buffer: Buffer = empty
  position = 0
  end = 0

  /** Starts over on another packet, so that one reader serves many. */
  reset(buffer: Buffer, start: number, end: number): void {
    this.buffer = buffer
    this.position = start
    this.end = end
  }

  get remaining(): number {
    return this.end - this.position
  }

  byte(what: string): number {
    return this.buffer[this.skip(1, what)] as number
  }

  uint16(what: string): number {
    const at = this.skip(2, what)
    return ((this.buffer[at] as number) << 8) | (this.buffer[at + 1] as number)
  }

  uint32(what: string): number {
    return this.buffer.readUInt32BE(this.skip(4, what))
  }

  /** One to four bytes, in the shortest form only [MQTT-1.5.5-1]. */
  variableByteInteger(what: string): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte(what)
      value |= (byte & 0x7f) << shift
      if (byte >= 0x80) continue
      if (byte === 0 && shift > 0) {
        throw new MalformedPacketError('MQTT-1.5.5-1', `${what} is not encoded in the fewest bytes`)
      }
      return value
    }
    throw new MalformedPacketError('§1.5.5', `${what} is longer than four bytes`)
  }

  utf8(what: string): string {
    const length = this.uint16(what)
    const start = this.skip(length, what)
    return decodeUtf8(this.buffer, start, start + length, what)
  }

  /** Copied, so that what is kept of it does not pin the receive buffer. */
  binary(what: string): Buffer {
    const length = this.uint16(what)
    const start = this.skip(length, what)
    const copy = Buffer.allocUnsafeSlow(length)
    this.buffer.copy(copy, 0, start, start + length)
    return copy
  }

  /** @throws ProtocolViolationError for 0, which no packet may use */
  packetId(): number {
    const packetId = this.uint16('packet id')
    if (packetId === 0) throw new ProtocolViolationError('MQTT-2.2.1-3', 'packet id is 0, expected 1 to 65535')
    return packetId
  }

  /** Everything up to the end, as a view. */
  rest(): Buffer {
    const view = this.buffer.subarray(this.position, this.end)
    this.position = this.end
    return view
  }

  /** Steps over `length` bytes and returns where they begin. */
  skip(length: number, what: string): number {
    const start = this.position
    if (length > this.end - start) throw new MalformedPacketError('§1.5', `packet ends within its ${what}`)
    this.position = start + length
    return start
  }

  /** Refuses bytes that no field accounts for. */
  finish(): void {
    if (this.position === this.end) return
    throw new MalformedPacketError('§2.1.4', `packet is ${this.remaining} bytes longer than its fields`)
  }
}
