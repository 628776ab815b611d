// The TLS side of a listener with pre-shared keys (`psk_hint`): TLS 1.2, no certificates, no resumption.

import { constants } from 'node:crypto'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { ListenerError } from './errors.ts'
import { cipherError } from './tls-context.ts'

export interface PskSettings {
  readonly tls_version: string | undefined
  readonly ciphers: string | undefined
}

/** Authenticated encryption only, forward secrecy first; the last ones are what small devices have (RFC 5487, RFC 6655). */
const defaultCiphers = [
  'ECDHE-PSK-CHACHA20-POLY1305',
  'DHE-PSK-AES256-GCM-SHA384',
  'DHE-PSK-CHACHA20-POLY1305',
  'DHE-PSK-AES128-GCM-SHA256',
  'PSK-AES256-GCM-SHA384',
  'PSK-CHACHA20-POLY1305',
  'PSK-AES128-GCM-SHA256',
  'PSK-AES256-CCM',
  'PSK-AES128-CCM',
].join(':')

/**
 * As Mosquitto we offer no TLS 1.3 there: it takes a pre-shared key only together with certain ciphers, and clients that
 * offer others fail without a reason.
 *
 * @returns what `tls.createServer` takes beside the call that looks up keys
 * @throws ListenerError when the ciphers are unknown, or TLS 1.3 is demanded
 */
export function loadPskContext({ tls_version, ciphers }: PskSettings): SecureContextOptions {
  if (tls_version === 'tlsv1.3') {
    throw new ListenerError(
      'ERR_NET_TLS_SETTINGS',
      'Error: Pre-shared keys (psk_hint) need TLS 1.2.',
      'remove `tls_version tlsv1.3` from this listener',
    )
  }
  const options: SecureContextOptions = {
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    ciphers: ciphers ?? defaultCiphers,
    dhparam: 'auto',
    honorCipherOrder: true,
    // A resumed session would come in without being asked for its key, which may have changed.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION | constants.SSL_OP_NO_TICKET,
    sessionIdContext: 'castellan',
  }
  try {
    createSecureContext(options)
  } catch {
    throw cipherError('ciphers', ciphers ?? defaultCiphers)
  }
  return options
}
