// Sockets to the broker, TCP or TLS, that all receive into one buffer.

import { readFileSync } from 'node:fs'
import { connect, type OnReadOpts, type Socket, type TcpNetConnectOpts } from 'node:net'
import { connect as connectTls, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import { LoadError } from './load-error.ts'
import { type LoadRequest, maximumPayloadBytes, type TlsRequest } from './request.ts'

/**
 * The most that one read takes. The broker is not measured by it, except that a generator with smaller reads is slower
 * and sends its credits back in smaller portions.
 */
const readBytes = 262_144
/** Room in front of what is read, for the beginning of a packet that came before: the largest packet, with its header. */
const headroomBytes = maximumPayloadBytes + 131_072
/** The most that one read of a slow reader takes, and the most that it can take beyond its budget. */
const slowReadBytes = 16_384
/** A source address has some 28,000 ports of its own; a fresh one begins well before they run out. */
const connectionsPerSource = 10_000
const loopbackSources = 250

/**
 * Key exchanges that every broker knows, X25519 preferred: left to itself, a broker with a newer library would agree on a
 * dearer, post-quantum one, and be measured by it. TLS 1.2 takes a certificate's P-256 key only when that is named too.
 */
const keyExchanges = 'X25519:prime256v1'

/** The one receive buffer; sockets read into it from {@link receiveStart} on. Free again when a read has been handled. */
export const receiveBuffer = Buffer.allocUnsafeSlow(headroomBytes + readBytes)
export const receiveStart = headroomBytes

/** Takes what was read into the receive buffer; false to read no more until `resume()`. */
export type ReadListener = (bytes: number) => boolean

/** Where the broker is, and how it is reached. */
export class Network {
  #opened = 0
  #session: Buffer | undefined
  readonly #request: LoadRequest
  readonly #context: SecureContext | undefined

  constructor(request: LoadRequest) {
    this.#request = request
    this.#context = request.tls && secureContext(request.tls)
  }

  /** Begins to connect; the socket is ready at its `connect` or, with TLS, `secureConnect` event. */
  connect(listener: ReadListener, slow: boolean): Socket {
    const buffer = receiveBuffer.subarray(receiveStart, slow ? receiveStart + slowReadBytes : receiveBuffer.length)
    const options: TcpNetConnectOpts = {
      host: this.#request.host,
      port: this.#request.port,
      noDelay: true,
      onread: { buffer, callback: listener } satisfies OnReadOpts,
      ...this.#source(),
    }
    if (this.#context === undefined) return connect(options)
    return connectTls({
      ...options,
      secureContext: this.#context,
      servername: 'localhost',
      // Throw-away brokers on loopback addresses: that the chain ends at our own authority is proof enough.
      checkServerIdentity: () => undefined,
      ...(this.#session && { session: this.#session }),
    })
  }

  /** The event after which a socket can be written to. */
  get readyEvent(): 'connect' | 'secureConnect' {
    return this.#context === undefined ? 'connect' : 'secureConnect'
  }

  get resumes(): boolean {
    return this.#request.tls?.resume === true
  }

  /** Waits for the session that this connection can hand on, and resumes it with every later one. */
  keepSessionOf(socket: Socket): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const tls = socket as TLSSocket
    tls.on('session', session => {
      this.#session ??= session
      resolve()
    })
    return promise
  }

  /** Loopback brokers are reached from several loopback addresses when there are more connections than ports. */
  #source(): { readonly localAddress?: string } {
    const source = Math.floor(this.#opened / connectionsPerSource) % loopbackSources
    this.#opened += 1
    if (source === 0 || !this.#request.host.startsWith('127.')) return {}
    return { localAddress: `127.0.0.${source + 1}` }
  }
}

function secureContext({ cafile, certfile, keyfile, version }: TlsRequest): SecureContext {
  try {
    return createSecureContext({
      ca: readFileSync(cafile),
      ecdhCurve: keyExchanges,
      ...(certfile !== undefined && { cert: readFileSync(certfile) }),
      ...(keyfile !== undefined && { key: readFileSync(keyfile) }),
      ...(version !== undefined && { minVersion: `TLSv${version}`, maxVersion: `TLSv${version}` }),
    })
  } catch (cause) {
    throw new LoadError('ERR_LOAD_REQUEST', `'request.tls' cannot be used: ${(cause as Error).message}`, { cause })
  }
}
