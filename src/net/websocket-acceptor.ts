// Takes sockets, with their TLS handshake done where there is one, through the HTTP upgrade of a WebSocket (RFC 6455 §4.2,
// MQTT §6). Whoever is refused gets an HTTP status, and the log says why. Loaded by the first listener that needs it: `ws` and
// Node's HTTP cost a start 60 ms.

import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { type ServerOptions, WebSocketServer } from 'ws'
import type { Clock } from '../base/clock.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { Timer, type TimerWheel } from '../base/timer-wheel.ts'
import type { ByteStream } from './byte-stream.ts'
import { MqttWebSocket } from './mqtt-websocket.ts'
import { TurnQueue } from './turn-queue.ts'
import { admitsOrigin } from './websocket-origin.ts'
import { type WebSocketLimits, WebSocketStream } from './websocket-stream.ts'

export interface WebSocketAcceptorDeps {
  readonly log: Log
  readonly clock: Clock
  readonly wheel: TimerWheel
  /** Counts that a limit was reached, by the option that names it. */
  limitReached(limit: string): void
}

export interface WebSocketRules {
  /** `websockets_origin`. */
  readonly origins: readonly string[] | undefined
  /** Whether clients show certificates: browsers do that for every page. */
  readonly takesCertificates: boolean
  /** Bytes of a message. */
  readonly maximumMessageSize: number
}

/** Somebody on the way in. */
export interface Upgrade {
  /** `<ip>:<port>`, for the log. */
  readonly name: string
  /** `connect_timeout`: until the request is complete. */
  readonly timeoutMs: number
  readonly rules: WebSocketRules
  /** Of the messages, once it is a WebSocket. */
  readonly limits: WebSocketLimits
  /** Called when the connection has become a WebSocket; never otherwise. Nothing has been read from it. */
  opened(stream: ByteStream): void
}

/** The request of an upgrade that somebody else has read. */
export interface UpgradeRequest {
  readonly request: IncomingMessage
  /** What was read behind it. */
  readonly head: Buffer
}

type MqttWebSocketServer = InstanceType<typeof WebSocketServer<typeof MqttWebSocket>>

interface Pending extends Upgrade {
  readonly deadline: Timer
}

/** By preference; the second is what clients of MQTT 3.1 ask for, and Mosquitto has it. */
const subprotocols = ['mqtt', 'mqttv3.1']
const statusTexts: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  426: 'Upgrade Required',
  431: 'Request Header Fields Too Large',
}
/** ContentType of a TLS record that carries a handshake (RFC 8446 §5.1). */
const tlsHandshakeRecord = 22

export type UpgradeAcceptor = Pick<WebSocketAcceptor, 'accept'>

export class WebSocketAcceptor {
  readonly #deps: WebSocketAcceptorDeps
  readonly #http: Server
  readonly #pending = new WeakMap<Socket, Pending>()
  readonly #turns: TurnQueue
  #webSockets: MqttWebSocketServer | undefined = undefined

