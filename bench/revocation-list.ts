// A long revocation list: serial numbers of 16 bytes, as our authority gives them, none of which anybody has.

import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { entryBytes, listBytes, numberBytes } from '../test/support/list-bytes.ts'
import type { TlsFiles } from './tls-files.ts'

const listed = 1_000_000

/** The content of revokedCertificates. */
export function revokedEntries(count: number): Buffer {
  const entries: Buffer[] = []
  for (let i = 0; i < count; i++) entries.push(entryBytes(`01${i.toString(16).padStart(30, '0')}`))
  return Buffer.concat(entries)
}

/** Mosquitto reads PEM only. */
export function pemOf(der: Buffer): string {
  return `-----BEGIN X509 CRL-----\n${der.toString('base64').replaceAll(/.{64}/g, '$&\n')}\n-----END X509 CRL-----\n`
}

/** A list of a million by the authority of a run, beside its other files; made when it is first asked for. @returns its path */
export function longListFile({ authority, authorityKey }: TlsFiles): string {
  const path = join(dirname(authority), 'crl.pem')
  if (existsSync(path)) return path
  const ca = { cert: authority, key: authorityKey }
  writeFileSync(path, pemOf(listBytes(ca, { entries: revokedEntries(listed), extensions: numberBytes(1) })))
  return path
}
