// Why a TLS handshake failed, in words: OpenSSL names only the symptom.

import { escapeText } from '../base/escape.ts'

export interface HandshakeFailure {
  /** OpenSSL's line, as Mosquitto logs it; undefined when the connection just ended. */
  readonly openssl: string | undefined
  /** For people, without a full stop. */
  readonly reason: string
}

const opensslError = /error:([0-9A-F]{8}):([^:]*):[^:]*:([^:]*)/

/** By OpenSSL's reason. Alerts are what the client said about us. */
const meanings: Readonly<Record<string, string>> = {
  'wrong version number': 'what came is not TLS',
  'http request': 'what came is HTTP, not TLS',
  'https proxy request': 'what came is a request to a proxy, not TLS',
  'unsupported protocol': 'the client has no version of TLS that is accepted here (tls_version)',
  'version too low': 'the client has no version of TLS that is accepted here (tls_version)',
  'no shared cipher':
    'the client has no cipher that is accepted here (ciphers, ciphers_tls1.3, or a key of another kind)',
  'no suitable signature algorithm': 'the client takes no signature that our certificate can make',
  'no suitable key share': 'the client takes no group for the key exchange that is accepted here (tls_groups)',
  'inappropriate fallback': 'the client tried again with an older version of TLS, though both can do better',
  'unsafe legacy renegotiation disabled': 'the client has no safe renegotiation (RFC 5746)',
  'decryption failed or bad record mac': 'the client has another key than we do, or its bytes were changed on the way',
  'bad signature': 'the client has not the key of the certificate that it showed',
  'length too short': 'a message of the handshake is damaged',
  'length mismatch': 'a message of the handshake is damaged',
  'excessive message size': 'a message of the handshake is too large',
  'no ciphers specified': 'the client offered no cipher',
  'certificate verify failed': 'the certificate of the client is not accepted',
  'psk identity not found': 'the identity of the pre-shared key is unknown, or no text',
  'tlsv1 alert unknown ca': 'the client does not trust the authority of our certificate (alert unknown_ca)',
  'sslv3 alert bad certificate': 'the client refuses our certificate (alert bad_certificate)',
  'sslv3 alert certificate unknown': 'the client refuses our certificate (alert certificate_unknown)',
  'sslv3 alert certificate expired': 'to the client our certificate has expired (alert certificate_expired)',
  'sslv3 alert certificate revoked': 'to the client our certificate is revoked (alert certificate_revoked)',
  'sslv3 alert unsupported certificate': 'the client cannot use our certificate (alert unsupported_certificate)',
  'sslv3 alert handshake failure': 'the client found nothing that both sides can do (alert handshake_failure)',
  'tlsv1 alert protocol version': 'the client does not accept our version of TLS (alert protocol_version)',
  'tlsv1 alert decrypt error': 'the client has another key than we do (alert decrypt_error)',
  'tlsv1 alert insufficient security': 'to the client our ciphers are too weak (alert insufficient_security)',
  'tlsv1 alert user cancelled': 'the client has given up (alert user_canceled)',
}

/** @param error of `tlsClientError` */
export function handshakeFailure(error: Error): HandshakeFailure {
  const found = opensslError.exec(error.message)
  if (found === null) {
    return { openssl: undefined, reason: 'the client ended the connection during the handshake' }
  }
  const [, code, library, reason = ''] = found
  // OpenSSL 3.2 and later write alerts of both origins alike.
  const meaning = meanings[reason] ?? meanings[reason.replace(/^ssl\/tls alert/, 'sslv3 alert')]
  return { openssl: `error:${code}:${library}::${escapeText(reason)}`, reason: meaning ?? escapeText(reason) }
}
