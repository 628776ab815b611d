// What a broker shows at the TLS handshake: one connection after the other, and over none of them is anything sent.

import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { type ConnectionOptions, checkServerIdentity, connect, type SecureVersion, type TLSSocket } from 'node:tls'
import { escapeText } from '../base/escape.ts'
import { unreachable } from '../client/target.ts'
import { type Certificate, describe } from './certificates.ts'
import type { TlsAnswer } from './endpoint.ts'
import type { Place } from './finding.ts'

const askedVersions: readonly SecureVersion[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']
/** Certificates of one chain. */
const mostChain = 10

export interface TlsTarget {
  readonly host: string
  readonly port: number
  /** PEM; those of this machine where there are none. */
  readonly ca: Buffer | undefined
}

/**
 * Handshakes one after the other: one for each version, one for what is shown.
 *
 * @param signal ends the one that is under way
 * @throws UnreachableError when the server never says a word of TLS
 */
export async function probeTls(target: TlsTarget, place: Place, signal: () => AbortSignal): Promise<TlsAnswer> {
  const versions: string[] = []
  let asksForCertificate: boolean | undefined
  for (const version of askedVersions) {
    const heard = await listen(target, version, signal())
    if (!heard.includes(message.serverHello)) continue
    versions.push(version)
    // Up to TLS 1.2 all of the server's half is in clear.
    if (heard.includes(message.serverHelloDone)) asksForCertificate = heard.includes(message.certificateRequest)
  }
  try {
    return { ...(await handshake(target, place, signal())), versions, asksForCertificate }
  } catch (error) {
    // It speaks TLS, and ends the handshake of whoever has no certificate.
    if (versions.length > 0) return { ...nothingShown, versions, asksForCertificate }
    throw error
  }
}

/** The chain is judged afterwards, so that it can be told what is wrong with it: nothing is sent that anybody could steal. */
function optionsFor({ host, ca }: TlsTarget): ConnectionOptions {
  return {
    servername: isIP(host) === 0 ? host : '',
    ...(ca !== undefined && { ca }),
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  }
}

type Shown = Pick<TlsAnswer, 'chain' | 'nameFault' | 'trustFault' | 'hasStaple'>

const nothingShown: Shown = {
  chain: [],
  nameFault: undefined,
  trustFault: 'the handshake was ended before that could be seen',
  hasStaple: false,
}

async function handshake(target: TlsTarget, place: Place, signal: AbortSignal): Promise<Shown> {
  const socket = connect({ host: target.host, port: target.port, ...optionsFor(target), requestOCSP: true })
  let hasStaple = false
  socket.once('OCSPResponse', (answer: Buffer | null) => {
    hasStaple = (answer?.length ?? 0) > 0
  })
  try {
    await once(socket, 'secureConnect', { signal })
    const fault = socket.authorizationError as Error | string | undefined
    return {
      chain: chainOf(socket, place),
      nameFault: nameFault(socket, target.host),
      trustFault: fault === undefined || fault === null ? undefined : escapeText(String(fault)),
      hasStaple,
    }
  } catch (cause) {
    throw unreachable(cause)
  } finally {
    socket.destroy()
  }
}

function chainOf(socket: TLSSocket, place: Place): readonly Certificate[] {
  const chain: Certificate[] = []
  const seen = new Set<string>()
  for (
    let peer = socket.getPeerCertificate(true);
    peer?.raw !== undefined && !seen.has(peer.fingerprint256) && chain.length < mostChain;
    peer = peer.issuerCertificate
  ) {
    seen.add(peer.fingerprint256)
    chain.push(describe(new X509Certificate(peer.raw), place))
  }
  return chain
}

function nameFault(socket: TLSSocket, host: string): string | undefined {
  const certificate = socket.getPeerCertificate()
  if (certificate?.raw === undefined) return undefined
  const fault = checkServerIdentity(host, certificate)
  return fault === undefined ? undefined : `the certificate is not one for '${escapeText(host)}'`
}

/**
 * A handshake with this version alone, of which nobody cares how it ends: what the server says first is in clear.
 *
 * @returns the types of its messages (RFC 5246 §7.4, RFC 8446 §4); none where it refuses the version
 */
async function listen(target: TlsTarget, version: SecureVersion, signal: AbortSignal): Promise<readonly number[]> {
  const isOld = version === 'TLSv1' || version === 'TLSv1.1'
  const raw = connectTcp({ host: target.host, port: target.port })
  const ear = new HandshakeEar(raw)
  const socket = connect({
    socket: ear,
    ...optionsFor(target),
    minVersion: version,
    maxVersion: version,
    // OpenSSL signs with SHA-1, as those versions do, at this level alone.
    ...(isOld && { ciphers: 'DEFAULT@SECLEVEL=0' }),
  })
  try {
    await once(socket, 'secureConnect', { signal })
  } catch {
    // Refused, or ended for want of a certificate: what was said until then has been heard.
  } finally {
    socket.destroy()
    raw.destroy()
  }
  return ear.heard
}

const message = { serverHello: 2, certificateRequest: 13, serverHelloDone: 14 } as const
const handshakeRecord = 22
/** The server's half of a handshake is smaller. */
const mostHeard = 256 * 1024

/** A socket's bytes on their way through, of which those that come are listened to. */
class HandshakeEar extends Duplex {
  readonly #socket: Socket
  #heard: Buffer[] = []
  #size = 0

  constructor(socket: Socket) {
    super()
    this.#socket = socket
    socket.on('data', chunk => {
      if (this.#size < mostHeard) this.#heard.push(chunk)
      this.#size += chunk.length
      if (!this.push(chunk)) socket.pause()
    })
    socket.once('end', () => this.push(null))
    socket.once('error', error => this.destroy(error))
  }

  /** The types of the messages in clear. */
  get heard(): readonly number[] {
    return messageTypes(Buffer.concat(this.#heard))
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy()
    done(error)
  }
}

/** The types of the handshake messages, as far as they are in clear (RFC 5246 §6.2.1, §7.4). */
function messageTypes(bytes: Buffer): readonly number[] {
  const bodies: Buffer[] = []
  for (let at = 0; at + 5 <= bytes.length && bytes[at] === handshakeRecord; ) {
    const length = bytes.readUInt16BE(at + 3)
    bodies.push(bytes.subarray(at + 5, at + 5 + length))
    at += 5 + length
  }
  const messages = Buffer.concat(bodies)
  const types: number[] = []
  for (let at = 0; at + 4 <= messages.length; at += 4 + messages.readUIntBE(at + 1, 3))
    types.push(messages[at] as number)
  return types
}
