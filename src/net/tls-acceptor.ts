// Takes accepted sockets through the TLS handshake and hands on only those whose client is proven; before that no byte of
// MQTT is looked at and nothing of the broker is touched (features C10).

import type { Socket } from 'node:net'
import {
  createServer,
  type SecureContextOptions,
  type Server,
  type TlsOptions as ServerOptions,
  type TLSSocket,
} from 'node:tls'
import type { Clock } from '../base/clock.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { Timer, type TimerWheel } from '../base/timer-wheel.ts'
import type { CertificateIdentity } from '../x509/certificate-identity.ts'
import { ClientCredential } from './client-credential.ts'
import type { ClientTrust } from './client-trust.ts'
import type { Peer } from './connection-handler.ts'
import { handshakeFailure } from './handshake-failure.ts'
import { HandshakeQueue } from './handshake-queue.ts'
import type { OcspStapler } from './ocsp-stapler.ts'
import { judgePeerCertificate, noCertificate, type PeerVerdict } from './peer-certificate.ts'
import { type KeyLookup, PresharedKeyDoor } from './preshared-key-door.ts'
import { keepShownChains } from './shown-chain.ts'

/** Who did not get through the handshake, and why. */
export interface RefusedHandshake {
  /** `<ip>:<port>`. */
  readonly name: string
  readonly reason: string
  /** As it was shown; nothing of it is proven. */
  readonly certificate?: CertificateIdentity | undefined
}

export interface TlsAcceptorDeps {
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly log: Log
  /** The wall clock in milliseconds, for certificate dates: what an operator sets right must count at once. */
  wallClock(): number
  /** Counts that a limit was reached, by the option that names it. */
  limitReached(limit: string): void
  /** Counts a refused client certificate. */
  certificateRefused?(reason: string): void
  /** Is told of whoever comes no further. */
  handshakeRefused?(refused: RefusedHandshake): void
  /** The key of `psk_file` for an identity. */
  readonly presharedKey: KeyLookup
  /** Writes down the secrets of a connection; only with `tls_keylog`. */
  readonly keyLog?: ((line: Uint8Array) => void) | undefined
}

export interface TlsOptions {
  readonly context: SecureContextOptions
  readonly requireCertificate: boolean
  /** What client certificates are judged by; undefined where none is asked for. */
  readonly trust: ClientTrust | undefined
  /** undefined without `ocsp_stapling`. */
  readonly stapler?: OcspStapler | undefined
  /** Present where clients prove a pre-shared key, and nothing else is accepted. */
  readonly pskHint?: string | undefined
}

/** What a handshake has proven of the client. */
export type HandshakeProof = Pick<Peer, 'certificate' | 'credential' | 'presharedKey'>

type Proven = (socket: TLSSocket, proof: HandshakeProof) => void

interface Handshake {
  readonly key: string
  readonly name: string
  readonly deadline: Timer
  readonly proven: Proven
  readonly raw: Socket
  /** Listens for the end of `raw` as long as the handshake lasts. */
  readonly closed: () => void
}

/** Node's own timer, which a trickling peer resets with each byte; ours comes first. */
const nodeHandshakeTimeoutMs = 24 * 60 * 60 * 1000

export class TlsAcceptor {
  readonly #deps: TlsAcceptorDeps
  /** By local address, remote address and remote port, which together name a live connection of this listener. */
  readonly #handshakes = new Map<string, Handshake>()
  readonly #presharedKeys: PresharedKeyDoor
  readonly #queue = new HandshakeQueue(raw => this.#begin(raw))
  /** Called by the sockets, with themselves as `this`. */
  readonly #onReadable: (this: Socket) => void
  #options: TlsOptions
  #server: Server

