// The HTTP hook: a service of the operator's own that is asked, over HTTPS, whether a client may come in, and what it may do.

import { createHash } from 'node:crypto'
import type { ExternalQuestion, ExternalService } from './external-service.ts'
import { type HttpDestination, HttpExchange } from './http-exchange.ts'
import { parseHookAnswer } from './http-hook-answer.ts'

export function createHttpHook(destination: HttpDestination): ExternalService {
  const exchange = new HttpExchange(destination)
  return {
    name: 'http',
    fingerprint: createHash('sha256').update(destination.url).digest('base64url'),
    renews: true,
    ask: async question => parseHookAnswer(await exchange.post(hookQuestion(question))),
  }
}

/** The JSON that is sent; what CONNECT did not have is null. */
export function hookQuestion({ action, username, clientId, password, address, certificate }: ExternalQuestion): string {
  return JSON.stringify({
    action,
    username,
    clientId,
    password: password ?? null,
    address: address === '' ? null : address,
    certificate: certificate === undefined ? null : certificateMembers(certificate),
  })
}

function certificateMembers(certificate: NonNullable<ExternalQuestion['certificate']>) {
  const { subject, issuer, serialNumber, fingerprint } = certificate
  return { subject, issuer, serialNumber, fingerprint }
}
