// A small HTTP listener for answers that are read and never change anything: GET and HEAD, one request per connection,
// no request body, plain text out. It trusts nobody: every limit is finite, and an answer never tells more than its route.

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { escapeText } from '../base/escape.ts'
import { createLimitedServer, type ServerLimits } from '../base/limited-server.ts'
import type { Log } from '../base/log.ts'
import type { HttpRoutes } from './answer.ts'
import { HttpListenError } from './errors.ts'
import { isOwnName } from './host-names.ts'
import type { HttpAddress } from './options.ts'
import { internalError, misdirected, notFound, type Response, send } from './response.ts'

export const httpLimits: ServerLimits = {
  connections: 64,
  connectionsPerAddress: 16,
  headerBytes: 8192,
  requestMs: 5000,
  checkMs: 1000,
}

export interface HttpDeps {
  readonly log: Log
  readonly routes: HttpRoutes
  /** Names that it answers to besides its own address and `localhost`, in lower case. */
  hostNames(): readonly string[]
  readonly limits?: ServerLimits
}

export interface HttpListener {
  readonly port: number
  /** Stops listening and cuts off whoever is still there. */
  close(): void
}

/** @throws HttpListenError */
export async function openHttpListener(address: HttpAddress, deps: HttpDeps): Promise<HttpListener> {
  const own = address.address.toLowerCase()
  const hostNames = () => [own, ...deps.hostNames()]
  const server = createLimitedServer(deps.limits ?? httpLimits, (request, response) => {
    answer(request, response, { ...deps, hostNames })
  })
  await listen(server, address)
  const { port, address: host } = server.address() as AddressInfo
  deps.log.write('information', `Opening metrics listen socket on port ${port} of ${escapeText(host)}.`)
  server.on('error', error => {
    deps.log.write(
      'error',
      `Error: Unable to accept a connection to the metrics listener: ${escapeText(error.message)}.`,
    )
  })
  return {
    port,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function listen(server: Server, address: HttpAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => reject(new HttpListenError(address, cause))
    server.once('error', fail)
    server.listen({ port: address.port, host: address.address }, () => {
      server.off('error', fail)
      resolve()
    })
  })
}

function answer(request: IncomingMessage, response: ServerResponse, deps: HttpDeps): void {
  const refusal = refusalOf(request, deps)
  if (refusal !== undefined) {
    send(request, response, refusal)
    return
  }
  const route = deps.routes.get(pathOf(request))
  try {
    send(request, response, route === undefined ? notFound : route())
  } catch (error) {
    // What went wrong is for the log alone.
    const reason = error instanceof Error ? error.message : 'unknown'
    deps.log.write('error', `Error: Unable to answer ${pathOf(request)}: ${escapeText(reason)}.`)
    send(request, response, internalError)
  }
}

const methodNotAllowed: Response = { status: 405, body: 'only GET and HEAD\n', headers: { Allow: 'GET, HEAD' } }

function refusalOf({ method, headersDistinct, socket }: IncomingMessage, deps: HttpDeps): Response | undefined {
  const [host = '', ...others] = headersDistinct['host'] ?? []
  const isOwn = others.length === 0 && isOwnName(host, socket.localAddress ?? '', deps.hostNames())
  if (!isOwn) return misdirected
  return method === 'GET' || method === 'HEAD' ? undefined : methodNotAllowed
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? ''
}
