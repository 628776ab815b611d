// What an authority shows to everybody, as HTTP without HTTP: lists, its own certificates, and OCSP.

import { hash } from 'node:crypto'
import { existsSync } from 'node:fs'
import type { CertificateEngine } from './engine.ts'
import { ReplacedFile, readWhole } from './files.ts'
import { maxOcspRequestBytes, OcspResponder } from './ocsp-responder.ts'

export interface PublicRequest {
  readonly method: string
  /** Without a query. */
  readonly path: string
  readonly body: Uint8Array
  /** The header `If-None-Match`. */
  readonly etag?: string
}

export interface PublicAnswer {
  readonly status: 200 | 304 | 400 | 404 | 405 | 429
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

const empty = new Uint8Array()
const notFound: PublicAnswer = { status: 404, headers: {}, body: empty }
/** Whoever fetched a list fetches it again after this, however long it lives: revocations are not to wait. */
const mostMaxAgeSeconds = 3600
/** `/crl/device.crl`, `/crl/device-2-delta.pem`, `/ca/root.crt`. */
const publicPath = /^\/(crl|ca)\/([a-z]+(?:-\d{1,4})?)(-delta)?\.(crl|pem|crt)$/

export class PublicService {
  readonly #engine: CertificateEngine
  readonly #responder: OcspResponder
  /** Of the address under which all is served, with no slash at its end. */
  readonly #prefix: string
  /** By path. Read once for all who fetch them: slow peers share the bytes of a list of 40 MB, and nobody waits for the disk. */
  readonly #lists = new Map<string, ReplacedFile<Content>>()

  constructor(engine: CertificateEngine) {
    this.#engine = engine
    this.#responder = new OcspResponder(engine)
    const { url } = engine.description
    this.#prefix = url === undefined ? '' : new URL(url).pathname.replace(/\/$/, '')
  }

  /** @param now milliseconds since the epoch */
  async answer(request: PublicRequest, now: number): Promise<PublicAnswer> {
    const path = request.path.startsWith(`${this.#prefix}/`) ? request.path.slice(this.#prefix.length) : request.path
    if (path === '/ocsp' && request.method === 'POST') return this.#ocsp(request.body, now)
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return { status: 405, headers: { Allow: path === '/ocsp' ? 'GET, HEAD, POST' : 'GET, HEAD' }, body: empty }
    }
    if (path.startsWith('/ocsp/')) return this.#ocspInPath(path.slice('/ocsp/'.length), now)
    const [, folder, id = '', delta = '', extension = ''] = publicPath.exec(path) ?? []
    if (!this.#engine.description.authorities.some(authority => authority.id === id)) return notFound
    if (folder === 'crl' && extension !== 'crt') return this.#list(id, delta !== '', extension, request, now)
    if (folder === 'ca' && extension === 'crt' && delta === '') {
      return file(contentOf(this.#engine.issuer(id).der), 'application/pkix-cert', mostMaxAgeSeconds, request)
    }
    return notFound
  }

  #list(id: string, isDelta: boolean, extension: string, request: PublicRequest, now: number): PublicAnswer {
    const { files, inventory } = this.#engine
    const path = (isDelta ? files.deltaCrl(id) : files.crl(id)).replace(/crl$/, extension)
    if (!existsSync(path)) return notFound
    this.#engine.refresh()
    const list = this.#lists.get(path) ?? new ReplacedFile(path, () => contentOf(readWhole(path)))
    this.#lists.set(path, list)
    const { nextUpdate = now } = inventory.lastCrl(id) ?? {}
    const maxAge = Math.min(Math.max(Math.floor((nextUpdate - now) / 1000), 0), mostMaxAgeSeconds)
    return file(list.get(), extension === 'crl' ? 'application/pkix-crl' : 'application/x-pem-file', maxAge, request)
  }

  /** RFC 6960 §A.1: base64, then what a URL needs escaped. */
  #ocspInPath(text: string, now: number): Promise<PublicAnswer> {
    const bytes = Buffer.from(unescaped(text), 'base64')
    return this.#ocsp(bytes, now)
  }

  async #ocsp(request: Uint8Array, now: number): Promise<PublicAnswer> {
    const { der, cacheUntil } = await this.#responder.answer(request.subarray(0, maxOcspRequestBytes + 1), now)
    const maxAge = Math.max(Math.floor((cacheUntil - now) / 1000), 0)
    const caching = maxAge === 0 ? 'no-store' : `max-age=${maxAge}, public, no-transform, must-revalidate`
    return {
      status: 200,
      headers: { 'Content-Type': 'application/ocsp-response', 'Cache-Control': caching },
      body: der,
    }
  }
}

interface Content {
  readonly body: Uint8Array
  readonly etag: string
}

function contentOf(body: Uint8Array): Content {
  return { body, etag: `"${hash('sha256', body, 'hex').slice(0, 32)}"` }
}

function file({ body, etag: own }: Content, type: string, maxAge: number, { etag }: PublicRequest): PublicAnswer {
  const headers = { ETag: own, 'Cache-Control': `max-age=${maxAge}, public, no-transform`, 'Content-Type': type }
  return etag === own ? { status: 304, headers, body: empty } : { status: 200, headers, body }
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}
