// Gives the parser of `ws` a quarter of a millisecond's worth of a stream at a time. It works off all it is given in one go, and
// a chunk of 64 KiB may hold ten thousand frames of six bytes: twenty clients that sent such held up everybody else for seconds.

import type { Writable } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Clock } from '../base/clock.ts'
import { assert } from '../base/errors.ts'
import type { Pumpable, TurnQueue } from './turn-queue.ts'

/** Fed without a look at the clock: 700 frames at most. With 1 KiB large messages took twice the CPU. */
const sliceBytes = 4096
/** As for packets, see connection.ts. */
const turnMs = 0.25

export class PacedReceiver implements Pumpable {
  readonly #webSocket: WebSocket
  readonly #receiver: Writable
  readonly #feedReceiver: (bytes: Uint8Array) => boolean
  readonly #endReceiver: () => Writable
  readonly #turns: Pick<TurnQueue, 'add'>
  readonly #clock: Clock
  readonly #fed: (bytes: number) => void
  /** What came and was not parsed yet; `ws` does not read on meanwhile. */
  #waiting: Uint8Array[] = []
  #isFeeding = false
  #isQueued = false

  /**
   * @param webSocket open; nothing of it has been read
   * @param fed called when so many bytes of the stream have been parsed, behind the events of what was in them
   */
  constructor(webSocket: WebSocket, turns: Pick<TurnQueue, 'add'>, clock: Clock, fed: (bytes: number) => void) {
    this.#webSocket = webSocket
    this.#turns = turns
    this.#clock = clock
    this.#fed = fed
    // An internal of `ws`, as is that it writes chunks to it, stops reading when `write` says false, and ends it.
    const { _receiver: receiver } = webSocket as unknown as { _receiver?: Writable }
    assert(receiver !== undefined, 'an open WebSocket of ws has a receiver')
    this.#receiver = receiver
    this.#feedReceiver = receiver.write.bind(receiver)
    this.#endReceiver = receiver.end.bind(receiver)
    receiver.write = (bytes: Uint8Array) => this.#take(bytes)
    receiver.end = () => this.#end()
  }

  /** The WebSocket is heard again. @returns whether what came before has to be parsed first, and nothing read until then */
  resume(): boolean {
    if (this.#waiting.length === 0) return false
    this.#ask()
    return true
  }

  /** @internal for the queue of turns */
  pump(): number {
    this.#isQueued = false
    if (this.#webSocket.isPaused) return 0
    this.#feedForATurn()
    if (this.#waiting.length > 0) this.#ask()
    else this.#receiver.emit('drain')
    // What is read next is given its time by the connection behind the WebSocket.
    return 0
  }

  /** @returns whether there may be more at once */
  #take(bytes: Uint8Array): boolean {
    if (this.#hasEnded) return true
    this.#waiting.push(bytes)
    if (this.#waiting.length === 1) this.#feedForATurn()
    return !this.resume()
  }

  #ask(): void {
    if (this.#isQueued) return
    this.#isQueued = true
    this.#turns.add(this)
  }

  /** The stream has ended, or a frame that is being fed says that nothing comes behind it. */
  #end(): Writable {
    if (this.#isFeeding) this.#waiting = []
    while (this.#waiting.length > 0) this.#feedSlice()
    return this.#endReceiver()
  }

  #feedForATurn(): void {
    const until = this.#clock.now() + turnMs
    do this.#feedSlice()
    while (this.#waiting.length > 0 && !this.#webSocket.isPaused && this.#clock.now() < until)
  }

  #feedSlice(): void {
    const [bytes] = this.#waiting
    if (bytes === undefined) return
    const slice = bytes.subarray(0, sliceBytes)
    if (bytes.length > sliceBytes) this.#waiting[0] = bytes.subarray(sliceBytes)
    else this.#waiting.shift()
    this.#isFeeding = true
    this.#feedReceiver(slice)
    this.#isFeeding = false
    this.#fed(slice.length)
    if (this.#hasEnded) this.#waiting = []
  }

  /** By a Close frame, or by one that is wrong. */
  get #hasEnded(): boolean {
    return this.#receiver.writableEnded || this.#receiver.errored !== null
  }
}
