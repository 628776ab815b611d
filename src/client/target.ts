// Where a broker is, and the way of a byte stream to it.

import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { escapeText } from '../base/escape.ts'
import { UnreachableError } from './errors.ts'

export type Target =
  | { readonly path: string }
  | {
      readonly host: string
      readonly port: number
      /** The address of this machine to connect from. */
      readonly localAddress?: string | undefined
      /** undefined for a connection that anybody on the way can read. */
      readonly tls?: ConnectionOptions | undefined
    }

/**
 * Opens a byte stream.
 *
 * @param signal ends it, whatever it is doing
 * @throws UnreachableError
 */
export async function openStream(target: Target, signal: AbortSignal): Promise<Socket> {
  const socket = dial(target)
  const end = () => socket.destroy(signal.reason)
  signal.addEventListener('abort', end, { once: true })
  socket.once('close', () => signal.removeEventListener('abort', end))
  try {
    await once(socket, 'path' in target || target.tls === undefined ? 'connect' : 'secureConnect')
    socket.setNoDelay(true)
    return socket
  } catch (cause) {
    socket.destroy()
    throw cause instanceof UnreachableError ? cause : unreachable(cause)
  }
}

function dial(target: Target): Socket {
  if ('path' in target) return connectTcp(target.path)
  const { host, port, localAddress, tls } = target
  const where = { host, port, ...(localAddress !== undefined && { localAddress }) }
  return tls === undefined ? connectTcp(where) : connectTls({ ...where, servername: serverName(host), ...tls })
}

/** An address is compared with the certificate, and is no name that may be asked for (RFC 6066 §3). */
function serverName(host: string): string {
  return /^[\d.]+$|:/.test(host) ? '' : host
}

/** @param cause of the operating system, of DNS or of TLS */
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
