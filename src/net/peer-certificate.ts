// The one place that decides whether a client certificate is accepted. OpenSSL verifies the chain and completes the handshake
// either way; here is where it ends. Everything that is not proven good is refused. Runs for resumed sessions too, whose
// chain OpenSSL does not look at again. (Revocation will be decided here as well.)

import type { X509Certificate } from 'node:crypto'
import type { CertificateIdentity } from '../x509/certificate-identity.ts'
import { type CertificateCache, type CertificateContent, readCertificate } from './certificate-cache.ts'

/** What is needed of `tls.TLSSocket`. */
export interface HandshakeResult {
  readonly authorized: boolean
  readonly authorizationError: unknown
  getPeerX509Certificate(): X509Certificate | undefined
}

export type PeerVerdict =
  | { readonly accepted: true; readonly certificate: CertificateIdentity }
  | {
      readonly accepted: false
      /** OpenSSL's word for it, as Mosquitto logs it. */
      readonly openssl: string
      readonly reason: string
      readonly certificate: CertificateIdentity | undefined
    }

export const noCertificate = 'error:0A0000C7:SSL routines::peer did not return a certificate'
export const verifyFailed = 'error:0A000086:SSL routines::certificate verify failed'

/**
 * @param now milliseconds since the epoch, by the wall clock: certificates live by dates
 * @param cache saves reading a certificate again; whether it is trusted and in its time is judged each time
 */
export function judgePeerCertificate(handshake: HandshakeResult, now: number, cache?: CertificateCache): PeerVerdict {
  const x509 = handshake.getPeerX509Certificate()
  if (x509 === undefined) {
    return { accepted: false, openssl: noCertificate, reason: 'no certificate shown', certificate: undefined }
  }
  let content: CertificateContent
  try {
    // Whom nobody vouches for could fill the cache with certificates as large as it pleases.
    content = cache === undefined || handshake.authorized !== true ? readCertificate(x509) : cache.read(x509)
  } catch {
    return { accepted: false, openssl: verifyFailed, reason: 'certificate does not decode', certificate: undefined }
  }
  const { identity: certificate } = content
  const reason = fault(handshake, content, now)
  return reason === undefined
    ? { accepted: true, certificate }
    : { accepted: false, openssl: verifyFailed, reason, certificate }
}

function fault(
  handshake: HandshakeResult,
  { identity, isForClients }: CertificateContent,
  now: number,
): string | undefined {
  if (handshake.authorized !== true) return chainFault(handshake.authorizationError)
  // `!(a && b)`, so that a date that does not parse refuses.
  if (!(identity.notBefore <= now)) return 'certificate is not yet valid'
  if (!(now <= identity.notAfter)) return 'certificate has expired'
  if (!isForClients) return 'certificate is not for clients'
  return undefined
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
    default:
      return typeof error === 'string' ? error : 'not verified'
  }
}
