// A byte stream in the binary messages of a WebSocket [MQTT-6.0.0-1]; where one message ends and the next begins means nothing
// [MQTT-6.0.0-2].

import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import type { Clock } from '../base/clock.ts'
import { Timer, type TimerWheel } from '../base/timer-wheel.ts'
import type { ByteStream, StreamReader } from './byte-stream.ts'
import { CloseCode, type MqttWebSocket } from './mqtt-websocket.ts'
import { PacedReceiver } from './paced-receiver.ts'
import type { TurnQueue } from './turn-queue.ts'
import { UnfinishedMessage } from './unfinished-message.ts'

export interface WebSocketLimits {
  readonly clock: Clock
  readonly wheel: TimerWheel
  /** `packet_timeout`, for a message. */
  readonly messageTimeoutMs: number
  /** Most bytes of a message that is not complete, asked for each time: a stranger may send less. */
  maximumBytes(): number
  /** Counts that a limit was reached, by the option that names it. */
  limitReached(limit: string): void
}

const binary = { binary: true }
const nothing = Buffer.alloc(0)

export class WebSocketStream implements ByteStream {
  readonly isTls: boolean
  isDestroyed = false
  readonly #webSocket: MqttWebSocket
  readonly #socket: Socket
  readonly #limits: WebSocketLimits
  readonly #paced: PacedReceiver
  readonly #unfinished = new UnfinishedMessage()
  readonly #messageTimer = new Timer(() => this.#cutOff('packet_timeout', CloseCode.policyViolation))
  #reader: StreamReader | undefined = undefined
  #hasEnded = false
  #peerHasEnded = false
  /** The socket is closed, and the reader still works off what came before. */
  #isGone = false
  #isClosed = false
  readonly #onWritten = (error?: Error | null) => {
    if (!error) this.#reader?.written()
  }

  /**
   * @param webSocket open; nothing of it has been read
   * @param turns in which frames are parsed
   */
  constructor(webSocket: MqttWebSocket, socket: Socket, limits: WebSocketLimits, turns: TurnQueue) {
    this.#webSocket = webSocket
    this.#paced = new PacedReceiver(webSocket, turns, limits.clock, bytes => this.#counted(bytes))
    this.#socket = socket
    this.#limits = limits
    this.isTls = 'encrypted' in socket
    webSocket.pause()
  }

  attach(reader: StreamReader): void {
    this.#reader = reader
    const webSocket = this.#webSocket
    webSocket.onClosing = () => process.nextTick(() => this.#peerEnded())
    webSocket.on('message', (data, isBinary) => this.#message(data as Buffer, isBinary))
    webSocket.on('ping', data => this.#unfinished.passed(data.length))
    webSocket.on('pong', data => this.#unfinished.passed(data.length))
    webSocket.on('error', (error: NodeJS.ErrnoException) => this.#fail(error.code ?? error.message, CloseCode.normal))
    webSocket.on('close', () => this.#gone())
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      if (!this.isDestroyed) reader.failed(error.code ?? error.message)
    })
  }

  resume(): void {
    this.#webSocket.resume()
    if (this.#paced.resume()) this.#socket.pause()
  }

  pause(): void {
    // The peer is not slow while it is us who do not read.
    this.#limits.wheel.clear(this.#messageTimer)
    this.#webSocket.pause()
  }

  write(bytes: Uint8Array): boolean {
    const webSocket = this.#webSocket
    if (webSocket.readyState !== WebSocket.OPEN) {
      setImmediate(() => this.#reader?.failed('EPIPE'))
      return false
    }
    // Node completes writes over TLS in a later turn, always.
    if (this.isTls) {
      webSocket.send(bytes, binary, this.#onWritten)
      return false
    }
    webSocket.send(bytes, binary)
    if (webSocket.bufferedAmount === 0) return true
    this.#socket.write(nothing, this.#onWritten)
    return false
  }

  end(): void {
    if (this.#hasEnded || this.isDestroyed) return
    this.#hasEnded = true
    if (this.#isGone) setImmediate(() => this.#closed())
    else this.#webSocket.finish(CloseCode.normal)
  }

  destroy(): void {
    if (this.isDestroyed) return
    this.isDestroyed = true
    this.#limits.wheel.clear(this.#messageTimer)
    if (this.#isGone) setImmediate(() => this.#closed())
    else this.#webSocket.terminate()
  }

  #message(data: Buffer, isBinary: boolean): void {
    this.#unfinished.ended()
    this.#limits.wheel.clear(this.#messageTimer)
    if (this.isDestroyed) return
    if (!isBinary) this.#fail('text frame [MQTT-6.0.0-1]', CloseCode.unsupportedData)
    else if (data.length > 0) this.#reader?.received(data, false)
  }

  #counted(bytes: number): void {
    const unfinished = this.#unfinished
    unfinished.received(bytes)
    if (unfinished.bytes === 0 || this.#peerHasEnded || this.isDestroyed) return
    const { clock, wheel, messageTimeoutMs } = this.#limits
    if (unfinished.bytes > this.#limits.maximumBytes()) this.#cutOff('max_packet_size', CloseCode.tooBig)
    else if (!this.#messageTimer.isSet) wheel.set(this.#messageTimer, clock.now() + messageTimeoutMs)
  }

  #cutOff(limit: 'packet_timeout' | 'max_packet_size', code: number): void {
    this.#limits.limitReached(limit)
    this.#fail(`message beyond ${limit}`, code)
  }

  /** @param code for the peer, where `ws` has none of its own for what it found */
  #fail(reason: string, code: number): void {
    if (this.isDestroyed) return
    this.#webSocket.finish(code)
    this.#reader?.failed(reason)
    this.destroy()
  }

  #peerEnded(): void {
    if (this.#peerHasEnded || this.isDestroyed) return
    this.#peerHasEnded = true
    this.#limits.wheel.clear(this.#messageTimer)
    this.#reader?.peerEnded()
  }

  #gone(): void {
    this.#isGone = true
    this.#limits.wheel.clear(this.#messageTimer)
    if (this.#hasEnded || this.isDestroyed) this.#closed()
    else this.#peerEnded()
  }

  #closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.isDestroyed = true
    this.#reader?.closed()
  }
}