  /** @param maximumHeaderSize bytes of all headers of the request */
  constructor(maximumHeaderSize: number, deps: WebSocketAcceptorDeps) {
    this.#deps = deps
    this.#turns = new TurnQueue(deps.clock)
    // The deadlines are ours: those of Node run only in a server that listens.
    this.#http = createServer({ maxHeaderSize: maximumHeaderSize, keepAliveTimeout: 0 })
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket as Socket, head))
    this.#http.on('request', request => this.#refuse(request.socket, 426, 'it asks for no WebSocket'))
    this.#http.on('clientError', (error, socket) => this.#clientError(error, socket as Socket))
  }

  /**
   * @param socket paused
   * @param read the request, where the socket has none to come
   */
  accept(socket: Socket, upgrade: Upgrade, read?: UpgradeRequest): void {
    const { clock, wheel } = this.#deps
    const deadline = new Timer(() => {
      this.#deps.log.write('notice', `Client from ${upgrade.name} closed: connect_timeout exceeded.`)
      this.#deps.limitReached('connect_timeout')
      socket.destroy()
    })
    this.#pending.set(socket, { ...upgrade, deadline })
    wheel.set(deadline, clock.now() + upgrade.timeoutMs)
    socket.on('close', () => wheel.clear(deadline))
    if (read !== undefined) {
      this.#upgrade(read.request, socket, read.head)
      return
    }
    this.#http.emit('connection', socket)
    socket.resume()
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const pending = this.#pending.get(socket)
    if (pending === undefined) {
      socket.destroy()
      return
    }
    const fault = this.#fault(request, pending)
    if (fault !== undefined) {
      this.#refuse(socket, fault.status, fault.reason)
      return
    }
    this.#serverFor(pending.rules).handleUpgrade(request, socket, head, webSocket => {
      this.#pending.delete(socket)
      this.#deps.wheel.clear(pending.deadline)
      pending.opened(new WebSocketStream(webSocket, socket, pending.limits, this.#turns))
    })
  }

  #fault(request: IncomingMessage, { rules }: Pending): { status: number; reason: string } | undefined {
    const { origin, 'sec-websocket-version': version, 'sec-websocket-protocol': offered } = request.headers
    // The older one that `ws` knows has its origin in another header.
    if (version !== '13') return { status: 426, reason: 'it asks for another version of WebSocket than 13' }
    if (!admitsOrigin(origin, rules.origins, rules.takesCertificates)) {
      return { status: 403, reason: `non-matching http origin '${escapeText(origin ?? '')}' (websockets_origin)` }
    }
    if (offered === undefined || choose(offered.split(',').map(name => name.trim())) === undefined) {
      return { status: 400, reason: `it does not offer the subprotocol 'mqtt' [MQTT-6.0.0-3]` }
    }
    return undefined
  }

  #serverFor({ maximumMessageSize }: WebSocketRules): MqttWebSocketServer {
    if (this.#webSockets?.options.maxPayload !== maximumMessageSize) {
      this.#webSockets = this.#newServer(maximumMessageSize)
    }
    return this.#webSockets
  }

  #newServer(maxPayload: number): MqttWebSocketServer {
    const options: FragmentOptions = {
      noServer: true,
      clientTracking: false,
      maxPayload,
      maxFragments: mostFragments(maxPayload),
      // Compression keeps memory per connection, and lets a small message become a large one.
      perMessageDeflate: false,
      // Text is refused whatever it says.
      skipUTF8Validation: true,
      handleProtocols: offered => choose([...offered]) ?? false,
      WebSocket: MqttWebSocket,
    }
    const server = new WebSocketServer<typeof MqttWebSocket>(options)
    server.on('wsClientError', (error, socket) => this.#refuse(socket as Socket, 400, error.message))
    return server
  }

  #clientError(error: Error & { code?: string; rawPacket?: Buffer }, socket: Socket): void {
    const pending = this.#pending.get(socket)
    if (error.code === 'HPE_HEADER_OVERFLOW') {
      this.#deps.limitReached('packet_buffer_size')
      this.#refuse(socket, 431, 'its headers are beyond packet_buffer_size')
    } else if (error.rawPacket?.[0] === tlsHandshakeRecord && pending !== undefined && !('encrypted' in socket)) {
      this.#deps.log.write(
        'notice',
        `Client from ${pending.name} appears to be using TLS to connect to a non-TLS listener.`,
      )
      socket.destroy()
    } else if (error.code?.startsWith('HPE_')) {
      this.#refuse(socket, 400, 'what came is not HTTP')
    } else {
      socket.destroy()
    }
  }

  /** The deadline stays: whoever does not take its answer goes then. */
  #refuse(socket: Socket, status: number, reason: string): void {
    const pending = this.#pending.get(socket)
    if (pending !== undefined) {
      this.#deps.log.write('notice', `Client from ${pending.name} refused: ${escapeText(reason, 1024)}.`)
      this.#pending.delete(socket)
    }
    if (!socket.writable) {
      socket.destroy()
      return
    }
    const upgrade = status === 426 ? 'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' : ''
    const head = `HTTP/1.1 ${status} ${statusTexts[status]}\r\nConnection: close\r\n${upgrade}Content-Length: 0\r\n\r\n`
    socket.on('error', () => {})
    socket.end(head, () => socket.destroy())
  }
}

/** `@types/ws` does not know of it yet. */
interface FragmentOptions extends ServerOptions<typeof MqttWebSocket> {
  readonly maxFragments: number
}

/**
 * Frames of one message. Each takes 150 bytes and a microsecond, however short it is, and a stranger may send them: a thousand
 * strangers with 16,000 each held 2 GB, and everybody else up for 17 s.
 */
function mostFragments(maximumMessageSize: number): number {
  return Math.max(1024, Math.ceil(maximumMessageSize / 16_384))
}

function choose(offered: readonly string[]): string | undefined {
  return subprotocols.find(name => offered.includes(name))
}