  constructor(options: TlsOptions, deps: TlsAcceptorDeps) {
    this.#deps = deps
    this.#options = options
    this.#presharedKeys = new PresharedKeyDoor(deps.presharedKey)
    this.#server = this.#serve(options)
    const queue = this.#queue
    this.#onReadable = function () {
      queue.add(this)
    }
  }

  /**
   * From now on handshakes go by these options. It is a new server with new ticket keys: no session from before is
   * resumed past changed trust, and a handshake that is under way is not completed.
   */
  replace(options: TlsOptions): void {
    const server = this.#serve(options)
    this.#options = options
    this.#server = server
  }

  /**
   * Begins the handshake on a connected socket, when its first bytes are there and its turn has come.
   *
   * @param name `<ip>:<port>`, for the log
   * @param proven called when the handshake is done and the client accepted; never otherwise
   */
  accept(raw: Socket, name: string, timeoutMs: number, proven: Proven): void {
    const { clock, wheel } = this.#deps
    const key = keyOf(raw)
    const deadline = new Timer(() => {
      this.#deps.log.write('notice', `Client from ${name} closed: tls_handshake_timeout exceeded.`)
      this.#deps.limitReached('tls_handshake_timeout')
      raw.destroy()
    })
    const handshake: Handshake = { key, name, deadline, proven, raw, closed: () => this.#forget(handshake) }
    this.#handshakes.set(key, handshake)
    wheel.set(deadline, clock.now() + timeoutMs)
    raw.on('error', ignore)
    raw.on('close', handshake.closed)
    raw.on('end', destroyThis)
    raw.once('readable', this.#onReadable)
  }

  /** The first bytes are there, and TLS takes them over with the socket. */
  #begin(raw: Socket): void {
    if (raw.destroyed) return
    if (raw.readableLength > 0) this.#server.emit('connection', raw)
    else raw.destroy()
  }

  /** The handshake is over: nothing of it stays with the connection. */
  #forget(handshake: Handshake): void {
    const { key, deadline, raw, closed } = handshake
    this.#deps.wheel.clear(deadline)
    raw.off('close', closed)
    if (this.#handshakes.get(key) === handshake) this.#handshakes.delete(key)
  }

  #serve({ context, trust, stapler, pskHint }: TlsOptions): Server {
    if (trust !== undefined) keepShownChains()
    const options: ServerOptions = {
      ...context,
      requestCert: trust !== undefined,
      // The verdict is ours (`peer-certificate.ts`): Node's own refusal tells neither reason nor address.
      rejectUnauthorized: false,
      handshakeTimeout: nodeHandshakeTimeoutMs,
      allowHalfOpen: true,
    }
    const server = createServer(pskHint === undefined ? options : { ...options, ...this.#presharedKeys.serve(pskHint) })
    if (stapler !== undefined) {
      server.on('OCSPRequest', (_certificate, _issuer, answer) => {
        answer(null, stapler.staple(this.#deps.wallClock()) as Buffer)
      })
    }
    server.on('secureConnection', socket => this.#secured(server, socket))
    server.on('tlsClientError', (error, socket) => this.#handshakeFailed(error, socket))
    const { keyLog } = this.#deps
    if (keyLog !== undefined) server.on('keylog', keyLog)
    return server
  }

  #secured(server: Server, socket: TLSSocket): void {
    socket.on('error', destroyThis)
    const handshake = this.#handshakes.get(keyOf(socket))
    if (handshake === undefined || server !== this.#server) {
      socket.destroy()
      return
    }
    this.#forget(handshake)
    if (this.#options.pskHint !== undefined) {
      this.#provenKey(socket, handshake)
      return
    }
    const { trust, requireCertificate } = this.#options
    if (trust === undefined) {
      handshake.proven(socket, { certificate: undefined })
      return
    }
    const { wallClock } = this.#deps
    const verdict = judgePeerCertificate(socket, wallClock(), trust)
    if (verdict.accepted) {
      const { certificate } = verdict
      // Asked early; its CONNECT waits for the answer.
      trust.settle(certificate)
      const credential = new ClientCredential(certificate, () => this.#options.trust, wallClock)
      handshake.proven(socket, { certificate: certificate.content.identity, credential })
      return
    }
    if (verdict.openssl === noCertificate && !requireCertificate) {
      handshake.proven(socket, { certificate: undefined })
      return
    }
    socket.destroy()
    this.#deps.certificateRefused?.(verdict.reason)
    const { name } = handshake
    this.#deps.handshakeRefused?.({ name, reason: verdict.reason, certificate: verdict.certificate })
    this.#logRefusal(name, verdict)
  }

  /** Ciphers without any key at all complete a handshake too, where `ciphers` names them. */
  #provenKey(socket: TLSSocket, { name, proven }: Handshake): void {
    const presharedKey = this.#presharedKeys.proven(socket)
    if (presharedKey !== undefined) {
      proven(socket, { certificate: undefined, presharedKey })
      return
    }
    socket.destroy()
    this.#deps.handshakeRefused?.({ name, reason: 'no pre-shared key was proven' })
    this.#deps.log.write('notice', `Client from ${name} refused: no pre-shared key was proven.`)
  }

  #logRefusal(name: string, verdict: PeerVerdict & { accepted: false }): void {
    const { log } = this.#deps
    log.write('error', `OpenSSL Error[0]: ${verdict.openssl}`)
    const shown = verdict.certificate
    const whose =
      shown === undefined ? '' : ` (subject '${escapeText(shown.subject)}', serial ${escapeText(shown.serialNumber)})`
    log.write('notice', `Client from ${name} refused: ${verdict.reason}${whose}.`)
  }

  /** Node leaves the socket open here; nobody else would ever close it. */
  #handshakeFailed(error: Error, socket: TLSSocket): void {
    const name = this.#handshakes.get(keyOf(socket))?.name
    socket.destroy()
    const { openssl, reason } = handshakeFailure(error)
    const { log } = this.#deps
    if (openssl !== undefined) log.write('error', `OpenSSL Error[0]: ${openssl}`)
    if (name === undefined) return
    const why = this.#presharedKeys.fault(socket) ?? reason
    this.#deps.handshakeRefused?.({ name, reason: `TLS handshake failed: ${why}` })
    log.write('notice', `Client from ${name} closed: TLS handshake failed: ${why}.`)
  }
}

function ignore(): void {}

function destroyThis(this: Socket): void {
  this.destroy()
}

function keyOf(socket: Socket): string {
  return `${socket.localAddress}|${socket.remoteAddress}|${socket.remotePort}`
}
