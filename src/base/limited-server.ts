// An HTTP server that trusts nobody: one request for each connection, and a limit to everything that a peer can make grow or last.

import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https'
import type { Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'
import { AddressShares } from './address-shares.ts'

export interface ServerLimits {
  /** More connections are closed at once. */
  readonly connections: number
  /** The same for one address: fewer, so that nobody keeps everybody else out alone. */
  readonly connectionsPerAddress: number
  /** Of the request line and all header fields. */
  readonly headerBytes: number
  /** From the accepted connection to the end of the request; also how long a peer may not take the answer. */
  readonly requestMs: number
  /** How often that is looked at. */
  readonly checkMs: number
}

/** One that does not listen yet. */
export function createLimitedServer(limits: ServerLimits, onRequest: RequestListener): Server {
  const server = createServer(nodeOptions(limits), onRequest)
  limit(server, limits)
  return server
}

/** The same with TLS; a handshake has the time of a request. */
export function createSecureLimitedServer(
  limits: ServerLimits,
  onRequest: RequestListener,
  tls: TlsOptions,
): SecureServer {
  const server = createSecureServer({ ...nodeOptions(limits), ...tls, handshakeTimeout: limits.requestMs }, onRequest)
  limit(server, limits)
  // Nobody else closes one whose handshake failed or did not end.
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  return server
}

function nodeOptions({ headerBytes, requestMs, checkMs }: ServerLimits) {
  return {
    maxHeaderSize: headerBytes,
    headersTimeout: requestMs,
    requestTimeout: requestMs,
    connectionsCheckingInterval: checkMs,
  }
}

function limit(server: Server | SecureServer, limits: ServerLimits): void {
  server.maxConnections = limits.connections
  server.maxRequestsPerSocket = 1
  server.timeout = limits.requestMs
  const shares = new AddressShares(limits.connectionsPerAddress)
  server.on('connection', (socket: Socket) => {
    const { remoteAddress = '' } = socket
    if (shares.take(remoteAddress)) socket.on('close', () => shares.giveBack(remoteAddress))
    else socket.destroy()
  })
}
