// What an accepted socket goes through before MQTT is spoken on it, where its listener asks for it, in this order: the header of a
// load balancer, the TLS handshake, the upgrade to a WebSocket. Whoever fails one of them reaches neither the next nor MQTT.

import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { assert } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { Timer } from '../base/timer-wheel.ts'
import type { AcceptedStream, ByteStream } from './byte-stream.ts'
import type { Peer } from './connection-handler.ts'
import { transportLimits } from './limits.ts'
import type { ListenerSettings, NetSettings } from './options.ts'
import type { ProxiedTls, ProxyHeader, ProxyVersion } from './proxy-header.ts'
import { readProxyHeader } from './proxy-reader.ts'
import { SocketStream } from './socket-stream.ts'
import type { HandshakeProof, TlsAcceptor } from './tls-acceptor.ts'
import type { UpgradeAcceptor, UpgradeRequest, WebSocketAcceptorDeps } from './websocket-acceptor.ts'

export interface WayInDeps extends WebSocketAcceptorDeps {
  /** The settings in force. */
  settings(): NetSettings
}

export interface Visit {
  readonly accepted: AcceptedStream
  /** The upgrade to a WebSocket, where it was read already. */
  readonly request?: UpgradeRequest | undefined
  /** The listener's, for the log; 0 for a unix socket. */
  readonly port: number
  /** Whether the broker has not let it in yet. */
  isStranger(): boolean
  /** Called when MQTT may begin; never for whoever does not come so far. */
  arrived(stream: ByteStream, peer: Peer): void
}

/** Somebody on the way, with what is known by now. */
interface Visitor extends Visit {
  readonly socket: Socket
  readonly peer: Peer
}

/** Of one WebSocket message: the largest packet, and small ones around it. */
const besideOnePacket = 64 * 1024

export class WayIn {
  /** As last reloaded. */
  settings: ListenerSettings
  readonly #deps: WayInDeps
  readonly #tls: TlsAcceptor | undefined
  readonly #webSockets: UpgradeAcceptor | undefined

  /**
   * @param tls undefined on a listener without TLS
   * @param webSockets undefined on a listener without WebSockets
   */
  constructor(
    settings: ListenerSettings,
    tls: TlsAcceptor | undefined,
    webSockets: UpgradeAcceptor | undefined,
    deps: WayInDeps,
  ) {
    this.settings = settings
    this.#deps = deps
    this.#tls = tls
    this.#webSockets = webSockets
  }

  /** Nothing comes before MQTT; otherwise it takes a socket of `node:net`. */
  get isDirect(): boolean {
    return (
      this.#tls === undefined && this.#webSockets === undefined && this.settings.enable_proxy_protocol === undefined
    )
  }

  accept(visit: Visit): void {
    const { accepted } = visit
    const peer: Peer = {
      address: accepted.remoteAddress,
      port: accepted.remotePort,
      certificate: undefined,
      tls: undefined,
    }
    const { enable_proxy_protocol: version } = this.settings
    if (version === undefined) this.#logNew(nameOf(peer), visit)
    if (this.isDirect) {
      visit.arrived(accepted, peer)
      return
    }
    assert(accepted instanceof SocketStream, 'what comes before MQTT needs a socket of node:net')
    const visitor = { ...visit, socket: accepted.socket, peer }
    if (version === undefined) this.#secure(visitor)
    else this.#unwrap(visitor, version as ProxyVersion)
  }

