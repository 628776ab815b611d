// One `listener` of the configuration: bound sockets, who may come in, and the way of an accepted socket to a connection.

import { createServer, type Server } from 'node:net'
import { addressKey } from '../base/address-key.ts'
import { burstMs } from '../base/bursts.ts'
import type { Clock } from '../base/clock.ts'
import { escapeText } from '../base/escape.ts'
import { FairQueue } from '../base/fair-queue.ts'
import type { Log } from '../base/log.ts'
import type { TimerWheel } from '../base/timer-wheel.ts'
import { bind, bindAddresses } from './bind.ts'
import type { AcceptedStream, ByteStream, StreamOwner } from './byte-stream.ts'
import type { ClientTrust } from './client-trust.ts'
import { type ConnectionDeps, type ConnectionOwner, SocketConnection, type TrafficSink } from './connection.ts'
import type { ConnectionHandler, Peer } from './connection-handler.ts'
import { ListenerError, noNetwork, switchedTls } from './errors.ts'
import { transportLimits } from './limits.ts'
import { OcspStapler } from './ocsp-stapler.ts'
import type { ListenerSettings, NetSettings } from './options.ts'
import type { Outbox } from './outbox.ts'
import type { KeyLookup } from './preshared-key-door.ts'
import { loadPskContext } from './psk-context.ts'
import type { RawBinding } from './raw-binding.ts'
import { RawStream } from './raw-stream.ts'
import { Refusals } from './refusals.ts'
import { SocketStream } from './socket-stream.ts'
import { type RefusedHandshake, TlsAcceptor, type TlsOptions } from './tls-acceptor.ts'
import { clientTrust, loadTlsOptions, type TrustDeps } from './tls-context.ts'
import type { TurnQueue } from './turn-queue.ts'
import { clearSocketPath, forOwnerAndGroup } from './unix-socket.ts'
import { nameOf, WayIn } from './way-in.ts'
import type { UpgradeAcceptor, UpgradeRequest, WebSocketAcceptor } from './websocket-acceptor.ts'

export interface ListenerDeps extends TrustDeps {
  readonly log: Log
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly outbox: Outbox
  readonly turns: TurnQueue
  readonly traffic: TrafficSink
  /** The wall clock in milliseconds, for certificate dates. */
  wallClock(): number
  /** The settings in force, asked for once per connection. */
  settings(): NetSettings
  /** The short way to a TCP socket, where this Node has it. */
  readonly raw: RawBinding | undefined
  /** Whether one more connection fits under `global_max_connections`. */
  hasRoom(): boolean
  /** Whether the process may hardly open another file; the store, the log and a reload need some, too. */
  lacksFiles?(): boolean
  /** Counts that a limit was reached, by the option that names it. */
  limitReached(limit: string): void
  /** Counts a refused client certificate. */
  certificateRefused?(reason: string): void
  /** Is told of whoever does not get through the handshake. */
  handshakeRefused?(refused: RefusedHandshake): void
  /** The key of `psk_file` for an identity, by the rules in force. */
  readonly presharedKey: KeyLookup
  /** Writes down the secrets of TLS connections; only with `tls_keylog`. */
  readonly keyLog?: ((line: Uint8Array) => void) | undefined
  /** Whether the listener has no address of its own: it is given its streams (`take`). */
  readonly isUnbound?: boolean
  /** Called for a peer that may speak MQTT: plain, or through TLS and accepted. */
  accept(peer: Peer, transport: SocketConnection, listener: Listener): ConnectionHandler
}

export interface Listener {
  /** As last reloaded. */
  readonly settings: ListenerSettings
  /** The TCP port that is bound (the kernel's choice when tests ask for 0); 0 for a unix socket. */
  readonly port: number
  /** Open connections, those still in their handshake included. */
  readonly connections: number
  /** What client certificates are judged by; undefined where none is asked for. */
  readonly trust: ClientTrust | undefined
  /** What has to be looked at from time to time. @param now milliseconds since the epoch, by the wall clock */
  advance(now: number): void
  /** Begins to accept; until then connections wait. */
  start(): void
  /**
   * Takes a stream that somebody else has accepted, as if it had come in here; there where streams carry MQTT.
   *
   * @param request the upgrade to a WebSocket, where it was read from the stream already
   */
  take?(stream: AcceptedStream, request?: UpgradeRequest): void
  /**
   * Reads and tries what new settings name; address and port stay as they are.
   *
   * @returns puts them to work for new connections; cannot fail
   * @throws ListenerError when a TLS file is unusable
   */
  prepareReload(settings: ListenerSettings): () => void
  /** Stops listening and drops who has not sent a packet yet; the others are their handlers' to close. */
  close(): void
}

