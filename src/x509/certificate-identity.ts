// What a verified client certificate says about its holder, read once at the handshake.

import type { X509Certificate } from 'node:crypto'
import { commonNameOf, rfc2253 } from './distinguished-name.ts'

/** Names and dates of one end-entity certificate; text is as in the certificate, escape it before showing it. */
export interface CertificateIdentity {
  /** RFC 2253 form, `CN=test client,O=Example,C=GB`: what `use_subject_as_username` takes. */
  readonly subject: string
  /** The first CN; undefined when there is none or it is not clean UTF-8 without NUL: what `use_identity_as_username` takes. */
  readonly commonName: string | undefined
  /** The subject as Node prints it, for `certificateName`. */
  readonly printedSubject: string
  /** Its alternative names as Node prints them. */
  readonly alternativeNames: string
  /** RFC 2253 form. */
  readonly issuer: string
  /** The issuer as Node prints it. */
  readonly printedIssuer: string
  /** Upper-case hex without separators. */
  readonly serialNumber: string
  /** SHA-256 over the DER, lower-case hex. */
  readonly fingerprint: string
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
}

/** Reads names and dates; judges nothing. */
export function readCertificateIdentity(x509: X509Certificate): CertificateIdentity {
  // Undefined for an empty name, whatever the type declarations say.
  const subject = (x509.subject as string | undefined) ?? ''
  const issuer = (x509.issuer as string | undefined) ?? ''
  return {
    subject: rfc2253(subject),
    commonName: commonNameOf(subject),
    printedSubject: subject,
    alternativeNames: x509.subjectAltName ?? '',
    issuer: rfc2253(issuer),
    printedIssuer: issuer,
    serialNumber: x509.serialNumber,
    fingerprint: x509.fingerprint256.replaceAll(':', '').toLowerCase(),
    notBefore: x509.validFromDate.getTime(),
    notAfter: x509.validToDate.getTime(),
  }
}
