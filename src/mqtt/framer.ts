// Cuts a byte stream into packets and refuses an announced length before anything of the body is held.

import { giveRoomBack, smallestSharedRoom, takeRoom } from './body-rooms.ts'
import { MalformedPacketError, PacketTooLargeError, type ProtocolError } from './errors.ts'
import { checkFixedHeader } from './fixed-header.ts'

const empty = Buffer.alloc(0)

/** A begun packet first gets this much room, then room doubles at least: memory follows what arrived, not what was announced. */
const smallestRoom = 1024

/** The bits of a remaining length: four bytes of seven (§2.1.4). */
const lengthBits = 28

/**
 * One connection's framer. Push each chunk as it is received, then call `next` until it says false; by then the framer
 * holds no chunk any more, only a copy of a packet that has begun and not ended.
 */
export class Framer {
  /** Most bytes of one packet, fixed header included; a change counts from the next fixed header on. */
  maximumPacketSize: number
  /** First byte of the current packet. */
  header = 0
  /** The current packet's body is `buffer[start, end)`: a view, valid until the next call of `next`, which may give its room away. */
  buffer: Buffer = empty
  start = 0
  end = 0

  /** What was received last and is not framed yet: from `position` on. */
  chunk: Buffer = empty
  position = 0
  readonly #waiting: Buffer[] = []
  /** Whether `chunk` is whoever's who pushed it. */
  isBorrowed = false
  #state: 'type' | 'length' | 'body' = 'type'
  #remainingLength = 0
  #shift = 0
  /** What arrived of a body that spans chunks: `#room[0, #received)`. */
  #room: Buffer = empty
  #received = 0
  /** The room in which the current packet lies. */
  #given: Buffer = empty
  /** The room into which a lent chunk was copied: given back when nothing of it is left. */
  #copied: Buffer = empty
  #failure: ProtocolError | undefined

  constructor(maximumPacketSize: number) {
    this.maximumPacketSize = maximumPacketSize
  }

  /** Whether a packet has begun that has not ended. */
  get partial(): boolean {
    return this.#state !== 'type'
  }

  /** Whether a packet begins at `position`, and nothing before it is left to be framed. */
  get isAtPacket(): boolean {
    return this.#state === 'type' && this.position < this.chunk.length && this.#failure === undefined
  }

  /** Whether what lies in `chunk` will be overwritten once it was passed over: whoever keeps something of it copies it. */
  get isLent(): boolean {
    return this.isBorrowed || this.#copied.length > 0
  }

  /** Passes over whole packets that were taken from `chunk`; what `next` has given is not looked at any more. */
  skipTo(position: number): void {
    this.position = position
    this.#takeBackCopy()
  }

  /**
   * Hands over what was received; the bytes must not change until they were framed.
   *
   * @param isBorrowed whether they will change after `own`, which the caller must call before
   */
  push(chunk: Buffer, isBorrowed = false): void {
    if (chunk.length === 0) return
    if (this.position === this.chunk.length) {
      this.chunk = chunk
      this.position = 0
      this.isBorrowed = isBorrowed
    } else {
      this.#waiting.push(isBorrowed ? Buffer.from(chunk) : chunk)
    }
  }

