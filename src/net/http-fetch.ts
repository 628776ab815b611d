// Revocation lists and OCSP answers over plain HTTP, as RFC 5280 §8 and RFC 6960 §A.1 have them: what comes is signed, so
// nobody on the way can change it. Bounded in time and size; redirects are not followed.

import type { IncomingMessage } from 'node:http'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'

export interface FetchLimits {
  readonly timeoutMs: number
  readonly maxBytes: number
  /** Asked for each part of the answer. @returns false where there is no room for it, which ends the fetch */
  readonly admit?: (bytes: number) => boolean
}

/** Why a fetch ended for which `FetchLimits.admit` had no room. */
const noRoom = 'there is no room for the answer'

/** What is sent along; without it the request is a GET. */
export interface FetchBody {
  readonly type: string
  readonly bytes: Uint8Array
}

/** Nothing usable came. */
export class FetchError extends AppError {
  constructor(url: string, why: string, cause?: unknown) {
    super('ERR_NET_FETCH', `${escapeText(url, 1024)}: ${why}`, { cause })
  }
}

/** Whether `fetchBytes` takes it: nobody is told a name and a password in the clear. */
export function isHttpUrl(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, username, password } = new URL(url)
  return protocol === 'http:' && username === '' && password === ''
}

/**
 * @param url http, and nothing else
 * @throws FetchError
 */
export async function fetchBytes(url: string, limits: FetchLimits, body?: FetchBody): Promise<Buffer> {
  if (!isHttpUrl(url)) throw new FetchError(url, 'only http is fetched')
  // Node's HTTP costs a start 50 ms, and most brokers fetch nothing.
  const { request } = await import('node:http')
  const { timeoutMs } = limits
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const signal = AbortSignal.timeout(timeoutMs)
  const headers = body && { 'content-type': body.type, 'content-length': body.bytes.length }
  const outgoing = request(url, { method: body ? 'POST' : 'GET', agent: false, signal, ...(headers && { headers }) })
  outgoing.on('response', response => {
    if (response.statusCode === 200) collect(response, limits).then(resolve, reject)
    else {
      response.destroy()
      reject(new Error(`the answer is ${response.statusCode}`))
    }
  })
  outgoing.on('error', reject)
  // Node closes the connection then, and tells nobody, not even when the time is over.
  outgoing.on('upgrade', (_response, socket) => {
    socket.destroy()
    reject(new Error('the answer is 101'))
  })
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  outgoing.end(body?.bytes)
  return promise.catch((cause: Error) => {
    throw new FetchError(url, signal.aborted ? `no answer within ${timeoutMs} ms` : escapeText(cause.message), cause)
  })
}

async function collect(response: IncomingMessage, { maxBytes, admit }: FetchLimits): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`)
    if (admit?.(chunk.length) === false) throw new Error(noRoom)
    chunks.push(chunk)
  }
  if (!response.complete) throw new Error('the answer is cut short')
  return Buffer.concat(chunks)
}