/**
 * Binds every address of a listener, and accepts nothing before `start()`.
 *
 * @throws ListenerError when an address cannot be bound or a TLS file is unusable; then nothing stays bound
 */
export async function openListener(settings: ListenerSettings, deps: ListenerDeps): Promise<Listener> {
  const webSockets = settings.protocol === 'websockets' ? await acceptorFor(deps) : undefined
  const listener = new BoundListener(settings, webSockets, deps)
  try {
    if (deps.isUnbound !== true) await listener.bind()
  } catch (error) {
    listener.close()
    throw error
  }
  return listener
}

class BoundListener implements Listener, StreamOwner, ConnectionOwner {
  settings: ListenerSettings
  port = 0
  readonly #deps: ListenerDeps
  readonly #tls: TlsAcceptor | undefined
  readonly #wayIn: WayIn
  trust: ClientTrust | undefined
  #stapler: OcspStapler | undefined
  readonly #servers: Server[] = []
  readonly #refusals: Refusals
  #notAcceptedTold = Number.NEGATIVE_INFINITY
  #open = 0
  /** Begun, but not let in by the broker yet: counted against `max_pending_connections`. */
  readonly #pending = new Map<AcceptedStream, SocketConnection | undefined>()
  /** Accepted, and nothing read from them: they are begun when there is room, one address after the other. */
  readonly #waiting = new FairQueue<AcceptedStream>()
  /** Open connections by address. */
  readonly #places = new Map<string, number>()
  /** The upgrades that were read already. */
  readonly #requests = new WeakMap<AcceptedStream, UpgradeRequest>()
  #started = false
  #connectionDeps: ConnectionDeps | undefined
  /** What their limits were made from; a reload makes others. */
  #limitedBy: NetSettings | undefined

  constructor(settings: ListenerSettings, webSockets: UpgradeAcceptor | undefined, deps: ListenerDeps) {
    this.settings = settings
    this.#deps = deps
    const options = tlsOptions(settings, deps)
    this.trust = options?.trust
    this.#stapler = options?.stapler
    this.#tls = options && new TlsAcceptor(options, deps)
    this.#wayIn = new WayIn(settings, this.#tls, webSockets, deps)
    this.#refusals = new Refusals(deps)
  }

  get connections(): number {
    return this.#open
  }

