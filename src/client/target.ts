// Where a broker is, and the way of a byte stream to it.

import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { TlsFailedError, UnreachableError } from './errors.ts'
import { passProxy, type SocksProxy } from './socks5.ts'

export type Target =
  | { readonly path: string }
  | {
      readonly host: string
      readonly port: number
      /** The address of this machine to connect from. */
      readonly localAddress?: string | undefined
      readonly proxy?: SocksProxy | undefined
      /** undefined for a connection that anybody on the way can read. */
      readonly tls?: ConnectionOptions | undefined
      /** Takes the secrets of a TLS connection, each in a line of NSS's format, for a tool that decodes captures. */
      readonly keylog?: ((line: Buffer) => void) | undefined
    }

/**
 * Opens a byte stream.
 *
 * @param signal ends it, whatever it is doing
 * @throws UnreachableError
 * @throws ProxyError
 * @throws TlsFailedError for a handshake that fails
 */
export async function openStream(target: Target, signal: AbortSignal): Promise<Socket> {
  const socket = await opened(() => connectTcp(firstHop(target)), 'connect', signal)
  if ('path' in target) return socket
  const { host, port, proxy, tls, keylog } = target
  if (proxy !== undefined) await throughProxy(socket, proxy, host, port)
  if (tls === undefined) return socket
  const secure = () => {
    const encrypted = connectTls({ socket, host, servername: serverName(host), ...tls })
    return keylog === undefined ? encrypted : encrypted.on('keylog', keylog)
  }
  return opened(secure, 'secureConnect', signal)
}

function firstHop(target: Target): { path: string } | { host: string; port: number; localAddress?: string } {
  if ('path' in target) return { path: target.path }
  const { host, port } = target.proxy ?? target
  return { host, port, ...(target.localAddress !== undefined && { localAddress: target.localAddress }) }
}

async function throughProxy(socket: Socket, proxy: SocksProxy, host: string, port: number): Promise<void> {
  try {
    await passProxy(socket, proxy, host, port)
  } catch (cause) {
    socket.destroy()
    throw cause
  }
}

async function opened(dial: () => Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<Socket> {
  const socket = dial()
  const end = () => socket.destroy(signal.reason)
  signal.addEventListener('abort', end, { once: true })
  socket.once('close', () => signal.removeEventListener('abort', end))
  try {
    if (signal.aborted) throw signal.reason
    await once(socket, event)
    socket.setNoDelay(true)
    return socket
  } catch (cause) {
    socket.destroy()
    if (cause instanceof AppError) throw cause
    throw event === 'secureConnect' ? handshakeFailure(cause) : unreachable(cause)
  }
}

/** An address is compared with the certificate, and is no name that may be asked for (RFC 6066 §3). */
function serverName(host: string): string {
  return /^[\d.]+$|:/.test(host) ? '' : host
}

function handshakeFailure(cause: unknown): TlsFailedError | UnreachableError {
  const { code = '', message, reason } = cause as NodeJS.ErrnoException & { readonly reason?: string }
  if (texts.has(code)) return unreachable(cause)
  return new TlsFailedError(`Error: ${escapeText(reason ?? message)}`, { cause })
}

/** @param cause of the operating system or of DNS */
export function unreachable(cause: unknown): UnreachableError {
  const { code = '', message } = withoutList(cause)
  return new UnreachableError(`Error: ${texts.get(code) ?? escapeText(message)}`, { cause })
}

/** A name with several addresses fails once for each. */
function withoutList(cause: unknown): NodeJS.ErrnoException {
  return cause instanceof AggregateError ? cause.errors[0] : (cause as NodeJS.ErrnoException)
}

const texts = new Map([
  ['ECONNREFUSED', 'Connection refused'],
  ['ECONNRESET', 'The connection was lost.'],
  ['EPIPE', 'The connection was lost.'],
  ['EACCES', 'Permission denied'],
  ['ENOENT', 'No such file or directory'],
  ['ETIMEDOUT', 'Connection timed out'],
  ['EHOSTUNREACH', 'No route to host'],
  ['ENETUNREACH', 'Network is unreachable'],
  ['ENOTFOUND', 'Name or service not known'],
  ['EAI_AGAIN', 'Temporary failure in name resolution'],
])
