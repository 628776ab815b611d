// How the byte stream to the other broker is opened: TCP, and TLS above it where the options say so. Nobody sends a byte of
// MQTT, and so no password, before the other side has proven who it is.

import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect, isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls, type DetailedPeerCertificate, type TLSSocket } from 'node:tls'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { ListenerError } from '../net/errors.ts'
import { type RevocationFile, RevocationFiles } from '../net/revocation-files.ts'
import { loadX509Library } from '../x509/library.ts'
import { dialFailure } from './dial-failure.ts'
import { usesTls } from './dial-fault.ts'
import { BridgeError } from './errors.ts'
import type { BridgeAddress, TcpKeepAlive } from './option-values.ts'
import type { BridgeSettings } from './options.ts'
import { ServerTrust, type ShownProof } from './server-trust.ts'
import { type BridgeTls, loadBridgeTls } from './tls-settings.ts'

/** Opens the byte stream to one address; `signal` gives up. @throws BridgeError that says why there is none */
export type Dial = (address: BridgeAddress, settings: BridgeSettings, signal: AbortSignal) => Promise<Duplex>

export interface DialDeps {
  readonly log: Log
  /** Milliseconds since the epoch: certificates live by dates. */
  wallClock(): number
}

/** Milliseconds for each address of a name; what Node has for it is too short for a link by radio. */
const attemptMs = 5000
/** Lines about files between two reloads. */
const mostSaid = 1000
/** Longer chains nobody has. */
const maxChain = 10

/** A connection whose certificate has to stay unrevoked. */
interface Watched {
  readonly socket: Socket
  readonly trust: ServerTrust
  readonly proof: ShownProof
}

export class Dialer {
  readonly #deps: DialDeps
  readonly #files: RevocationFiles
  /** What was last in force, by the names of the bridges. */
  readonly #trusts = new Map<string, ServerTrust>()
  readonly #watched = new Set<Watched>()
  /** Lines about files, each written once: while the other broker is away, the files are read every few seconds. */
  readonly #said = new Set<string>()

  constructor(deps: DialDeps) {
    this.#deps = deps
    this.#files = new RevocationFiles(deps.log)
    this.#files.onChange = file => this.#recheck(file)
  }

  readonly dial: Dial = async (address, settings, signal) => {
    try {
      return usesTls(settings)
        ? await this.#openTls(address, settings, signal)
        : await openSocket(connect(target(address, settings)), 'connect', settings, signal)
    } catch (cause) {
      if (cause instanceof BridgeError) throw cause
      throw new BridgeError(signal.aborted ? 'it was given up' : dialFailure(cause), { cause })
    }
  }

  /** Looks for changed revocation lists; called several times a second, with the present in milliseconds. */
  advance(now: number): void {
    this.#files.advance(now)
  }

