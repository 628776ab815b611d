// Certificates as the doctor looks at them: where each stands, and what about it tells mistakes.

import { X509Certificate } from 'node:crypto'
import { escapeText } from '../base/escape.ts'
import { DerCursor, DerError, derTag } from '../x509/der.ts'
import type { Place } from './finding.ts'

/** Bytes of one file of certificates or keys. */
export const mostCertificateBytes = 1024 * 1024
/** Certificates of one file: the bundles of operating systems have some 150. */
export const mostCertificates = 500

export const purposes = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2', any: '2.5.29.37.0' } as const

export interface Certificate {
  readonly place: Place
  readonly x509: X509Certificate
  /** In one line, escaped. */
  readonly subject: string
  /** The CN; undefined without one. */
  readonly commonName: string | undefined
  readonly isSelfSigned: boolean
  /** X.509 version 1: it says nothing about what it is for. */
  readonly isVersion1: boolean
  /** `SHA-1` or `MD5` where it is signed with that. */
  readonly brokenDigest: string | undefined
  /** extendedKeyUsage as OIDs; undefined where it says nothing. */
  readonly purposes: readonly string[] | undefined
  /** Bits of an RSA key. */
  readonly rsaBits: number | undefined
  /** SubjectPublicKeyInfo as DER in hex; empty where the key cannot be read. */
  readonly publicKey: string
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
}

const block = /-----BEGIN ((?:TRUSTED |X509 )?CERTIFICATE)-----[^-]*-----END \1-----/g

/** Those that can be read, PEM or one as DER, in their order. */
export function readCertificates(bytes: Buffer, file: string): readonly Certificate[] {
  if (bytes[0] === 0x30) return read(bytes, { file, line: 1 })
  const text = bytes.toString('latin1')
  const found: Certificate[] = []
  let line = 1
  let counted = 0
  for (const { 0: pem, index } of text.matchAll(block)) {
    if (found.length === mostCertificates) break
    for (; counted < index; counted++) if (text.charCodeAt(counted) === 0x0a) line++
    found.push(...read(pem.replaceAll(/(TRUSTED |X509 )(?=CERTIFICATE)/g, ''), { file, line }))
  }
  return found
}

function read(source: Buffer | string, place: Place): readonly Certificate[] {
  try {
    return [describe(new X509Certificate(source), place)]
  } catch {
    return []
  }
}

/** @param place where it stands; for one that a server shows, the server */
export function describe(x509: X509Certificate, place: Place): Certificate {
  // Undefined for an empty name, whatever the type declarations say.
  const subject = (x509.subject as string | undefined) ?? ''
  return {
    place,
    x509,
    subject: escapeText(subject.split('\n').join(', '), 200) || 'an empty name',
    commonName: /^CN=(.*)$/m.exec(subject)?.[1],
    isSelfSigned: x509.checkIssued(x509),
    ...readDer(x509.raw),
    purposes: x509.keyUsage as readonly string[] | undefined,
    ...readKey(x509),
    notBefore: x509.validFromDate.getTime(),
    notAfter: x509.validToDate.getTime(),
  }
}

function readKey(x509: X509Certificate): Pick<Certificate, 'rsaBits' | 'publicKey'> {
  try {
    const { publicKey } = x509
    const { modulusLength } = publicKey.asymmetricKeyDetails ?? {}
    return {
      rsaBits: publicKey.asymmetricKeyType?.startsWith('rsa') ? modulusLength : undefined,
      publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('hex'),
    }
  } catch {
    return { rsaBits: undefined, publicKey: '' }
  }
}

/** Of the signature algorithms that are broken, their OIDs as DER. */
const brokenDigests = new Map([
  ['2a864886f70d010105', 'SHA-1'],
  ['2a8648ce3d0401', 'SHA-1'],
  ['2a8648ce380403', 'SHA-1'],
  ['2a864886f70d010104', 'MD5'],
])

/** Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, … }; the tbsCertificate begins with [0] but in version 1. */
function readDer(der: Uint8Array): Pick<Certificate, 'isVersion1' | 'brokenDigest'> {
  try {
    const cursor = new DerCursor(der)
    cursor.expect(derTag.sequence, 0, der.length, 'a certificate')
    cursor.expect(derTag.sequence, cursor.start, der.length, 'what is signed')
    const { start, end } = cursor
    cursor.read(start, end)
    const isVersion1 = cursor.tag !== 0xa0
    cursor.expect(derTag.sequence, end, der.length, 'the signature algorithm')
    cursor.expect(derTag.oid, cursor.start, cursor.end, 'its name')
    const oid = Buffer.from(der.subarray(cursor.start, cursor.end)).toString('hex')
    return { isVersion1, brokenDigest: brokenDigests.get(oid) }
  } catch (error) {
    if (!(error instanceof DerError)) throw error
    return { isVersion1: false, brokenDigest: undefined }
  }
}

/** Whether it may be used for this: it says nothing, or names it. */
export function isFor({ purposes: named }: Certificate, purpose: 'server' | 'client'): boolean {
  return named === undefined || named.includes(purposes[purpose]) || named.includes(purposes.any)
}

/** By name and by signature. */
export function hasIssued(authority: Certificate, certificate: Certificate): boolean {
  try {
    return certificate.x509.checkIssued(authority.x509) && certificate.x509.verify(authority.x509.publicKey)
  } catch {
    return false
  }
}

/** `DNS:a, IP Address:192.0.2.1`, as Node prints them; empty without any. */
export function alternativeNames({ x509 }: Certificate): string {
  return x509.subjectAltName ?? ''
}

/** Host names among them that are addresses: no client compares an address with those. */
export function addressesAsNames(certificate: Certificate): readonly string[] {
  return [
    ...alternativeNames(certificate).matchAll(/(?:^|, )DNS:((?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]*:[0-9a-f:]+)(?=,|$)/gi),
  ].map(([, address = '']) => address)
}
