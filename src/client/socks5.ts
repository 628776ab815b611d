// The way through a SOCKS5 proxy (RFC 1928), with a username and password where it asks for them (RFC 1929). Names are resolved
// by the proxy.

import type { Socket } from 'node:net'
import { ProxyError } from './errors.ts'

export interface SocksProxy {
  readonly host: string
  readonly port: number
  readonly username: string | undefined
  readonly password: string | undefined
}

const version = 5
const passwordVersion = 1
const method = { none: 0, password: 2 } as const
const connectCommand = 1
const addressType = { ipv4: 1, name: 3, ipv6: 4 } as const
/** A length is one byte. */
const longestText = 255

/**
 * Has the proxy at the other end of `socket` connect to a broker; from then on the socket's bytes are the broker's.
 *
 * @throws ProxyError
 */
export async function passProxy(socket: Socket, proxy: SocksProxy, host: string, port: number): Promise<void> {
  const offered = proxy.username === undefined ? [method.none] : [method.none, method.password]
  socket.write(Buffer.from([version, offered.length, ...offered]))
  const chosen = await readChoice(socket)
  if (chosen === method.password && proxy.username !== undefined) await logIn(socket, proxy)
  else if (chosen !== method.none) throw new ProxyError('Error: The proxy accepts none of our ways to log in.')
  const name = text(host, 'host name')
  socket.write(Buffer.from([version, connectCommand, 0, addressType.name, ...name, port >> 8, port & 0xff]))
  await readReply(socket)
}

async function readChoice(socket: Socket): Promise<number> {
  const [spoken, chosen] = await take(socket, 2)
  if (spoken !== version) throw new ProxyError('Error: What answers there is no SOCKS5 proxy.')
  return chosen as number
}

async function logIn(socket: Socket, { username = '', password = '' }: SocksProxy): Promise<void> {
  const words = [...text(username, 'username'), ...text(password, 'password')]
  socket.write(Buffer.from([passwordVersion, ...words]))
  const [, status] = await take(socket, 2)
  if (status !== 0) throw new ProxyError('Error: The proxy does not accept the username and password.')
}

/** The address that it says it connects from is read and forgotten. */
async function readReply(socket: Socket): Promise<void> {
  const [, code = 0, , type] = await take(socket, 4)
  if (code !== 0) throw new ProxyError(`Error: The proxy cannot connect: ${replies[code] ?? `code ${code}`}.`)
  await take(socket, (await addressSize(socket, type)) + 2)
}

async function addressSize(socket: Socket, type: number | undefined): Promise<number> {
  if (type === addressType.ipv4) return 4
  if (type === addressType.ipv6) return 16
  if (type === addressType.name) return (await take(socket, 1))[0] as number
  throw new ProxyError(`Error: The proxy answers with an address of type ${type}.`)
}

/** Codes 1 to 8 of RFC 1928, in our words. */
const replies: readonly (string | undefined)[] = [
  undefined,
  'it failed',
  'its rules forbid it',
  'the network is not reachable',
  'the host is not reachable',
  'the connection was refused',
  'it took too long',
  'it knows no such command',
  'it knows no such kind of address',
]

function text(value: string, what: string): Buffer {
  const bytes = Buffer.from(value)
  if (bytes.length === 0 || bytes.length > longestText) {
    throw new ProxyError(`Error: A ${what} for a proxy has 1 to ${longestText} bytes.`)
  }
  return Buffer.concat([Buffer.from([bytes.length]), bytes])
}

/** Exactly so many bytes: what comes after them is not ours. */
async function take(socket: Socket, size: number): Promise<Buffer> {
  for (;;) {
    const bytes: Buffer | null = socket.read(size)
    if (bytes !== null && bytes.length === size) return bytes
    if (socket.readableEnded || socket.destroyed) throw new ProxyError('Error: The proxy closed the connection.')
    await moved(socket)
  }
}

function moved(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const events = ['readable', 'end', 'close', 'error'] as const
  for (const event of events) socket.on(event, resolve)
  return promise.finally(() => {
    for (const event of events) socket.off(event, resolve)
  })
}