  /** Copies what is left of a borrowed chunk. */
  own(): void {
    if (!this.isBorrowed) return
    this.isBorrowed = false
    const left = this.chunk.length - this.position
    if (left >= smallestSharedRoom && this.#copied.length === 0) {
      this.#copied = takeRoom(left)
      this.chunk.copy(this.#copied, 0, this.position)
      this.chunk = this.#copied.subarray(0, left)
    } else {
      this.chunk = left > 0 ? Buffer.from(this.chunk.subarray(this.position)) : empty
    }
    this.position = 0
  }

  /**
   * Moves to the next complete packet.
   *
   * @returns false when more bytes are needed
   * @throws MalformedPacketError for a bad fixed header, PacketTooLargeError for an announced length above the limit;
   *   from then on every call throws the same error, as nothing after it can be trusted
   */
  next(): boolean {
    if (this.#failure !== undefined) throw this.#failure
    this.#takeBackRoom()
    this.#takeBackCopy()
    while (this.position < this.chunk.length || this.#takeWaiting()) {
      if (this.#state === 'body') {
        if (this.#gather()) return true
      } else if (this.#readFixedHeader() && this.#takeWhole()) {
        return true
      }
    }
    this.#release()
    return false
  }

  #takeWaiting(): boolean {
    const chunk = this.#waiting.shift()
    if (chunk === undefined) return false
    this.chunk = chunk
    this.position = 0
    this.isBorrowed = false
    return true
  }

  /** Whether type and remaining length are complete; the state then is `body`. */
  #readFixedHeader(): boolean {
    const chunk = this.chunk
    if (this.#state === 'type') {
      this.header = chunk[this.position++] as number
      this.#checkType()
      this.#remainingLength = 0
      this.#shift = 0
      this.#state = 'length'
    }
    while (this.position < chunk.length) {
      const byte = chunk[this.position++] as number
      this.#remainingLength |= (byte & 0x7f) << this.#shift
      this.#shift += 7
      if (byte < 0x80) {
        this.#checkLength()
        this.#state = 'body'
        return true
      }
      if (this.#shift === lengthBits) {
        this.#fail(new MalformedPacketError('§1.5.5', 'remaining length is longer than four bytes'))
      }
    }
    return false
  }

  #checkType(): void {
    try {
      // Here falls what no version allows; the decoder knows the version.
      checkFixedHeader(this.header, 3)
    } catch (error) {
      this.#fail(error as ProtocolError)
    }
  }

  #checkLength(): void {
    const announced = 1 + this.#shift / 7 + this.#remainingLength
    if (announced > this.maximumPacketSize) {
      this.#fail(new PacketTooLargeError(announced, this.maximumPacketSize))
    }
  }

  #fail(error: ProtocolError): never {
    this.#failure = error
    this.#waiting.length = 0
    this.chunk = empty
    this.position = 0
    this.#release()
    throw error
  }

  /** The common case: the whole body lies in this chunk and is not copied, unless the chunk is borrowed. */
  #takeWhole(): boolean {
    if (this.position + this.#remainingLength > this.chunk.length) {
      this.#received = 0
      return this.position < this.chunk.length && this.#gather()
    }
    this.own()
    const end = this.position + this.#remainingLength
    this.#give(this.chunk, this.position, end)
    this.position = end
    return true
  }

  /** Adds what this chunk has of the body, and gives the body if that completes it. */
  #gather(): boolean {
    const missing = this.#remainingLength - this.#received
    const available = Math.min(missing, this.chunk.length - this.position)
    this.#makeRoom(this.#received + available)
    this.chunk.copy(this.#room, this.#received, this.position, this.position + available)
    this.position += available
    this.#received += available
    if (available < missing) return false
    this.#give(this.#room, 0, this.#remainingLength)
    this.#given = this.#room
    this.#room = empty
    this.#received = 0
    return true
  }

  #makeRoom(needed: number): void {
    const room = this.#room
    if (needed <= room.length) return
    const length = Math.min(this.#remainingLength, Math.max(2 * needed, smallestRoom))
    const grown = length < smallestSharedRoom ? Buffer.allocUnsafeSlow(length) : takeRoom(needed)
    room.copy(grown, 0, 0, this.#received)
    this.#room = grown
    giveRoomBack(room)
  }

  #takeBackRoom(): void {
    if (this.#given.length === 0) return
    giveRoomBack(this.#given)
    this.#given = empty
    this.buffer = empty
  }

  #takeBackCopy(): void {
    if (this.#copied.length === 0) return
    if (this.chunk.buffer === this.#copied.buffer && this.position < this.chunk.length) return
    if (this.chunk.length === this.position) this.#release()
    else this.#giveCopyBack()
  }

  #giveCopyBack(): void {
    giveRoomBack(this.#copied)
    this.#copied = empty
  }

  #give(buffer: Buffer, start: number, end: number): void {
    this.buffer = buffer
    this.start = start
    this.end = end
    this.#state = 'type'
  }

  /** Lets go of every chunk: a quiet connection must not pin 64 KiB for its last few bytes. */
  #release(): void {
    this.chunk = empty
    this.position = 0
    this.buffer = empty
    this.start = 0
    this.end = 0
    this.#giveCopyBack()
  }
}
