// PEM text around DER bytes (RFC 7468), within limits.

import { escapeText } from '../base/escape.ts'
import { PkiError } from './errors.ts'

/** A block's DER may have this many bytes: a certificate has one or two thousand. */
export const maxPemBlockBytes = 64 * 1024

/** 64 characters a line, a newline at the end. */
export function formatPem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64')
  return `-----BEGIN ${label}-----\n${base64.replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`
}

const block = /-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END \1-----/g

/** The DER of all blocks of one of these labels, in their order; what stands around them is left out. @throws PkiError */
export function pemBlocks(text: string, labels: readonly string[], limit = maxPemBlockBytes): Buffer[] {
  const found: Buffer[] = []
  for (const [, label = '', body = ''] of text.matchAll(block)) {
    if (!labels.includes(label)) continue
    const base64 = body.replace(/\s/g, '')
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64) || base64.length % 4 !== 0) {
      throw new PkiError(`a block '${label}' is not base64`)
    }
    if (base64.length > (limit / 3) * 4 + 4) throw new PkiError(`a block '${label}' has more than ${limit} bytes`)
    found.push(Buffer.from(base64, 'base64'))
  }
  return found
}

/**
 * One certificate, request or list, as PEM or as DER.
 *
 * @param what names it in the message
 * @throws PkiError
 */
export function pemOrDer(bytes: Uint8Array, labels: readonly string[], what: string, limit = maxPemBlockBytes): Buffer {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (buffer[0] === 0x30 && buffer.length <= limit) return buffer
  const [first] = pemBlocks(buffer.toString('latin1'), labels, limit)
  if (first === undefined) {
    throw new PkiError(
      `${what} holds no '${escapeText(labels[0] ?? '')}', neither PEM nor DER of at most ${limit} bytes`,
    )
  }
  return first
}
