// What a listener with `protocol http_api` answers: figures and versions as JSON, and the files of `http_dir`. It reads only, asks
// for a password as the listener's rules do, and for the permission to read the path as if it were a topic.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { type BasicCredentials, basicCredentials } from './basic-credentials.ts'
import { isOwnName } from './host-names.ts'
import { pathSegments } from './request-path.ts'
import { commonHeaders, internalError, misdirected, notFound, type Response, send } from './response.ts'
import { indexName, type ServedDirectory, type ServedFile } from './served-directory.ts'

/** Where a request comes from. */
export interface Asker {
  /** Textual IP address. */
  readonly address: string
  readonly port: number
}

/** Somebody who was let in. */
export interface Reader {
  /** Nothing was proven. */
  readonly isAnonymous: boolean
  mayRead(path: string): boolean
}

/** Somebody who was not. */
export interface Stranger {
  readonly status: 401 | 429 | 503
  /** When to ask again. */
  readonly retryAfterSeconds?: number
}

export interface ApiDeps {
  readonly log: Log
  /** @param credentials undefined for a request without */
  judge(credentials: BasicCredentials | undefined, peer: Asker): Promise<Reader | Stranger>
  /** Names that it answers to besides its own address and `localhost`, in lower case. */
  hostNames(): readonly string[]
  /** By path; undefined when there is nothing to tell. */
  readonly resources: ReadonlyMap<string, () => ApiResource | undefined>
  directory(): ServedDirectory | undefined
}

export interface ApiResource {
  readonly type: string
  readonly body: string
}

/** Answers one request; never throws. */
export async function answerApi(request: IncomingMessage, response: ServerResponse, deps: ApiDeps): Promise<void> {
  try {
    await answer(request, response, deps)
  } catch (error) {
    if (response.headersSent) {
      // The peer has gone, or the file has shrunk: what was announced cannot be kept.
      response.destroy()
      return
    }
    const reason = error instanceof Error ? error.message : 'unknown'
    deps.log.write('error', `Error: Unable to answer a request of the http_api: ${escapeText(reason)}.`)
    send(request, response, internalError)
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, deps: ApiDeps): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    send(request, response, methodNotAllowed)
    return
  }
  const { remoteAddress: address = '', remotePort: port = 0 } = request.socket
  const credentials = basicCredentials(request.headers.authorization)
  const reader = await deps.judge(credentials, { address, port })
  if ('status' in reader) {
    send(request, response, strangerAnswer(reader))
    return
  }
  // A page of a foreign name that resolves to this machine has no password of ours: only what needs none is kept from it.
  const neededNone = reader.isAnonymous || credentials === undefined
  if (neededNone && !hasOwnName(request, deps)) {
    send(request, response, misdirected)
    return
  }
  const segments = pathSegments(request.url ?? '')
  if (segments === undefined) send(request, response, notFound)
  else if (!mayRead(reader, segments)) send(request, response, notAuthorised)
  else await answerPath(segments, request, response, deps)
}

/** What a directory stands for has rules of its own: neither name leads around those of the other. */
function mayRead(reader: Reader, segments: readonly string[]): boolean {
  const path = `/${segments.join('/')}`
  return reader.mayRead(path) && (!path.endsWith('/') || reader.mayRead(path + indexName))
}

async function answerPath(
  segments: readonly string[],
  request: IncomingMessage,
  response: ServerResponse,
  deps: ApiDeps,
): Promise<void> {
  if (segments[0] === 'api') {
    const resource = deps.resources.get(`/${segments.join('/')}`)?.()
    send(request, response, resource === undefined ? notFound : { status: 200, ...resource })
    return
  }
  const file = await deps.directory()?.open(segments)
  if (file === undefined) send(request, response, notFound)
  else await sendFile(file, request, response)
}

async function sendFile({ handle, size, type }: ServedFile, request: IncomingMessage, response: ServerResponse) {
  try {
    response.writeHead(200, commonHeaders(type, size))
    if (request.method === 'HEAD' || size === 0) response.end()
    else await pipeline(handle.createReadStream({ end: size - 1, autoClose: false }), response)
  } finally {
    await handle.close()
  }
}

const notAuthorised: Response = {
  status: 401,
  body: 'Not authorised\n',
  headers: { 'WWW-Authenticate': 'Basic realm="castellan", charset="UTF-8"' },
}
const methodNotAllowed: Response = { status: 405, body: 'Invalid HTTP Method\n', headers: { Allow: 'GET, HEAD' } }

function strangerAnswer({ status, retryAfterSeconds }: Stranger): Response {
  if (status === 401) return notAuthorised
  const headers = retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) }
  const body = status === 429 ? 'too many failed attempts\n' : 'busy\n'
  return { status, body, headers }
}

function hasOwnName({ headersDistinct, socket }: IncomingMessage, deps: ApiDeps): boolean {
  const [host = '', ...others] = headersDistinct['host'] ?? []
  return others.length === 0 && isOwnName(host, socket.localAddress ?? '', deps.hostNames())
}
