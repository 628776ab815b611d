// One client's byte stream, over TCP, TLS or a unix socket: bytes to packets, packets out in one write per turn,
// backpressure both ways, and the deadlines that end a peer which trickles or never reads.

import type { Clock } from '../base/clock.ts'
import { Timer, type TimerWheel } from '../base/timer-wheel.ts'
import { decodePacket } from '../mqtt/codec.ts'
import { ProtocolError } from '../mqtt/errors.ts'
import { Framer } from '../mqtt/framer.ts'
import type { Packet } from '../mqtt/packet.ts'
import type { AcceptedStream, ByteStream, StreamReader } from './byte-stream.ts'
import type { ConnectionHandler, TransportEnd } from './connection-handler.ts'
import type { TransportLimits } from './limits.ts'
import type { Outbox } from './outbox.ts'
import { type TurnQueue, turnLength } from './turn-queue.ts'
import { WriteQueue } from './write-queue.ts'

/** Counts bytes for `$SYS`; called per chunk. */
export interface TrafficSink {
  received(bytes: number): void
  sent(bytes: number): void
}

export interface ConnectionDeps {
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly outbox: Outbox
  readonly turns: TurnQueue
  readonly traffic: TrafficSink
  readonly limits: TransportLimits
  readonly owner: ConnectionOwner
}

/** Whoever keeps count of connections. */
export interface ConnectionOwner {
  /** Called once, when the client is let in. */
  established(accepted: AcceptedStream): void
  /** Called once, before anything else is received: a TLS handshake begins on a stream without TLS. */
  spokeTls(accepted: AcceptedStream): void
}

/**
 * The connection's state; each may only become a later one.
 *
 * - `open`: packets are handed over, bytes are sent.
 * - `failed`: the peer broke MQTT; what it sends is dropped, what we send still leaves.
 * - `closing`: as failed, and nothing more is accepted; ends when the queue has left.
 * - `closed`: the socket is gone or going.
 */
type State = 'open' | 'failed' | 'closing' | 'closed'

/** Bytes that wait for more than the operating system. */
interface Held {
  readonly until: number
  readonly queue: WriteQueue
}

/** Bytes after which it waits for a round: a socket that always has more is read 32 times in a row otherwise. */
const turnBytes = 64 * 1024
/** Most bytes of a TLS record; of sockets without TLS four times as many are read at once. What is no multiple has left nothing. */
const wholeReadBytes = 16 * 1024

/** Small packets between two looks at the clock. */
const packetsPerLook = 8
/** Bytes of one that is not small: a SUBSCRIBE of so many has dozens of filters. */
const worthLooking = 512

/** ContentType of a TLS record that carries a handshake (RFC 8446 §5.1); no MQTT packet begins so. */
const tlsHandshakeRecord = 22

const lostBytes = 4096
/** Where packets for a connection that takes none any more are written; larger ones have their own place. */
const keptLost = Buffer.alloc(lostBytes)
let lost = keptLost

/** Satisfies `Transport` of session/transport.ts, which this room may not import. */
export class SocketConnection implements StreamReader {
  readonly #stream: ByteStream
  readonly #accepted: AcceptedStream
  readonly #deps: ConnectionDeps
  readonly #framer: Framer
  readonly #queue = new WriteQueue()
  /** Behind the queue, in order; made with the first. */
  #held: Held[] | undefined = undefined
  /** These are made when they are first needed: most connections are idle. */
  #packetTimer: Timer | undefined = undefined
  #writeTimer: Timer | undefined = undefined
  #handler: ConnectionHandler | undefined
  #hasReceived = false
  #state: State = 'open'
  #paused = false
  /** The peer asks faster than it takes the answers: nothing is read until half of them have left. */
  #heldBack = false
  /** The packet that the handler could not take yet. */
  #refused: Packet | undefined = undefined
  #pumping = false
  #pumpScheduled = false
  #turnAsked = false
  /** Bytes of the last reads, as long as each was as long as can be. */
  #unbroken = 0
  /** Milliseconds of its last turn. */
  #lastTurn = 0
  #flushScheduled = false
  /** The peer has sent its last byte, and we have not looked at all of them yet. */
  #endReceived = false
  /** Bytes handed to the stream whose write has not completed. */
  #writing = 0
  #outcome: TransportEnd = { kind: 'closed-by-peer' }

