// The TLS options of `castellan ctl`, as Node takes them. Without one of them the connection is not encrypted.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ConnectionOptions, getCACertificates, type SecureVersion } from 'node:tls'
import { escapeText } from '../../base/escape.ts'
import { systemReason } from '../../base/system-reason.ts'
import { CtlError, CtlUsageError } from './error.ts'
import type { CtlOptions } from './options.ts'

/** What of the options is about TLS; `castellan pub`, `sub` and `rr` have them, too. */
export type TlsWishes = Pick<
  CtlOptions,
  | 'alpn'
  | 'cafile'
  | 'capath'
  | 'cert'
  | 'ciphers'
  | 'insecure'
  | 'key'
  | 'osCertificates'
  | 'psk'
  | 'pskIdentity'
  | 'tlsVersion'
>

/**
 * @param isAsked whether the URL asks for TLS: then this machine's authorities are trusted where none are named
 * @returns undefined where nothing asks for TLS
 * @throws CtlUsageError for options that do not go together
 * @throws CtlError for a file that cannot be read
 */
export function tlsOptions(options: TlsWishes, isAsked: boolean): ConnectionOptions | undefined {
  const { cafile, capath, cert, key, osCertificates, psk } = options
  if ((cert === undefined) !== (key === undefined)) {
    throw new CtlUsageError('Error: Both certfile and keyfile must be provided if one of them is set.')
  }
  const named = cafile !== undefined || capath !== undefined || osCertificates === true
  if (psk !== undefined || options.pskIdentity !== undefined) return sharedKey(options, named)
  if (!named && !isAsked) return refuseWithout(options)
  return {
    ca: authorities(options, !named),
    ...common(options),
    ...(cert !== undefined && { cert: read(cert) }),
    ...(key !== undefined && { key: read(key) }),
    // The chain is verified all the same; only the name is not.
    ...(options.insecure && { checkServerIdentity: () => undefined }),
  }
}

/** Whoever asks for a certificate, a cipher or a version means TLS: nothing is sent in clear then. */
function refuseWithout(options: TlsWishes): undefined {
  const { alpn, cert, ciphers, insecure, tlsVersion } = options
  if ([alpn, cert, ciphers, insecure, tlsVersion].every(value => value === undefined)) return undefined
  throw new CtlUsageError('Error: TLS needs one of --cafile, --capath and --tls-use-os-certs.')
}

/** A pre-shared key takes the place of both certificates (TLS 1.2). */
function sharedKey(options: TlsWishes, isNamed: boolean): ConnectionOptions {
  const { psk = '', pskIdentity: identity } = options
  if (isNamed || options.cert !== undefined) {
    throw new CtlUsageError('Error: Only one of --psk and certificates may be used.')
  }
  if (identity === undefined || !/^[0-9A-Fa-f]+$/.test(psk)) {
    throw new CtlUsageError('Error: --psk takes a key in hexadecimal, and --psk-identity its name; both are needed.')
  }
  const shared = { psk: Buffer.from(psk.length % 2 === 0 ? psk : `0${psk}`, 'hex'), identity }
  return {
    ...common(options),
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    ciphers: options.ciphers ?? 'PSK',
    pskCallback: () => shared,
    checkServerIdentity: () => undefined,
  }
}

function common({ alpn, ciphers, tlsVersion }: TlsWishes): ConnectionOptions {
  const version = tlsVersion === undefined ? undefined : versionOf(tlsVersion)
  return {
    ...(version && { minVersion: version, maxVersion: version }),
    ...(ciphers !== undefined && { ciphers }),
    ...(alpn !== undefined && { ALPNProtocols: [alpn] }),
  }
}

function versionOf(text: string): SecureVersion {
  const version = ({ 'tlsv1.2': 'TLSv1.2', 'tlsv1.3': 'TLSv1.3' } as const)[text]
  if (version !== undefined) return version
  throw new CtlUsageError(`Error: Invalid TLS version '${escapeText(text, 32)}'; it is tlsv1.2 or tlsv1.3.`)
}

function authorities({ cafile, capath, osCertificates }: TlsWishes, isOpen: boolean): (string | Buffer)[] {
  return [
    ...(cafile === undefined ? [] : [read(cafile)]),
    ...(capath === undefined ? [] : list(capath).map(name => read(join(capath, name)))),
    ...(osCertificates === true || isOpen ? getCACertificates('system') : []),
  ]
}

/** What OpenSSL takes of a `capath`, by the ends of names. */
function list(directory: string): readonly string[] {
  try {
    return readdirSync(directory).filter(name => /\.(crt|pem|cer|\d+)$/.test(name))
  } catch (cause) {
    throw unreadable(directory, cause)
  }
}

function read(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

function unreadable(path: string, cause: unknown): CtlError {
  return new CtlError(
    `Error: Problem setting TLS options: '${escapeText(path, 4096)}' cannot be read (${systemReason(cause)}).`,
    {
      cause,
    },
  )
}
