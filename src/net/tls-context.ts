// A listener's side of TLS: certificate, key, trust, versions and ciphers, read and proven usable before anything of it is
// put to work.

import { constants, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { createSecureContext, DEFAULT_CIPHERS, DEFAULT_ECDH_CURVE, type SecureContextOptions } from 'node:tls'
import { assert } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { ClientTrust, type IssueRecords, type TrustRules } from './client-trust.ts'
import { graceMs } from './crl-expired.ts'
import { causeCode, ListenerError } from './errors.ts'
import { fileFault } from './file-state.ts'
import { OcspChecker } from './ocsp-checker.ts'
import { asksForCertificate } from './options.ts'
import type { RevocationDownloads } from './revocation-downloads.ts'
import type { RevocationFile } from './revocation-files.ts'
import { readTrustStore, type TrustSettings } from './trust-store.ts'

export interface TlsSettings extends TrustSettings {
  readonly certfile: string | undefined
  readonly keyfile: string | undefined
  readonly tls_version: string | undefined
  readonly ciphers: string | undefined
  readonly 'ciphers_tls1.3': string | undefined
  readonly tls_groups: string | undefined
  readonly require_certificate: boolean
  readonly request_certificate: boolean
}

/** What of a listener's settings says how strictly client certificates are judged. */
export interface RevocationSettings {
  readonly crlfile: string | undefined
  readonly crl_expired: string
  readonly crl_missing: 'reject' | 'accept'
  readonly crl_fetch: boolean
  readonly disable_client_cert_date_checks: boolean
  readonly ocsp: 'off' | 'soft' | 'hard'
  readonly ocsp_responder: string | undefined
  readonly ocsp_timeout: number
  readonly ocsp_max_age: number
}

/** What judging certificates needs of the broker around it. */
export interface TrustDeps {
  readonly log: Log
  wallClock(): number
  /** A file of revocation lists, which was loaded before a listener names it. */
  revocations?(path: string): RevocationFile | undefined
  readonly downloads?: RevocationDownloads | undefined
  /** What the authority of `ca_directory` has issued. */
  readonly issued?: IssueRecords | undefined
  /** An OCSP responder has said that a certificate is revoked: whoever has it has to go. */
  certificateRevoked?(): void
}

/**
 * What the clients of a listener are judged by.
 *
 * @param context of `loadTlsOptions`
 * @param earlier whose revocation lists are in force until now
 * @returns undefined where no certificate is asked for
 */
export function clientTrust(
  settings: TlsSettings & RevocationSettings,
  { ca }: SecureContextOptions,
  deps: TrustDeps,
  earlier: ClientTrust | undefined,
): ClientTrust | undefined {
  if (!asksForCertificate(settings)) return undefined
  const { crlfile } = settings
  const rules: TrustRules = {
    certificates: ca as string[],
    revocations: crlfile === undefined ? undefined : loaded(deps.revocations?.(crlfile)),
    downloads: settings.crl_fetch ? deps.downloads : undefined,
    ocsp: settings.ocsp === 'off' ? undefined : ocspChecker(settings, deps, earlier?.rules.ocsp),
    graceMs: graceMs(settings.crl_expired),
    needsList: settings.crl_missing === 'reject',
    checksDates: !settings.disable_client_cert_date_checks,
    issued: deps.issued,
  }
  return new ClientTrust(rules, deps.log, earlier)
}

function ocspChecker(settings: RevocationSettings, deps: TrustDeps, earlier: OcspChecker | undefined): OcspChecker {
  const rules = {
    isHard: settings.ocsp === 'hard',
    responder: settings.ocsp_responder,
    timeoutMs: settings.ocsp_timeout * 1000,
    maxAgeMs: settings.ocsp_max_age * 1000,
  }
  return new OcspChecker(rules, deps, earlier)
}

/** A list that is not there must never mean that nothing is revoked. */
function loaded(file: RevocationFile | undefined): RevocationFile {
  assert(file !== undefined, 'revocation files are loaded before their listeners')
  return file
}

const serverAuth = '1.3.6.1.5.5.7.3.1'
/** Node mixes both generations in one list and tells them apart by this prefix. */
const isTls13Cipher = (name: string) => name.startsWith('TLS_')

/**
 * Reads and tries everything that the settings name.
 *
 * @param earlier by which the listener has been running
 * @returns what `tls.createServer` takes; whoever makes a new server of it gets new ticket keys
 * @throws ListenerError with Mosquitto's text and a hint
 */
export function loadTlsOptions(settings: TlsSettings, log: Log, earlier?: TlsSettings): SecureContextOptions {
  const cert = readCertificate(settings.certfile ?? '', log)
  const key = readKey(settings.keyfile ?? '', cert, log)
  const options: SecureContextOptions = {
    cert,
    key,
    // An empty list, not an absent one: Node would trust the public CAs.
    ca: asksForCertificate(settings) ? readTrustStore(settings, log, earlier) : [],
    minVersion: minimumVersion(settings.tls_version),
    ciphers: cipherList(settings),
    ecdhCurve: settings.tls_groups ?? DEFAULT_ECDH_CURVE,
    // Parameters as strong as the key; without them no DHE suite works, though the list offers them.
    dhparam: 'auto',
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
    sessionIdContext: 'castellan',
  }
  tryContext(options, settings)
  return options
}

function readCertificate(file: string, log: Log): string {
  const message = `Error: Unable to load server certificate "${escapeText(file)}". Check certfile.`
  let pem: string
  let leaf: X509Certificate
  try {
    pem = readFileSync(file, 'latin1')
    leaf = new X509Certificate(pem)
  } catch (error) {
    throw new ListenerError('ERR_NET_TLS_SETTINGS', message, certificateHint(file, error), { cause: error })
  }
  // Node's `keyUsage` is the extended one.
  const purposes = leaf.keyUsage as readonly string[] | undefined
  if (purposes !== undefined && !purposes.includes(serverAuth)) {
    log.write(
      'warning',
      `Warning: Certificate "${escapeText(file)}" is not for servers (its extended key usage says so): clients will refuse it. Client certificates do not belong on the broker.`,
    )
  }
  return pem
}

function certificateHint(file: string, error: unknown): string {
  if (causeCode(error) === 'ENOENT' && / /.test(file)) {
    return 'no such file or directory; one certificate per listener: client certificates do not belong on the broker'
  }
  if (causeCode(error) === '' || causeCode(error).startsWith('ERR_OSSL')) return 'the file holds no PEM certificate'
  return fileFault(error)
}

function readKey(file: string, cert: string, log: Log): string {
  const message = `Error: Unable to load server key file "${escapeText(file)}". Check keyfile.`
  const refuse = (hint: string, cause?: unknown) =>
    new ListenerError('ERR_NET_TLS_SETTINGS', message, hint, cause === undefined ? undefined : { cause })
  let pem: string
  let key: KeyObject
  try {
    pem = readFileSync(file, 'latin1')
    if (/ENCRYPTED/.test(pem))
      throw refuse('the key is encrypted and there is no passphrase for it; decrypt it with openssl pkey')
    key = createPrivateKey(pem)
  } catch (error) {
    if (error instanceof ListenerError) throw error
    throw refuse(
      causeCode(error).startsWith('E') && !causeCode(error).startsWith('ERR_')
        ? fileFault(error)
        : 'the file holds no PEM private key',
      error,
    )
  }
  if (!new X509Certificate(cert).checkPrivateKey(key))
    throw refuse('the key does not belong to the certificate in certfile')
  warnWhenWorldReadable(file, log)
  return pem
}

function warnWhenWorldReadable(file: string, log: Log): void {
  if ((statSync(file).mode & 0o004) === 0) return
  log.write(
    'warning',
    `Warning: File ${escapeText(file)} has world readable permissions. Future versions will refuse to load this file.`,
  )
}

function minimumVersion(version: string | undefined): 'TLSv1.2' | 'TLSv1.3' {
  switch (version) {
    case undefined:
    case 'tlsv1.2':
      return 'TLSv1.2'
    case 'tlsv1.3':
      return 'TLSv1.3'
    default:
      throw new ListenerError(
        'ERR_NET_TLS_SETTINGS',
        `Error: Unsupported tls_version "${escapeText(version)}".`,
        'tlsv1.2 and tlsv1.3 are supported',
      )
  }
}

/** Both generations in one list; where one is not set, it is Node's. */
export function cipherList(settings: Pick<TlsSettings, 'ciphers' | 'ciphers_tls1.3'>): string {
  const defaults = DEFAULT_CIPHERS.split(':')
  const tls13 = settings['ciphers_tls1.3'] ?? defaults.filter(isTls13Cipher).join(':')
  const tls12 = settings.ciphers ?? defaults.filter(name => !isTls13Cipher(name)).join(':')
  return `${tls13}:${tls12}`
}

/** What only OpenSSL can judge: cipher names, strength of the key, the certificate's form. @throws ListenerError */
function tryContext(options: SecureContextOptions, settings: TlsSettings): void {
  tryCiphers(settings)
  tryGroups(settings)
  try {
    createSecureContext(options)
  } catch (error) {
    const message = `Error: Unable to load server certificate "${escapeText(settings.certfile ?? '')}". Check certfile.`
    throw new ListenerError('ERR_NET_TLS_SETTINGS', message, escapeText(String(error)), { cause: error })
  }
}

/** Each list beside the other's default, so that the one at fault is named. */
function tryCiphers(settings: TlsSettings): void {
  const { ciphers, 'ciphers_tls1.3': ciphers13 } = settings
  if (ciphers13 !== undefined) {
    const fit = ciphers13.split(':').every(isTls13Cipher)
    if (!fit || !areKnown(cipherList({ ...settings, ciphers: undefined })))
      throw cipherError('ciphers_tls1.3', ciphers13)
  }
  if (ciphers !== undefined && !areKnown(cipherList({ ...settings, 'ciphers_tls1.3': undefined })))
    throw cipherError('ciphers', ciphers)
}

function tryGroups({ tls_groups: groups }: TlsSettings): void {
  if (groups === undefined) return
  try {
    createSecureContext({ ecdhCurve: groups })
  } catch (error) {
    throw new ListenerError(
      'ERR_NET_TLS_SETTINGS',
      `Error: Unable to set TLS groups. Check tls_groups list "${escapeText(groups)}".`,
      'names as X25519MLKEM768, X25519 and P-256, separated by colons',
      { cause: error },
    )
  }
}

function areKnown(ciphers: string): boolean {
  try {
    createSecureContext({ ciphers })
    return true
  } catch {
    return false
  }
}

/** @param option the one at fault */
export function cipherError(option: string, value: string): ListenerError {
  return new ListenerError(
    'ERR_NET_TLS_SETTINGS',
    `Error: Unable to set TLS ciphers. Check ${option} list "${escapeText(value)}".`,
    'openssl ciphers -v lists the names',
  )
}