  #logNew(name: string, { port }: Visit): void {
    const { log, settings } = this.#deps
    if (!settings().connection_messages || !log.enabled('notice')) return
    log.write('notice', `New connection from ${name} on port ${port}.`)
  }

  #unwrap(visitor: Visitor, version: ProxyVersion): void {
    const { clock, wheel, log } = this.#deps
    const { socket } = visitor
    const deadline = new Timer(() => {
      log.write('notice', `Client from ${nameOf(visitor.peer)} closed: connect_timeout exceeded.`)
      this.#deps.limitReached('connect_timeout')
      socket.destroy()
    })
    const closed = () => wheel.clear(deadline)
    wheel.set(deadline, clock.now() + this.#timeoutMs)
    socket.on('close', closed)
    readProxyHeader(socket, version, header => {
      closed()
      socket.off('close', closed)
      if (header === 'corrupt') this.#refuseHeader(visitor)
      else this.#unwrapped(visitor, header)
    })
  }

  #refuseHeader({ socket, peer }: Visitor): void {
    socket.destroy()
    const { log } = this.#deps
    log.write('notice', 'Connection rejected, corrupt PROXY header.')
    log.write('notice', `Client from ${nameOf(peer)} refused: no right PROXY header (enable_proxy_protocol).`)
  }

  #unwrapped(visitor: Visitor, { source, tls }: ProxyHeader): void {
    const peer: Peer = {
      ...visitor.peer,
      ...source,
      ...(tls !== undefined && { tls: told(tls) }),
      ...(tls?.commonName !== undefined && { proxiedCommonName: tls.commonName }),
    }
    const name = nameOf(peer)
    this.#logNew(name, visitor)
    const fault = this.#proxyFault(tls)
    if (fault === undefined) {
      this.#secure({ ...visitor, peer })
      return
    }
    visitor.socket.destroy()
    this.#deps.log.write('notice', `Connection from ${name} rejected, ${fault}.`)
  }

  #proxyFault(tls: ProxyHeader['tls']): string | undefined {
    const { enable_proxy_protocol, proxy_protocol_v2_require_tls, require_certificate } = this.settings
    if (enable_proxy_protocol !== 2) return undefined
    if (proxy_protocol_v2_require_tls && tls === undefined) return 'client did not connect using TLS'
    if (require_certificate && tls?.hasVerifiedCertificate !== true) {
      return 'client did not show a certificate that the load balancer has verified'
    }
    return undefined
  }

  #secure(visitor: Visitor): void {
    const { socket, peer } = visitor
    if (this.#tls === undefined) {
      this.#upgrade(visitor, visitor.accepted)
      return
    }
    const timeoutMs = this.#deps.settings().tls_handshake_timeout * 1000
    this.#tls.accept(socket, nameOf(peer), timeoutMs, (secured, proof: HandshakeProof) => {
      const proven = { ...visitor, socket: secured, peer: { ...peer, ...proof, tls: tlsFacts(secured) } }
      this.#upgrade(proven, undefined)
    })
  }

  /** @param plain what was accepted, where there is no TLS */
  #upgrade(visitor: Visitor, plain: AcceptedStream | undefined): void {
    const { socket, peer, request, arrived } = visitor
    if (this.#webSockets === undefined) {
      arrived(plain ?? new SocketStream(socket), peer)
      return
    }
    const settings = this.#deps.settings()
    const { maximumPacketSize, maximumStrangerPacketSize, packetTimeoutMs } = transportLimits(settings)
    const { websockets_origin: origins, require_certificate, request_certificate } = this.settings
    const takesCertificates = require_certificate || request_certificate
    const { clock, wheel, limitReached } = this.#deps
    const limits = {
      clock,
      wheel,
      limitReached,
      messageTimeoutMs: packetTimeoutMs,
      maximumBytes: () => (visitor.isStranger() ? maximumStrangerPacketSize : maximumPacketSize) + besideOnePacket,
    }
    const upgrade = {
      name: nameOf(peer),
      timeoutMs: this.#timeoutMs,
      rules: { origins, takesCertificates, maximumMessageSize: maximumPacketSize + besideOnePacket },
      limits,
      opened: (stream: ByteStream) => arrived(stream, peer),
    }
    this.#webSockets.accept(socket, upgrade, request)
  }

  get #timeoutMs(): number {
    return this.#deps.settings().connect_timeout * 1000
  }
}

/** `<ip>:<port>`, for the log. */
export function nameOf({ address, port }: Pick<Peer, 'address' | 'port'>): string {
  return address === '' ? 'unix socket' : `${escapeText(address)}:${port}`
}

/** In the load balancer's words. */
function told({ protocol = 'TLS', cipher = 'unknown' }: ProxiedTls): Peer['tls'] {
  return { protocol: escapeText(protocol), cipher: escapeText(cipher) }
}

function tlsFacts(socket: TLSSocket): Peer['tls'] {
  return { protocol: socket.getProtocol() ?? 'unknown', cipher: socket.getCipher().name }
}
