// StartTLS (RFC 4511 §4.14) through the library `ldapts`. It keeps what it has read of a message when TLS begins: whoever is on the way
// could put the beginning of an answer there, "success", that the server's own answer would only complete. So nothing but the answer to
// StartTLS may have come before. Nor has it an end for a handshake that does not go on: the connection would stay for ever.

import { connect as connectTcp } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import type { ClientOptions } from 'ldapts'

/** Bytes of an answer to StartTLS. */
const longestAnswer = 16_384

/**
 * How a client that begins TLS by StartTLS opens its connections; for one client.
 *
 * @param timeoutMs for the handshake
 */
export function startTlsOptions(timeoutMs: number): Pick<ClientOptions, 'createConnection' | 'createSecureConnection'> {
  let plain = Buffer.alloc(0)
  const note = (bytes: Buffer) => {
    if (plain.length <= longestAnswer) plain = Buffer.concat([plain, bytes])
  }
  const open = (port: number, host: string) => connectTcp(port, host).on('data', note)
  const secure = (options: ConnectionOptions) => {
    options.socket?.removeListener('data', note)
    if (plain.length > longestAnswer || !isOneMessage(plain)) {
      throw new Error('more than the answer to StartTLS has come before TLS')
    }
    return inTime(connectTls(options), timeoutMs)
  }
  return { createConnection: open as typeof connectTcp, createSecureConnection: secure as typeof connectTls }
}

function inTime(socket: TLSSocket, timeoutMs: number): TLSSocket {
  const signal = AbortSignal.timeout(timeoutMs)
  const end = () => socket.destroy(new Error(`no TLS within ${timeoutMs} ms`))
  signal.addEventListener('abort', end, { once: true })
  return socket.once('secureConnect', () => signal.removeEventListener('abort', end))
}

/** Whether the bytes are one message, all of it and nothing else: a SEQUENCE of definite length (X.690 §8.1.3). */
function isOneMessage(bytes: Buffer): boolean {
  const [tag, length = 0x80] = bytes
  if (tag !== 0x30) return false
  if (length < 0x80) return bytes.length === 2 + length
  const lengthBytes = length - 0x80
  if (lengthBytes < 1 || lengthBytes > 4 || bytes.length < 2 + lengthBytes) return false
  return bytes.length === 2 + lengthBytes + bytes.readUIntBE(2, lengthBytes)
}
