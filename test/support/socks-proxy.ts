// A SOCKS5 proxy for tests (RFC 1928, RFC 1929), by hand: it connects where it is told to, or refuses as it was told to.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

export interface SocksProxyOptions {
  /** Asked for where given. */
  readonly login?: { readonly username: string; readonly password: string }
  /** The reply's code; 0 unless given. */
  readonly reply?: number
}

export interface SocksProxyProcess {
  readonly port: number
  /** `host:port` of each connection that was asked for. */
  readonly asked: readonly string[]
}

export async function startSocksProxy(
  t: Pick<TestContext, 'after'>,
  options: SocksProxyOptions = {},
): Promise<SocksProxyProcess> {
  const asked: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    serve(socket, options, asked).catch(() => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, asked }
}

async function serve(socket: Socket, { login, reply = 0 }: SocksProxyOptions, asked: string[]): Promise<void> {
  const [, count = 0] = await take(socket, 2)
  const methods = [...(await take(socket, count))]
  const method = login === undefined ? 0 : 2
  if (!methods.includes(method)) {
    socket.end(Buffer.from([5, 0xff]))
    return
  }
  socket.write(Buffer.from([5, method]))
  if (login !== undefined && !(await isLoggedIn(socket, login))) return
  const [, , , type] = await take(socket, 4)
  const host = type === 1 ? [...(await take(socket, 4))].join('.') : (await takeText(socket)).toString()
  const port = (await take(socket, 2)).readUInt16BE()
  asked.push(`${host}:${port}`)
  const answer = Buffer.from([5, reply, 0, 1, 0, 0, 0, 0, 0, 0])
  if (reply !== 0) {
    socket.end(answer)
    return
  }
  const further = connect(port, host)
  further.on('error', () => socket.destroy())
  socket.write(answer)
  socket.pipe(further).pipe(socket)
}

async function isLoggedIn(socket: Socket, login: { username: string; password: string }): Promise<boolean> {
  await take(socket, 1)
  const [username, password] = [await takeText(socket), await takeText(socket)]
  const isRight = username.toString() === login.username && password.toString() === login.password
  socket[isRight ? 'write' : 'end'](Buffer.from([1, isRight ? 0 : 1]))
  return isRight
}

async function takeText(socket: Socket): Promise<Buffer> {
  const [length = 0] = await take(socket, 1)
  return length === 0 ? Buffer.alloc(0) : take(socket, length)
}

async function take(socket: Socket, size: number): Promise<Buffer> {
  for (;;) {
    const bytes: Buffer | null = socket.read(size)
    if (bytes !== null) return bytes
    if (socket.readableEnded) throw new Error('the client has gone')
    await once(socket, 'readable')
  }
}