  async bind(): Promise<void> {
    const { path } = this.settings
    if (path !== undefined) return this.#bindPath(path)
    for (const { address, family, optional } of await bindAddresses(this.settings)) {
      const port = this.settings.port === 0 ? this.port : this.settings.port
      const server = this.#server()
      if (!(await bind(server, { host: address, port, ipv6Only: family === 6 }, optional))) continue
      this.#listening(server)
      const bound = server.address()
      if (bound !== null && typeof bound === 'object') this.port = bound.port
      this.#deps.log.write('information', `Opening ipv${family} listen socket on port ${this.port}.`)
    }
    if (this.#servers.length > 0) return
    throw noNetwork()
  }

  advance(now: number): void {
    this.trust?.advance(now)
    this.#stapler?.advance(now)
  }

  start(): void {
    this.#started = true
    this.#beginNext()
  }

  take(stream: AcceptedStream, request?: UpgradeRequest): void {
    if (request !== undefined) this.#requests.set(stream, request)
    this.#incoming(stream)
  }

  prepareReload(settings: ListenerSettings): () => void {
    const options = tlsOptions(settings, this.#deps, this)
    if ((options === undefined) !== (this.#tls === undefined)) {
      throw switchedTls()
    }
    return () => {
      if (options !== undefined) this.#tls?.replace(options)
      this.trust = options?.trust
      this.#stapler = options?.stapler
      this.settings = settings
      this.#wayIn.settings = settings
    }
  }

  close(): void {
    for (const server of this.#servers.splice(0)) server.close()
    this.#refusals.close()
    // Never both: destroying the socket below a TLS socket, and then that one, makes Node free a TLS state that is in use
    // (a crash, when it happens inside one of its events).
    for (const [stream, connection] of this.#pending) (connection ?? stream).destroy()
    for (let stream = this.#waiting.shift(); stream !== undefined; stream = this.#waiting.shift()) stream.destroy()
  }

  async #bindPath(path: string): Promise<void> {
    if (this.#tls !== undefined) {
      throw new ListenerError(
        'ERR_NET_TLS_SETTINGS',
        'Error: TLS is not available on unix sockets.',
        'remove certfile and keyfile: the permissions of the socket decide who may connect',
      )
    }
    await clearSocketPath(path)
    const server = this.#server()
    await forOwnerAndGroup(() => bind(server, { path }, false))
    this.#listening(server)
    this.#deps.log.write('information', `Opening unix listen socket on path ${escapeText(path)}.`)
  }

  #server(): Server {
    // TCP_NODELAY whatever `set_tcp_nodelay` says: with one write per turn there is nothing for Nagle's algorithm to join,
    // it would only hold back small answers.
    const server = createServer({ pauseOnConnect: true, noDelay: true, allowHalfOpen: true })
    server.on('connection', socket => {
      // Until it is read it has nobody else to tell.
      socket.on('error', ignore)
      this.#incoming(new SocketStream(socket))
    })
    return server
  }

  #listening(server: Server): void {
    this.#servers.push(server)
    const { raw } = this.#deps
    // Unix sockets are not worth a second way.
    if (raw !== undefined && this.#wayIn.isDirect && this.settings.path === undefined) {
      raw.takeOver(server, handle => this.#incoming(new RawStream(raw, handle)))
    }
    server.on('error', error => this.#notAccepted(error))
  }

  /** EMFILE and the like: this client is lost, the listener goes on. A line each could be a line for each turn. */
  #notAccepted(error: Error): void {
    const now = this.#deps.clock.now()
    if (now < this.#notAcceptedTold + burstMs) return
    this.#notAcceptedTold = now
    this.#deps.log.write('error', `Error: Unable to accept a connection: ${escapeText(error.message)}.`)
  }

  #incoming(stream: AcceptedStream): void {
    if (stream.remoteAddress === '' && this.settings.path === undefined) {
      // Reset while it waited in the kernel. What it sent could still be read, past all that is limited by address.
      stream.destroy()
      return
    }
    const settings = this.#deps.settings()
    const line = addressKey(stream.remoteAddress) ?? unixSockets
    const refused = this.#refusal(settings, line)
    if (refused !== undefined) {
      // An address with many places gives way to one with few: nobody can keep all others out.
      const longest = refused === 'max_waiting_connections' ? this.#waiting.giveWay(line) : undefined
      this.#refuse(longest ?? stream, refused)
      if (longest === undefined) return
    }
    this.#open++
    if (line !== unixSockets) this.#places.set(line, (this.#places.get(line) ?? 0) + 1)
    stream.setOwner(this)
    if (this.#hasPlace(settings) && this.#waiting.length === 0) this.#begin(stream)
    else this.#waiting.push(line, stream)
  }

  #refuse(stream: AcceptedStream, limit: string): void {
    stream.destroy()
    this.#refusals.note(limit, stream.remoteAddress)
  }

  streamClosed(stream: AcceptedStream): void {
    this.#open--
    this.#leavePlace(addressKey(stream.remoteAddress) ?? unixSockets)
    this.#leavePending(stream)
  }

  #leavePlace(line: string): void {
    const others = (this.#places.get(line) ?? 0) - 1
    if (others > 0) this.#places.set(line, others)
    else this.#places.delete(line)
  }

  #leavePending(stream: AcceptedStream): void {
    if (this.#pending.delete(stream)) this.#beginNext()
  }

  #beginNext(): void {
    const settings = this.#deps.settings()
    while (this.#hasPlace(settings)) {
      const stream = this.#waiting.shift()
      if (stream === undefined) return
      if (!stream.isDestroyed) this.#begin(stream)
    }
  }

  #hasPlace(settings: NetSettings): boolean {
    return this.#started && this.#pending.size < settings.max_pending_connections
  }

  #refusal(settings: NetSettings, line: string): string | undefined {
    const { max_connections: maximum } = this.settings
    if ((maximum >= 0 && this.#open >= maximum) || !this.#deps.hasRoom()) return 'max_connections'
    if (this.#deps.lacksFiles?.() === true) return 'open_files'
    const { max_connections_per_address: ofAddress } = settings
    if (ofAddress > 0 && (this.#places.get(line) ?? 0) >= ofAddress) return 'max_connections_per_address'
    const { max_pending_connections: pending, max_waiting_connections: waiting } = settings
    return this.#pending.size + this.#waiting.length >= pending + waiting ? 'max_waiting_connections' : undefined
  }

  #begin(stream: AcceptedStream): void {
    this.#pending.set(stream, undefined)
    this.#wayIn.accept({
      accepted: stream,
      request: this.#requests.get(stream),
      port: this.settings.path === undefined ? this.port : 0,
      isStranger: () => this.#pending.has(stream),
      arrived: (carrier, peer) => this.#connect(stream, carrier, peer),
    })
  }

  /** @param stream what `accepted`, perhaps itself, carries */
  #connect(accepted: AcceptedStream, stream: ByteStream, peer: Peer): void {
    const connection = new SocketConnection(stream, accepted, this.#currentConnectionDeps())
    this.#pending.set(accepted, connection)
    connection.start(this.#deps.accept(peer, connection, this))
  }

  #currentConnectionDeps(): ConnectionDeps {
    const settings = this.#deps.settings()
    if (this.#connectionDeps === undefined || this.#limitedBy !== settings) {
      const { clock, wheel, outbox, turns, traffic } = this.#deps
      this.#connectionDeps = { clock, wheel, outbox, turns, traffic, limits: transportLimits(settings), owner: this }
      this.#limitedBy = settings
    }
    return this.#connectionDeps
  }

  established(accepted: AcceptedStream): void {
    this.#leavePending(accepted)
  }

  spokeTls(accepted: AcceptedStream): void {
    const name = nameOf({ address: accepted.remoteAddress, port: accepted.remotePort })
    this.#deps.log.write('notice', `Client from ${name} appears to be using TLS to connect to a non-TLS listener.`)
    this.#pending.get(accepted)?.destroy()
  }
}

/** Where streams are handed over, few are WebSockets: it is loaded with the first. */
async function acceptorFor(deps: ListenerDeps): Promise<UpgradeAcceptor> {
  if (deps.isUnbound !== true) return webSocketAcceptor(deps)
  let loaded: Promise<WebSocketAcceptor> | undefined
  return {
    accept(socket, upgrade, read) {
      loaded ??= webSocketAcceptor(deps)
      void loaded.then(acceptor => acceptor.accept(socket, upgrade, read))
    },
  }
}

async function webSocketAcceptor(deps: ListenerDeps): Promise<WebSocketAcceptor> {
  const { WebSocketAcceptor } = await import('./websocket-acceptor.ts')
  return new WebSocketAcceptor(deps.settings().packet_buffer_size, deps)
}

/** The line of all clients of a unix socket. */
const unixSockets = ''

/** @param earlier by what the listener has been running */
function tlsOptions(
  settings: ListenerSettings,
  deps: ListenerDeps,
  earlier?: Pick<Listener, 'settings' | 'trust'>,
): TlsOptions | undefined {
  const { psk_hint: pskHint } = settings
  if (pskHint !== undefined)
    return { context: loadPskContext(settings), requireCertificate: false, trust: undefined, pskHint }
  if (settings.certfile === undefined || settings.keyfile === undefined) return undefined
  const context = loadTlsOptions(settings, deps.log, earlier?.settings)
  const trust = clientTrust(settings, context, deps, earlier?.trust)
  const stapler = settings.ocsp_stapling ? new OcspStapler(String(context.cert), deps.log) : undefined
  return { context, requireCertificate: settings.require_certificate, trust, stapler }
}

function ignore(): void {}
