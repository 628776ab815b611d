// Serves lists and OCSP over plain HTTP, to anybody: what is served is signed, and fetching it over TLS would need it first.

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLimitedServer, type ServerLimits } from '../base/limited-server.ts'
import { maxOcspRequestBytes } from './ocsp-responder.ts'
import type { PublicAnswer, PublicService } from './public-service.ts'
import { type RequestLimits, RequestRate } from './request-rate.ts'

export interface PublicListenerLimits extends RequestLimits, ServerLimits {}

export const publicListenerLimits: PublicListenerLimits = {
  connections: 512,
  // A broker asks about its clients from one address, 64 at a time.
  connectionsPerAddress: 128,
  headerBytes: 8192,
  requestMs: 10_000,
  checkMs: 1000,
  requestsPerAddress: 200,
  requestsPerSecond: 500,
}

export interface PublicListener {
  readonly port: number
  close(): void
}

/**
 * @param now milliseconds since the epoch, asked for each request
 * @throws the operating system's error as a rejection
 */
export async function openPublicListener(
  address: { readonly port: number; readonly host: string },
  service: PublicService,
  now: () => number,
  limits: PublicListenerLimits = publicListenerLimits,
): Promise<PublicListener> {
  const rate = new RequestRate(limits)
  const server = createLimitedServer(limits, (request, response) => {
    if (rate.admits(request.socket.remoteAddress ?? '', now())) void respond(request, response, service, now)
    else send(request, response, tooMany)
  })
  await listen(server, address)
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function listen(server: Server, { port, host }: { readonly port: number; readonly host: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host }, () => {
      server.off('error', reject)
      // One connection that fails is that peer's matter.
      server.on('error', () => {})
      resolve()
    })
  })
}

const tooMany: PublicAnswer = { status: 429, headers: { 'Retry-After': '1' }, body: new Uint8Array() }

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  service: PublicService,
  now: () => number,
): Promise<void> {
  try {
    const body = await bodyOf(request)
    const { method = 'GET', url = '/', headers } = request
    const etag = headers['if-none-match']
    const [path = '/'] = url.split('?', 1)
    const known = etag === undefined ? {} : { etag }
    send(request, response, await service.answer({ method, path, body: body ?? new Uint8Array(), ...known }, now()))
  } catch {
    send(request, response, { status: 400, headers: {}, body: new Uint8Array() })
  }
}

/** Reads no more than an OCSP request may have. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  if (request.method !== 'POST') return undefined
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.length
    if (size > maxOcspRequestBytes) break
  }
  return Buffer.concat(chunks)
}

function send(request: IncomingMessage, response: ServerResponse, { status, headers, body }: PublicAnswer): void {
  response.writeHead(status, {
    ...headers,
    'Content-Length': body.length,
    'X-Content-Type-Options': 'nosniff',
    Connection: 'close',
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}
