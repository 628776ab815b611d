// An HTTP server that trusts nobody: one request for each connection, and a limit to everything that a peer can make grow or last.

import { createServer, type RequestListener, type Server } from 'node:http'
import type { Socket } from 'node:net'
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
  const { connections, headerBytes: maxHeaderSize, requestMs, checkMs: connectionsCheckingInterval } = limits
  const times = { headersTimeout: requestMs, requestTimeout: requestMs, connectionsCheckingInterval }
  const server = createServer({ maxHeaderSize, ...times }, onRequest)
  server.maxConnections = connections
  server.maxRequestsPerSocket = 1
  server.timeout = requestMs
  const shares = new AddressShares(limits.connectionsPerAddress)
  server.on('connection', (socket: Socket) => {
    const { remoteAddress = '' } = socket
    if (shares.take(remoteAddress)) socket.on('close', () => shares.giveBack(remoteAddress))
    else socket.destroy()
  })
  return server
}
