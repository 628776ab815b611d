// The one place that decides whether a client certificate is accepted at the handshake. OpenSSL verifies the chain and
// completes the handshake either way; here is where it ends. Everything that is not proven good is refused. Runs for resumed
// sessions too, whose chain OpenSSL does not look at again. What may change later is judged by `ClientTrust.fault`, which is
// asked again at CONNECT and whenever trust or revocation data change.

import type { X509Certificate } from 'node:crypto'
import type { CertificateIdentity } from '../x509/certificate-identity.ts'
import { policyFault } from '../x509/policies.ts'
import { readCertificate } from './certificate-cache.ts'
import type { ClientTrust, ProvenCertificate } from './client-trust.ts'

/** What is needed of `tls.TLSSocket`. */
export interface HandshakeResult {
  readonly authorized: boolean
  readonly authorizationError: unknown
  getPeerX509Certificate(): X509Certificate | undefined
}

export type PeerVerdict =
  | { readonly accepted: true; readonly certificate: ProvenCertificate }
  | {
      readonly accepted: false
      /** OpenSSL's word for it, as Mosquitto logs it. */
      readonly openssl: string
      readonly reason: string
      readonly certificate: CertificateIdentity | undefined
    }

export const noCertificate = 'error:0A0000C7:SSL routines::peer did not return a certificate'
export const verifyFailed = 'error:0A000086:SSL routines::certificate verify failed'

/** What the TLS library says of certificates outside their time; it may hide whatever else it has found. */
const dateErrors: ReadonlySet<unknown> = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'])

/** @param now milliseconds since the epoch, by the wall clock: certificates live by dates */
export function judgePeerCertificate(handshake: HandshakeResult, now: number, trust: ClientTrust): PeerVerdict {
  // Once: the further certificates that the client has shown are there only the first time.
  const x509 = handshake.getPeerX509Certificate()
  if (x509 === undefined) {
    return { accepted: false, openssl: noCertificate, reason: 'no certificate shown', certificate: undefined }
  }
  try {
    return judge(x509, handshake, now, trust)
  } catch {
    // Two libraries read what OpenSSL has accepted, and neither says what it throws for what it does not understand.
    return refused('certificate does not decode', undefined)
  }
}

function judge(
  x509: X509Certificate,
  { authorized, authorizationError }: HandshakeResult,
  now: number,
  trust: ClientTrust,
): PeerVerdict {
  const isAuthorized = authorized === true
  // Whom nobody vouches for could fill the cache with certificates as large as it pleases.
  const content = isAuthorized ? trust.cache.read(x509) : readCertificate(x509)
  const isOutOfTime = !trust.rules.checksDates && dateErrors.has(authorizationError)
  if (!isAuthorized && !isOutOfTime) return refused(chainFault(authorizationError), content.identity)
  const certificate = trust.prove(content, x509, chainOf(x509))
  if (certificate === undefined) return refused('issued by an unknown authority', content.identity)
  const reason =
    (isAuthorized ? undefined : trust.constraintFault(x509, certificate)) ??
    policyFault(x509, certificate.issuer) ??
    trust.faultAtHandshake(certificate, now)
  return reason === undefined ? { accepted: true, certificate } : refused(reason, content.identity)
}

function refused(reason: string, certificate: CertificateIdentity | undefined): PeerVerdict {
  return { accepted: false, openssl: verifyFailed, reason, certificate }
}

/** Bounded by what the TLS library lets a chain have. */
function chainOf(x509: X509Certificate): readonly X509Certificate[] {
  const chain: X509Certificate[] = []
  for (let at = x509.issuerCertificate; at !== undefined; at = at.issuerCertificate) {
    if (chain.length >= 10 || chain.includes(at)) break
    chain.push(at)
  }
  return chain
}

function chainFault(error: unknown): string {
  switch (error) {
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return 'issued by an unknown authority'
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return 'self-signed, and not among the trusted authorities'
    case 'CERT_HAS_EXPIRED':
      return 'certificate has expired'
    case 'CERT_NOT_YET_VALID':
      return 'certificate is not yet valid'
    case 'INVALID_PURPOSE':
      return 'certificate is not for clients'
    case 'PATH_LENGTH_EXCEEDED':
      return 'its chain is longer than an authority allows'
    case 'INVALID_CA':
      return 'issued by a certificate that may not issue any'
    // Node's word for whatever else OpenSSL has found.
    case 'UNSPECIFIED':
      return 'a name, a critical extension or an authority of its chain is not allowed there'
    default:
      return typeof error === 'string' ? error : 'not verified'
  }
}