  /** Forgets what it knows for bridges that are not there any more. */
  keep(bridges: readonly BridgeSettings[]): void {
    const names = new Set(bridges.map(({ name }) => name))
    for (const name of this.#trusts.keys()) if (!names.has(name)) this.#trusts.delete(name)
    this.#said.clear()
    this.#files.keep(bridges.map(({ bridge_crlfile }) => bridge_crlfile))
  }

  async #openTls(address: BridgeAddress, settings: BridgeSettings, signal: AbortSignal): Promise<Socket> {
    const tls = loadBridgeTls(address.host, settings, line => this.#warnOnce(line))
    const trust = await this.#trust(settings, tls)
    signal.throwIfAborted()
    const socket = connectTls({ ...target(address, settings), ...tls.options })
    let staple: Buffer | undefined
    socket.once('OCSPResponse', (answer: Buffer | null) => {
      staple = answer ?? undefined
    })
    await openSocket(socket, 'secureConnect', settings, signal)
    if (trust !== undefined) await this.#prove(socket, trust, shownIn(socket, staple), signal)
    return socket
  }

  #warnOnce(line: string): void {
    if (this.#said.has(line) || this.#said.size === mostSaid) return
    this.#said.add(line)
    this.#deps.log.write('warning', line)
  }

  /** @returns undefined when nothing is asked beyond what the TLS library verifies */
  async #trust(settings: BridgeSettings, { authorities }: BridgeTls): Promise<ServerTrust | undefined> {
    const { bridge_crlfile: path, bridge_require_ocsp: requiresOcsp } = settings
    if (path === undefined && !requiresOcsp) return undefined
    await loadX509Library()
    const revocations = path === undefined ? undefined : await this.#revocations(path)
    const trust = new ServerTrust({ authorities, revocations, requiresOcsp }, this.#trusts.get(settings.name))
    this.#trusts.set(settings.name, trust)
    return trust
  }

  async #revocations(path: string): Promise<RevocationFile | undefined> {
    try {
      await this.#files.load([path])
      return this.#files.get(path)
    } catch (cause) {
      if (!(cause instanceof ListenerError)) throw cause
      const message = `Error: Unable to load certificate revocation file "${escapeText(path)}", check bridge_crlfile`
      throw new BridgeError(`${message}: ${cause.hint}.`, { cause })
    }
  }

  async #prove(socket: TLSSocket, trust: ServerTrust, proof: ShownProof, signal: AbortSignal): Promise<void> {
    try {
      const fault = await trust.fault(proof, this.#deps.wallClock())
      if (fault !== undefined) throw new BridgeError(`the other broker is refused: ${fault}`)
      signal.throwIfAborted()
      if (socket.destroyed) throw socket.errored ?? new BridgeError('it has closed the connection')
    } catch (error) {
      socket.destroy()
      throw error
    }
    if (trust.rules.revocations === undefined) return
    const watched = { socket, trust, proof }
    this.#watched.add(watched)
    socket.once('close', () => this.#watched.delete(watched))
  }

  /** A revoked broker goes as soon as it is known. */
  async #recheck(file: RevocationFile): Promise<void> {
    for (const { socket, trust, proof } of this.#watched) {
      if (trust.rules.revocations !== file) continue
      const fault = await trust.revocation(proof)
      if (fault !== undefined) socket.destroy(new BridgeError(`the other broker is refused: ${fault}`))
    }
  }
}

function target({ host, port }: BridgeAddress, { bridge_bind_address: localAddress }: BridgeSettings) {
  return {
    host,
    port,
    autoSelectFamilyAttemptTimeout: attemptMs,
    ...(localAddress !== undefined && { localAddress, family: isIP(localAddress) }),
  }
}

/** Waits until a socket is open. @param ready the event that says so */
async function openSocket<S extends Socket>(
  socket: S,
  ready: 'connect' | 'secureConnect',
  settings: BridgeSettings,
  signal: AbortSignal,
): Promise<S> {
  // Until somebody else listens, and after nobody does any more; what it was stands in `errored`.
  socket.on('error', () => {})
  try {
    await once(socket, ready, { signal })
  } catch (error) {
    socket.destroy()
    throw error
  }
  socket.setNoDelay(true)
  if (settings.bridge_tcp_keepalive !== undefined) keepAlive(socket, settings.bridge_tcp_keepalive)
  return socket
}

function keepAlive(socket: Socket, { idle, interval, count }: TcpKeepAlive): void {
  socket.setKeepAlive(true, idle * 1000, interval * 1000, count)
}

/** Leaf first; the last one has issued itself. */
function shownIn(socket: TLSSocket, staple: Buffer | undefined): ShownProof {
  const chain: X509Certificate[] = []
  let at: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true)
  const certificate = new X509Certificate(at.raw)
  for (let shown = at.issuerCertificate; shown !== undefined && shown !== at && chain.length < maxChain; ) {
    chain.push(new X509Certificate(shown.raw))
    at = shown
    shown = shown.issuerCertificate
  }
  return { certificate, chain, staple }
}
