// How an answer leaves: whole, never cached, and the connection ends with it.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { plainText } from './answer.ts'

export interface Response {
  readonly status: number
  readonly body: string
  /** Plain text when absent. */
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
}

export const notFound: Response = { status: 404, body: 'not found\n' }
export const internalError: Response = { status: 500, body: 'internal error\n' }
export const misdirected: Response = { status: 421, body: 'asked by a name that is not mine; see metrics_host\n' }

export function send(request: IncomingMessage, response: ServerResponse, answer: Response): void {
  const { status, body, type, headers } = answer
  response.writeHead(status, { ...headers, ...commonHeaders(type ?? plainText, Buffer.byteLength(body)) })
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** @param length of the body, in bytes */
export function commonHeaders(type: string, length: number): Readonly<Record<string, string | number>> {
  return {
    'Content-Type': type,
    'Content-Length': length,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    Connection: 'close',
  }
}
