// One `listener` of the configuration: bound sockets, who may come in, and the way of an accepted socket to a connection.

import { createServer, type Server, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { addressKey } from '../base/address-key.ts'
import type { Clock } from '../base/clock.ts'
import { escapeText } from '../base/escape.ts'
import { FairQueue } from '../base/fair-queue.ts'
import type { Log } from '../base/log.ts'
import type { TimerWheel } from '../base/timer-wheel.ts'
import type { CertificateIdentity } from '../x509/certificate-identity.ts'
import { bind, bindAddresses } from './bind.ts'
import { SocketConnection, type TrafficSink } from './connection.ts'
import type { ConnectionHandler, Peer } from './connection-handler.ts'
import { ListenerError } from './errors.ts'
import { type TransportLimits, transportLimits } from './limits.ts'
import type { ListenerSettings, NetSettings } from './options.ts'
import type { Outbox } from './outbox.ts'
import { Refusals } from './refusals.ts'
import { TlsAcceptor, type TlsOptions } from './tls-acceptor.ts'
import { loadTlsOptions } from './tls-context.ts'
import { clearSocketPath, forOwnerAndGroup } from './unix-socket.ts'

export interface ListenerDeps {
  readonly log: Log
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly outbox: Outbox
  readonly traffic: TrafficSink
  /** The wall clock in milliseconds, for certificate dates. */
  wallClock(): number
  /** The settings in force, asked for once per connection. */
  settings(): NetSettings
  /** Whether one more connection fits under `global_max_connections`. */
  hasRoom(): boolean
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
  /** Begins to accept; until then connections wait. */
  start(): void
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
  const listener = new BoundListener(settings, deps)
  try {
    await listener.bind()
  } catch (error) {
    listener.close()
    throw error
  }
  return listener
}

class BoundListener implements Listener {
  settings: ListenerSettings
  port = 0
  readonly #deps: ListenerDeps
  readonly #tls: TlsAcceptor | undefined
  readonly #servers: Server[] = []
  readonly #refusals: Refusals
  /** Called by the sockets, with themselves as `this`: one function for all of them, not one each. */
  readonly #onClose: (this: Socket) => void
  readonly #onFirstData: (this: Socket, chunk: Buffer) => void
  #open = 0
  /** Begun, but not let in by the broker yet: counted against `max_pending_connections`. */
  readonly #pending = new Map<Socket, SocketConnection | undefined>()
  /** Accepted, and nothing read from them: they are begun when there is room, one address after the other. */
  readonly #waiting = new FairQueue<Socket>()
  #started = false
  #limits: TransportLimits | undefined
  /** What `#limits` was made from; a reload makes others. */
  #limitedBy: NetSettings | undefined

  constructor(settings: ListenerSettings, deps: ListenerDeps) {
    this.settings = settings
    this.#deps = deps
    const options = tlsOptions(settings, deps.log)
    this.#tls = options && new TlsAcceptor(options, deps)
    this.#refusals = new Refusals(deps)
    const listener = this
    this.#onClose = function () {
      listener.#closed(this)
    }
    this.#onFirstData = function (chunk) {
      listener.#watchForTls(this, chunk)
    }
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
    throw new ListenerError(
      'ERR_NET_ADDRESS_NOT_AVAILABLE',
      'Error: Cannot assign requested address',
      'this machine has no network',
    )
  }

  start(): void {
    this.#started = true
    this.#beginNext()
  }

  prepareReload(settings: ListenerSettings): () => void {
    const options = tlsOptions(settings, this.#deps.log)
    if ((options === undefined) !== (this.#tls === undefined)) {
      throw new ListenerError(
        'ERR_NET_TLS_SETTINGS',
        'Error: A listener cannot be switched between TLS and plain while running.',
        'restart the broker to add or remove certfile and keyfile',
      )
    }
    return () => {
      if (options !== undefined) this.#tls?.replace(options)
      this.settings = settings
    }
  }

  close(): void {
    for (const server of this.#servers.splice(0)) server.close()
    this.#refusals.close()
    // Never both: destroying the socket below a TLS socket, and then that one, makes Node free a TLS state that is in use
    // (a crash, when it happens inside one of its events).
    for (const [socket, connection] of this.#pending) (connection ?? socket).destroy()
    for (let socket = this.#waiting.shift(); socket !== undefined; socket = this.#waiting.shift()) socket.destroy()
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
    server.on('connection', socket => this.#incoming(socket))
    return server
  }

  #listening(server: Server): void {
    this.#servers.push(server)
    // EMFILE and the like: this client is lost, the listener goes on.
    server.on('error', error => {
      this.#deps.log.write('error', `Error: Unable to accept a connection: ${escapeText(error.message)}.`)
    })
  }

  #incoming(socket: Socket): void {
    const settings = this.#deps.settings()
    const refused = this.#refusal(settings)
    const line = addressKey(socket.remoteAddress ?? '') ?? unixSockets
    if (refused !== undefined) {
      // An address with many places gives way to one with few: nobody can keep all others out.
      const longest = refused === 'max_waiting_connections' ? this.#waiting.giveWay(line) : undefined
      this.#refuse(longest ?? socket, refused)
      if (longest === undefined) return
    }
    this.#open++
    socket.on('close', this.#onClose)
    if (this.#hasPlace(settings) && this.#waiting.length === 0) {
      this.#begin(socket)
      return
    }
    socket.on('error', ignore)
    this.#waiting.push(line, socket)
  }

  #refuse(socket: Socket, limit: string): void {
    const from = socket.remoteAddress ?? ''
    socket.destroy()
    this.#refusals.note(limit, from)
  }

  #closed(socket: Socket): void {
    this.#open--
    this.#leavePending(socket)
  }

  #leavePending(socket: Socket): void {
    if (this.#pending.delete(socket)) this.#beginNext()
  }

  #beginNext(): void {
    const settings = this.#deps.settings()
    while (this.#hasPlace(settings)) {
      const socket = this.#waiting.shift()
      if (socket === undefined) return
      if (!socket.destroyed) this.#begin(socket)
    }
  }

  #hasPlace(settings: NetSettings): boolean {
    return this.#started && this.#pending.size < settings.max_pending_connections
  }

  #refusal(settings: NetSettings): string | undefined {
    const { max_connections: maximum } = this.settings
    if ((maximum >= 0 && this.#open >= maximum) || !this.#deps.hasRoom()) return 'max_connections'
    const { max_pending_connections: pending, max_waiting_connections: waiting } = settings
    return this.#pending.size + this.#waiting.length >= pending + waiting ? 'max_waiting_connections' : undefined
  }

  #begin(socket: Socket): void {
    this.#pending.set(socket, undefined)
    const { log } = this.#deps
    const settings = this.#deps.settings()
    if (settings.connection_messages && log.enabled('notice')) {
      const port = this.settings.path === undefined ? this.port : 0
      log.write('notice', `New connection from ${nameOf(socket)} on port ${port}.`)
    }
    if (this.#tls === undefined) {
      this.#connect(socket, socket, undefined, undefined)
      return
    }
    this.#tls.accept(socket, nameOf(socket), settings.tls_handshake_timeout * 1000, (secured, certificate) => {
      this.#connect(socket, secured, certificate, tlsFacts(secured))
    })
  }

  /** @param raw the accepted socket that `socket`, perhaps itself, speaks over */
  #connect(raw: Socket, socket: Socket, certificate: CertificateIdentity | undefined, tls: Peer['tls']): void {
    const { clock, wheel, outbox, traffic } = this.#deps
    const limits = this.#currentLimits(this.#deps.settings())
    const established = () => this.#leavePending(raw)
    const connection = new SocketConnection(socket, { clock, wheel, outbox, traffic, limits, established })
    this.#pending.set(raw, connection)
    const peer: Peer = { address: raw.remoteAddress ?? '', port: raw.remotePort ?? 0, certificate, tls }
    // Before the connection's own listener, which then finds itself destroyed.
    if (tls === undefined) socket.on('data', this.#onFirstData)
    connection.start(this.#deps.accept(peer, connection, this))
  }

  #currentLimits(settings: NetSettings): TransportLimits {
    if (this.#limits === undefined || this.#limitedBy !== settings) {
      this.#limits = transportLimits(settings)
      this.#limitedBy = settings
    }
    return this.#limits
  }

  /** Looks at what comes first on a plain listener, and never again. */
  #watchForTls(socket: Socket, chunk: Buffer): void {
    socket.off('data', this.#onFirstData)
    if (chunk[0] !== tlsHandshakeRecord) return
    const name = nameOf(socket)
    this.#deps.log.write('notice', `Client from ${name} appears to be using TLS to connect to a non-TLS listener.`)
    this.#pending.get(socket)?.destroy()
  }
}

/** The line of all clients of a unix socket. */
const unixSockets = ''

/** ContentType of a TLS record that carries a handshake (RFC 8446 §5.1); no MQTT packet begins so. */
const tlsHandshakeRecord = 22

function tlsOptions(settings: ListenerSettings, log: Log): TlsOptions | undefined {
  if (settings.certfile === undefined || settings.keyfile === undefined) return undefined
  return { context: loadTlsOptions(settings, log), requireCertificate: settings.require_certificate }
}

function tlsFacts(socket: TLSSocket): Peer['tls'] {
  return { protocol: socket.getProtocol() ?? 'unknown', cipher: socket.getCipher().name }
}

function ignore(): void {}

function nameOf(socket: Socket): string {
  return socket.remoteAddress === undefined ? 'unix socket' : `${escapeText(socket.remoteAddress)}:${socket.remotePort}`
}
