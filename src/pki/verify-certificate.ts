// What this authority says of a certificate that somebody shows: from its signature to what the journal knows.

import { hash, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { escapeText } from '../base/escape.ts'
import type { CertificateEngine } from './engine.ts'
import { PkiError } from './errors.ts'
import { wholeBytes } from './import/openssl-database.ts'
import { extendedKeyUsage } from './profiles.ts'

export interface VerifyOptions {
  /** What it is to be used for; any purpose when absent. */
  readonly purpose: 'client' | 'server' | undefined
  /** A host name or address that it is to hold for. */
  readonly host: string | undefined
  /** Milliseconds since the epoch. */
  readonly at: number
}

export interface Verdict {
  readonly subject: string
  readonly serialNumber: string
  /** The authority here that signed it; undefined when none did. */
  readonly issuer: string | undefined
  /** In words, everything that is wrong; empty when the certificate is good. */
  readonly problems: readonly string[]
}

/** @throws PkiError for what is no certificate */
export function verifyCertificate(engine: CertificateEngine, der: Buffer, options: VerifyOptions): Verdict {
  const certificate = read(der)
  const serialNumber = wholeBytes(certificate.serialNumber)
  const subject = escapeText((certificate.subject ?? '').split('\n').join(', '))
  const issuer = issuerOf(engine, certificate)
  if (issuer === undefined) {
    return { subject, serialNumber, issuer, problems: ['no authority here has signed it'] }
  }
  const problems = [
    ...dateProblems(certificate, 'it', options.at),
    ...purposeProblems(certificate, options.purpose),
    ...hostProblems(certificate, options.host),
    ...journalProblems(engine, issuer, serialNumber, der),
    ...authorityProblems(engine, issuer, options.at),
  ]
  return { subject, serialNumber, issuer, problems }
}

function read(der: Buffer): X509Certificate {
  try {
    return new X509Certificate(der)
  } catch {
    throw new PkiError('a certificate in the file cannot be read')
  }
}

function issuerOf(engine: CertificateEngine, certificate: X509Certificate): string | undefined {
  return engine.description.authorities.find(({ id }) => {
    const { der, publicKey } = engine.issuer(id)
    return certificate.checkIssued(new X509Certificate(der)) && certificate.verify(publicKey)
  })?.id
}

function dateProblems({ validFromDate, validToDate }: X509Certificate, what: string, at: number): string[] {
  if (at < validFromDate.getTime()) return [`${what} begins at ${validFromDate.toISOString()}`]
  return at > validToDate.getTime() ? [`${what} ended at ${validToDate.toISOString()}`] : []
}

function purposeProblems({ keyUsage, ca }: X509Certificate, purpose: VerifyOptions['purpose']): string[] {
  if (purpose === undefined) return []
  if (ca) return [`it is an authority's, not for a ${purpose}`]
  const wanted = purpose === 'client' ? extendedKeyUsage.clientAuth : extendedKeyUsage.serverAuth
  // What node:crypto calls keyUsage is extendedKeyUsage; without it a certificate is for everything.
  const has = (keyUsage as readonly string[] | undefined)?.includes(wanted) ?? true
  return has ? [] : [`it is not for a ${purpose}`]
}

function hostProblems(certificate: X509Certificate, host: string | undefined): string[] {
  if (host === undefined) return []
  const held = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)
  return held === undefined ? [`it does not hold for '${escapeText(host, 80)}'`] : []
}

function journalProblems(engine: CertificateEngine, issuer: string, serial: string, der: Buffer): string[] {
  // A root is its own beginning.
  if (engine.issuer(issuer).der.equals(der)) return []
  const record = engine.inventory.find(issuer, serial)
  if (record === undefined || (record.fingerprint !== '' && record.fingerprint !== hash('sha256', der, 'hex'))) {
    return [
      `it was signed with the key of authority '${issuer}' and is not in the journal: whoever did so has that key`,
    ]
  }
  const { revocation } = record
  if (revocation === undefined) return []
  const did = revocation.reason === 'certificateHold' ? 'is on hold since' : 'was revoked at'
  return [`it ${did} ${new Date(revocation.at).toISOString()} (${revocation.reason})`]
}

/** Of the authority that signed, and of those above it: their own dates and revocation. */
function authorityProblems(engine: CertificateEngine, id: string, at: number): string[] {
  const { der } = engine.issuer(id)
  const own = dateProblems(new X509Certificate(der), `authority '${id}'`, at)
  const { parent } = engine.description.authorities.find(authority => authority.id === id) ?? {}
  if (parent === undefined) return own
  const serial = wholeBytes(new X509Certificate(der).serialNumber)
  const isRevoked = engine.inventory.find(parent, serial)?.revocation !== undefined
  return [...own, ...(isRevoked ? [`authority '${id}' was revoked`] : []), ...authorityProblems(engine, parent, at)]
}
