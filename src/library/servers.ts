// Servers of the program whose connections become the broker's: of `node:net` and `node:tls` all of them, of `node:http` and
// `node:https` those that ask for a WebSocket at a path. The servers stay the program's own.

import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import { Server as NetServer, Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { Server as TlsServer } from 'node:tls'
import type { AcceptedStream } from '../net/byte-stream.ts'
import { SocketStream } from '../net/socket-stream.ts'
import type { UpgradeRequest } from '../net/websocket-acceptor.ts'
import type { AttachedServer, AttachOptions } from './attached-server.ts'
import { StreamError } from './errors.ts'
import { GivenStream } from './given-stream.ts'

/** Where streams go. */
export interface Doors {
  mqtt(stream: AcceptedStream): void
  webSocket(stream: AcceptedStream, request: UpgradeRequest): void
}

/**
 * @returns detaches the server; connections that are there stay
 * @throws StreamError for what is no server
 */
export function attachServer(server: AttachedServer, { path }: AttachOptions, doors: Doors): () => void {
  if (!(server instanceof NetServer)) throw new StreamError('a server of net, tls, http or https is needed')
  if (isHttp(server)) return attachHttp(server, path, doors)
  const event = server instanceof TlsServer ? 'secureConnection' : 'connection'
  const accept = (socket: Socket) => {
    if (!socket.destroyed) doors.mqtt(streamOf(socket))
  }
  server.on(event, accept)
  return () => void server.off(event, accept)
}

/** By what only such a server has: to load Node's HTTP for the comparison would cost every start 50 ms. */
function isHttp(server: AttachedServer): server is HttpServer | HttpsServer {
  return 'keepAliveTimeout' in server && 'headersTimeout' in server
}

/** Listeners of brokers, there may be several at one server: with the path that each answers at, undefined for all. */
const answeredPaths = new WeakMap<object, { readonly path: string | undefined }>()

function attachHttp(server: HttpServer | HttpsServer, path: string | undefined, doors: Doors): () => void {
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (socket.destroyed) return
    const asked = pathOf(request)
    if (path === undefined || asked === path) doors.webSocket(streamOf(socket), { request, head })
    else if (isForNobody(server, asked)) socket.destroy()
  }
  answeredPaths.set(upgrade, { path })
  server.on('upgrade', upgrade)
  return () => void server.off('upgrade', upgrade)
}

/** Whether all who listen are brokers, at other paths: then nobody will ever answer. */
function isForNobody(server: HttpServer | HttpsServer, asked: string): boolean {
  return server.listeners('upgrade').every(listener => {
    const answered = answeredPaths.get(listener)
    return answered?.path !== undefined && answered.path !== asked
  })
}

function pathOf({ url = '' }: IncomingMessage): string {
  const end = url.indexOf('?')
  return end === -1 ? url : url.slice(0, end)
}

/** @throws StreamError for what carries no bytes in both directions */
export function streamOf(stream: Duplex): AcceptedStream {
  if (stream instanceof Socket) {
    stream.pause()
    stream.setNoDelay(true)
    // Whoever stops sending still gets the answers to what it sent.
    stream.allowHalfOpen = true
    // Until it is read it has nobody else to tell.
    stream.on('error', ignore)
    return new SocketStream(stream)
  }
  if (!(stream instanceof Duplex) || stream.readableObjectMode || stream.writableObjectMode) {
    throw new StreamError('a Duplex of bytes is needed')
  }
  return new GivenStream(stream)
}

function ignore(): void {}
