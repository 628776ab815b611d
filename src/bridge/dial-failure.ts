// Why there is no connection to the other broker, or none any more: in words, for OpenSSL names only the symptom.

import { escapeText } from '../base/escape.ts'
import { systemReason } from '../base/system-reason.ts'

/** By the code that Node gives what OpenSSL finds wrong with a chain. */
const certificateFaults: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate, or one above it, has expired',
  CERT_NOT_YET_VALID: 'its certificate, or one above it, is not yet valid',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed, and not among the trusted ones',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is not for this name',
  INVALID_PURPOSE: 'its certificate is not for servers',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate was issued by an unknown authority',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate was issued by an unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate was issued by an unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate was issued by an unknown authority',
}

/** By OpenSSL's reason; alerts are what the other broker said about us. */
const handshakeFaults: Readonly<Record<string, string>> = {
  'wrong version number': 'what came is not TLS',
  'unsupported protocol': 'it has no version of TLS that is accepted here (bridge_tls_version)',
  'alert protocol version': 'it does not accept our version of TLS (bridge_tls_version)',
  'alert handshake failure': 'it found nothing that both sides can do, or demands a certificate (bridge_certfile)',
  'alert certificate required': 'it demands a certificate (bridge_certfile)',
  'alert unknown ca': 'it does not trust the authority of bridge_certfile',
  'alert bad certificate': 'it refuses bridge_certfile',
  'alert certificate expired': 'to it bridge_certfile has expired',
  'alert certificate revoked': 'to it bridge_certfile is revoked',
  'alert unknown psk identity': 'it does not know bridge_identity',
  'alert bad record mac': 'it has another key for bridge_identity',
  'alert decrypt error': 'it has another key for bridge_identity',
}

const opensslError = /error:[0-9A-F]{8}:[^:]*:[^:]*:([^:]*)/

/** @param cause as `net.connect` and `tls.connect` emit it; what the other side wrote is escaped */
export function dialFailure(cause: unknown): string {
  const error = (cause instanceof AggregateError ? cause.errors[0] : cause) as NodeJS.ErrnoException
  if (error.errno !== undefined) return systemReason(error)
  const fault = certificateFaults[error.code ?? '']
  if (fault !== undefined) return fault
  const [, reason] = opensslError.exec(error.message) ?? []
  if (reason === undefined) return escapeText(error.message)
  // `sslv3 alert …`, `tlsv1 alert …`, `tlsv13 alert …`: OpenSSL's versions differ in where it puts which.
  return handshakeFaults[reason.replace(/^.*(?=\balert )/, '')] ?? escapeText(reason)
}