  /**
   * @param stream nothing is read from it before `start`
   * @param accepted what carries it; the same, but for TLS
   */
  constructor(stream: ByteStream, accepted: AcceptedStream, deps: ConnectionDeps) {
    this.#stream = stream
    this.#accepted = accepted
    this.#deps = deps
    this.#framer = new Framer(deps.limits.maximumStrangerPacketSize)
  }

  /** Begins to read; called once. */
  start(handler: ConnectionHandler): void {
    this.#handler = handler
    const stream = this.#stream
    stream.attach(this)
    if (this.isReading && !stream.isDestroyed) stream.resume()
  }

  /** Bytes accepted by `send` that the operating system has not taken yet. */
  get queuedBytes(): number {
    return this.#queue.bytes + this.#writing + this.#heldBytes
  }

  get #heldBytes(): number {
    let bytes = 0
    if (this.#held !== undefined) for (const { queue } of this.#held) bytes += queue.bytes
    return bytes
  }

  hold(until: number): void {
    if (!this.#accepts) return
    this.#held ??= []
    if (this.#held.at(-1)?.until !== until) this.#held.push({ until, queue: new WriteQueue() })
  }

  get isHolding(): boolean {
    return this.#held !== undefined
  }

  letGo(reached: number): void {
    const held = this.#held
    if (held === undefined || this.#state === 'closed') return
    while (held[0] !== undefined && held[0].until <= reached) {
      const { queue } = held[0]
      while (queue.bytes > 0) this.#queue.push(queue.take())
      held.shift()
    }
    if (held.length === 0) this.#held = undefined
    if (this.#queue.bytes > 0) this.#scheduleFlush()
    else if (this.#state === 'closing' && this.queuedBytes === 0) this.#stream.end()
  }

  /** Where bytes go that are sent now. */
  get #end(): WriteQueue {
    return this.#held === undefined ? this.#queue : (this.#held.at(-1) as Held).queue
  }

  send(bytes: Uint8Array): void {
    if (!this.#accepts) return
    this.#end.push(bytes)
    this.#scheduleFlush()
  }

  sendAhead(bytes: Uint8Array): void {
    if (!this.#accepts) return
    this.#queue.push(bytes)
    this.#scheduleFlush()
  }

  reserve(size: number): number {
    if (!this.#accepts) {
      lost = size <= lostBytes ? keptLost : Buffer.allocUnsafe(size)
      return 0
    }
    const start = this.#end.reserve(size)
    this.#scheduleFlush()
    return start
  }

  get room(): Buffer {
    return this.#accepts ? this.#end.room : lost
  }

  /** For the outbox alone: writes what the turn has queued. */
  flush(): void {
    this.#flushScheduled = false
    if (this.#state !== 'closed' && this.#writing === 0 && this.#queue.bytes > 0) this.#write()
  }

  close(): void {
    if (!this.#accepts) return
    this.#state = 'closing'
    this.#clear(this.#packetTimer)
    this.#setWriteDeadline()
    this.#discardInput()
    if (this.queuedBytes === 0) this.#stream.end()
  }

  destroy(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#queue.clear()
    this.#held = undefined
    this.#writing = 0
    this.#refused = undefined
    this.#clear(this.#packetTimer)
    this.#clear(this.#writeTimer)
    this.#stream.destroy()
  }

  /** The client is let in: larger packets are accepted, and it is no longer counted among those that are not. */
  established(maximumPacketSize = Number.POSITIVE_INFINITY): void {
    this.#framer.maximumPacketSize = Math.min(maximumPacketSize, this.#deps.limits.maximumPacketSize)
    this.#deps.owner.established(this.#accepted)
  }

  pause(): void {
    if (this.#paused || this.#state !== 'open') return
    this.#paused = true
    this.#stopReading()
  }

  resume(): void {
    if (!this.#paused || this.#state !== 'open') return
    this.#paused = false
    this.#schedulePump()
  }

  askForTurn(): void {
    if (!this.#accepts) return
    this.#turnAsked = true
    if (this.#pumpScheduled) return
    this.#pumpScheduled = true
    this.#deps.turns.add(this)
  }

  /** For `TurnQueue` alone: first what was read already, then the socket again, then what the handler has asked a turn for. */
  pump(): number {
    this.#pumpScheduled = false
    const before = this.#lastTurn
    const readsOn = this.isReading && this.#readOn()
    if (this.#turnAsked) this.#giveTurn()
    return readsOn ? before : 0
  }

  /** @returns whether what comes next has its turn as soon as it is read */
  #readOn(): boolean {
    this.#handOver()
    if (!this.isReading || this.#pumpScheduled) return false
    if (this.#endReceived) this.close()
    else this.#stream.resume()
    return !this.#endReceived
  }

  #giveTurn(): void {
    this.#turnAsked = false
    if (this.#accepts) this.#handler?.takeTurn(this.#deps.clock.now())
  }

  get isReading(): boolean {
    return !this.#paused && !this.#heldBack && this.#state === 'open'
  }

  get #accepts(): boolean {
    return this.#state === 'open' || this.#state === 'failed'
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled || this.#writing > 0) return
    this.#flushScheduled = true
    this.#deps.outbox.add(this)
  }

  #stopReading(): void {
    // The peer is not slow while it is us who do not read.
    this.#clear(this.#packetTimer)
    this.#stream.pause()
  }

  /** Reads again. Not at once: the caller may be inside `receive`, and packets must keep their order. */
  #schedulePump(): void {
    if (this.#pumpScheduled || !this.isReading) return
    this.#pumpScheduled = true
    this.#deps.turns.add(this)
  }

  /** @internal for the stream, as are those below */
  received(chunk: Buffer, isBorrowed: boolean): void {
    this.#deps.traffic.received(chunk.length)
    if (!this.#hasReceived) this.#receivedFirst(chunk)
    if (this.#state !== 'open') return
    this.#framer.push(chunk, isBorrowed)
    // One more chunk may come after pause(), and resume() has its own turn: both find it in the framer.
    if (this.isReading && !this.#pumpScheduled) this.#handOver()
    this.#framer.own()
    this.#unbroken = chunk.length % wholeReadBytes === 0 ? this.#unbroken + chunk.length : 0
    if (this.#unbroken >= turnBytes) this.#waitForRound()
  }

  /** Whoever sends without a pause is read again when others have been. The deadline of a packet goes on. */
  #waitForRound(): void {
    this.#unbroken = 0
    if (!this.isReading) return
    this.#stream.pause()
    this.#schedulePump()
  }

  /** @internal Who stops sending is gone, as with Mosquitto; it still gets the answers to what it sent. */
  peerEnded(): void {
    this.#endReceived = true
    if (this.isReading && !this.#pumpScheduled) this.close()
  }

  #receivedFirst(chunk: Buffer): void {
    this.#hasReceived = true
    if (chunk[0] === tlsHandshakeRecord && !this.#stream.isTls) this.#deps.owner.spokeTls(this.#accepted)
  }

  #handOver(): void {
    if (this.#pumping) return
    this.#pumping = true
    let packets = 0
    const { clock, limits, outbox } = this.#deps
    const framer = this.#framer
    const waitingBefore = outbox.waiting
    let now = clock.now()
    const begun = now
    while (this.isReading) {
      if (this.#queueWeight >= limits.maximumQueueWeight) {
        this.#heldBack = true
        this.#stopReading()
        break
      }
      const taken = this.#takeNext(now)
      if (taken === 'nothing') break
      packets++
      // Reading the clock costs a tenth of what a small packet does; a run may be long.
      const isSmall = taken === 'packet' && framer.end - framer.start < worthLooking
      if (isSmall && packets % packetsPerLook !== 0) continue
      now = clock.now()
      if (now >= begun + turnLength(outbox.waiting - waitingBefore) && framer.isAtPacket && this.isReading) {
        this.#stopReading()
        this.#schedulePump()
        break
      }
    }
    this.#pumping = false
    this.#lastTurn = now - begun
    if (this.isReading && !this.#pumpScheduled) this.#watchPacket(packets, now)
  }

  /** Hands over the next packet, or a run of them. */
  #takeNext(now: number): 'packet' | 'run' | 'nothing' {
    const framer = this.#framer
    const handler = this.#handler
    if (handler === undefined) return 'nothing'
    if (this.#refused === undefined && framer.isAtPacket) {
      const { chunk, position, maximumPacketSize, isLent } = framer
      const end = handler.receiveBytes(chunk, position, maximumPacketSize, now, isLent)
      if (end > framer.position) {
        framer.skipTo(end)
        return 'run'
      }
    }
    const packet = this.#refused ?? this.#decodeNext(handler)
    if (packet === undefined) return 'nothing'
    this.#refused = handler.receive(packet, now) ? undefined : packet
    return this.#refused === undefined ? 'packet' : 'nothing'
  }

  #decodeNext(handler: ConnectionHandler): Packet | undefined {
    const framer = this.#framer
    try {
      if (!framer.next()) return undefined
      const { buffer, header, start, end } = framer
      return decodePacket(buffer, header, start, end, handler.protocolVersion, handler.topics)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#state = 'failed'
      this.#clear(this.#packetTimer)
      this.#discardInput()
      handler.fail(error)
      return undefined
    }
  }

  /** A packet that was begun must be complete in time; each new one gets its own deadline, each chunk does not. */
  #watchPacket(completed: number, now: number): void {
    if (!this.#framer.partial) {
      this.#clear(this.#packetTimer)
      return
    }
    this.#packetTimer ??= new Timer(() => this.#cutOff('packet_timeout'))
    const { wheel, limits } = this.#deps
    if (completed > 0 || !this.#packetTimer.isSet) wheel.set(this.#packetTimer, now + limits.packetTimeoutMs)
  }

  /**
   * Reads on and forgets: closing a socket with unread bytes in it makes the kernel send a reset, which may overtake our
   * last packet.
   */
  #discardInput(): void {
    this.#paused = false
    this.#heldBack = false
    if (this.#handler !== undefined) this.#stream.resume()
  }

  /** Writes what is queued, until the operating system takes no more at once. */
  #write(): void {
    do {
      const piece = this.#queue.take()
      this.#deps.traffic.sent(piece.length)
      if (!this.#stream.write(piece)) {
        this.#writing = piece.length
        if (this.#state !== 'closing') this.#setWriteDeadline()
        return
      }
      this.#queue.reuse()
      // A write that failed has ended the stream.
      if (this.#stream.isDestroyed) return
    } while (this.#queue.bytes > 0)
    this.#emptied()
  }

  /** @internal */
  written(): void {
    this.#writing = 0
    if (this.#state === 'closed') return
    this.#hearAgain()
    if (this.#queue.bytes > 0) this.#write()
    else this.#emptied()
  }

  /** Everything has left. */
  #emptied(): void {
    if (this.#state === 'closed') return
    if (this.#state === 'closing') {
      if (this.#held === undefined) this.#stream.end()
      return
    }
    this.#clear(this.#writeTimer)
    this.#hearAgain()
    this.#handler?.drained()
  }

  #hearAgain(): void {
    if (!this.#heldBack || this.#queueWeight * 2 > this.#deps.limits.maximumQueueWeight) return
    this.#heldBack = false
    this.#schedulePump()
  }

  get #queueWeight(): number {
    return this.#queue.weight + this.#writing + this.#heldBytes
  }

  #clear(timer: Timer | undefined): void {
    if (timer !== undefined) this.#deps.wheel.clear(timer)
  }

  #setWriteDeadline(): void {
    this.#writeTimer ??= new Timer(() => this.#cutOff('write_timeout'))
    this.#deps.wheel.set(this.#writeTimer, this.#deps.clock.now() + this.#deps.limits.writeTimeoutMs)
  }

  #cutOff(limit: 'packet_timeout' | 'write_timeout'): void {
    this.#outcome = { kind: 'limit', limit }
    this.destroy()
  }

  /** @internal */
  failed(reason: string): void {
    this.#outcome = { kind: 'failed', message: reason }
    this.destroy()
  }

  /** @internal */
  closed(): void {
    this.destroy()
    const handler = this.#handler
    this.#handler = undefined
    handler?.ended(this.#outcome)
  }
}
