// The TLS side of a bridge: whom it trusts, what it shows, versions and ciphers. All is read anew for every connection, so that
// renewed files are used.

import { constants, createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import { type ConnectionOptions, createSecureContext, getCACertificates, type SecureContextOptions } from 'node:tls'
import { escapeText } from '../base/escape.ts'
import { presharedKeyBytes } from '../base/preshared-key.ts'
import { ListenerError } from '../net/errors.ts'
import { fileFault } from '../net/file-state.ts'
import { loadPskContext } from '../net/psk-context.ts'
import { cipherList } from '../net/tls-context.ts'
import { readTrustStore } from '../net/trust-store.ts'
import { BridgeError } from './errors.ts'
import type { BridgeSettings } from './options.ts'

/** Takes a line for the log, type `warning`. */
export type Warn = (line: string) => void

export interface BridgeTls {
  /** For `tls.connect`, beside where to. */
  readonly options: ConnectionOptions
  /** PEM; none with a pre-shared key. */
  readonly authorities: readonly string[]
}

/**
 * Reads and tries what the settings name.
 *
 * @param host as it was written in `address`: what the certificate has to be for
 * @throws BridgeError with Mosquitto's text where it has one
 */
export function loadBridgeTls(host: string, settings: BridgeSettings, warn: Warn): BridgeTls {
  const authorities = settings.bridge_psk === undefined ? readAuthorities(settings, warn) : []
  const context =
    settings.bridge_psk === undefined
      ? certificateContext(settings, authorities, warn)
      : pskContext(settings.bridge_ciphers)
  return { authorities, options: connectionOptions(host, settings, context) }
}

function connectionOptions(host: string, settings: BridgeSettings, context: SecureContextOptions): ConnectionOptions {
  const { bridge_identity: identity = '', bridge_psk: psk, bridge_alpn: alpn } = settings
  return {
    secureContext: createSecureContext(context),
    // Said, so that the environment (`NODE_TLS_REJECT_UNAUTHORIZED`) cannot say otherwise.
    rejectUnauthorized: true,
    // RFC 6066 §3: no addresses.
    ...(isIP(host) === 0 && { servername: host }),
    ...(alpn !== undefined && { ALPNProtocols: [alpn] }),
    ...(settings.bridge_require_ocsp && { requestOCSP: true }),
    ...(settings.bridge_insecure && { checkServerIdentity: () => undefined }),
    // With a key nobody shows a certificate: whoever would is refused, because no authority is trusted.
    ...(psk !== undefined && {
      pskCallback: () => ({ identity, psk: presharedKeyBytes(psk) }),
      checkServerIdentity: () => undefined,
    }),
  }
}

function pskContext(ciphers: string | undefined): SecureContextOptions {
  try {
    return { ...loadPskContext({ tls_version: undefined, ciphers }), ca: [] }
  } catch (cause) {
    throw cipherError('bridge_ciphers', ciphers ?? '', cause)
  }
}

function certificateContext(settings: BridgeSettings, ca: readonly string[], warn: Warn): SecureContextOptions {
  const { bridge_ciphers: ciphers, 'bridge_ciphers_tls1.3': ciphers13 } = settings
  tryCiphers('bridge_ciphers', ciphers, { ciphers, 'ciphers_tls1.3': undefined })
  tryCiphers('bridge_ciphers_tls1.3', ciphers13, { ciphers: undefined, 'ciphers_tls1.3': ciphers13 })
  const shared: SecureContextOptions = {
    ca: [...ca],
    minVersion: settings.bridge_tls_version === 'tlsv1.3' ? 'TLSv1.3' : 'TLSv1.2',
    ciphers: cipherList({ ciphers, 'ciphers_tls1.3': ciphers13 }),
    // Whom the first handshake has proven could show another certificate in a second one.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
  }
  const { bridge_certfile: certfile, bridge_keyfile: keyfile } = settings
  if (certfile === undefined || keyfile === undefined) return shared
  const cert = readCertificate(certfile)
  return { ...shared, cert, key: readKey(keyfile, cert, warn) }
}

/** Each list beside the other's default, so that the one at fault is named. */
function tryCiphers(name: string, value: string | undefined, beside: Parameters<typeof cipherList>[0]): void {
  if (value === undefined) return
  try {
    createSecureContext({ ciphers: cipherList(beside) })
  } catch (cause) {
    throw cipherError(name, value, cause)
  }
}

function cipherError(name: string, value: string, cause: unknown): BridgeError {
  return settingsError(`Error: Unable to set TLS ciphers. Check ${name} list "${escapeText(value)}"`, undefined, cause)
}

function readAuthorities(settings: BridgeSettings, warn: Warn): string[] {
  const { bridge_cafile: cafile, bridge_capath: capath, bridge_tls_use_os_certs: usesSystem } = settings
  const system = usesSystem ? getCACertificates('system') : []
  try {
    return [
      ...readTrustStore({ cafile, capath }, { enabled: () => true, write: (_type, line) => warn(line) }),
      ...system,
    ]
  } catch (cause) {
    if (!(cause instanceof ListenerError)) throw cause
    const option = /^[^"]*capath/.test(cause.message)
      ? `bridge_capath "${escapeText(capath ?? '')}"`
      : `bridge_cafile "${escapeText(cafile ?? '')}"`
    throw settingsError(`Error: Unable to load CA certificates, check ${option}`, cause.hint, cause)
  }
}

function readCertificate(file: string): string {
  try {
    const pem = readFileSync(file, 'latin1')
    new X509Certificate(pem)
    return pem
  } catch (cause) {
    const message = `Error: Unable to load client certificate, check bridge_certfile "${escapeText(file)}"`
    throw settingsError(message, pemFault(cause, 'certificate'), cause)
  }
}

function readKey(file: string, cert: string, warn: Warn): string {
  const message = `Error: Unable to load client key file, check bridge_keyfile "${escapeText(file)}"`
  let pem: string
  let fits: boolean
  try {
    pem = readFileSync(file, 'latin1')
    fits = new X509Certificate(cert).checkPrivateKey(createPrivateKey(pem))
    if ((statSync(file).mode & 0o004) !== 0) {
      const line = `Warning: File ${escapeText(file)} has world readable permissions. Future versions will refuse to load this file.`
      warn(line)
    }
  } catch (cause) {
    throw settingsError(message, pemFault(cause, 'private key'), cause)
  }
  if (!fits) throw settingsError(message, 'the key does not belong to the certificate in bridge_certfile')
  return pem
}

/** OpenSSL does not say what it misses; a locked key is among it. */
function pemFault(error: unknown, what: string): string {
  const isOfSystem = (error as NodeJS.ErrnoException).errno !== undefined
  return isOfSystem ? fileFault(error) : `the file holds no PEM ${what} that is not encrypted`
}

function settingsError(message: string, hint?: string, cause?: unknown): BridgeError {
  return new BridgeError(`${message}${hint === undefined ? '' : `: ${hint}`}.`, { cause })
}
