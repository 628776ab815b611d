// The database of `openssl ca` (index.txt), which easy-ca and easy-rsa keep, too: a line for each certificate, read and written.

import { X509Certificate } from 'node:crypto'
import { escapeText } from '../../base/escape.ts'
import { PkiFileError } from '../errors.ts'
import type { RevocationReason } from '../revocation-reasons.ts'

export interface DatabaseRow {
  /** Hex, lower case, whole bytes. */
  readonly serial: string
  /** The CN; the whole subject where there is none. */
  readonly name: string
  /** Milliseconds since the epoch. */
  readonly notAfter: number
  readonly revocation?: { readonly at: number; readonly reason: RevocationReason }
}

/** Status, end, revocation and reason, serial number, file, subject. */
const columns = 6

/** As openssl(1) spells them. */
const reasons: Readonly<Record<string, RevocationReason>> = {
  unspecified: 'unspecified',
  keyCompromise: 'keyCompromise',
  CACompromise: 'cACompromise',
  affiliationChanged: 'affiliationChanged',
  superseded: 'superseded',
  cessationOfOperation: 'cessationOfOperation',
  certificateHold: 'certificateHold',
  holdInstruction: 'certificateHold',
  keyTime: 'keyCompromise',
  CAkeyTime: 'cACompromise',
}

/** @throws PkiFileError naming the line */
export function parseOpenSslDatabase(text: string): DatabaseRow[] {
  return text
    .split('\n')
    .map((line, index) => ({ cells: line.replace(/\r$/, '').split('\t'), number: index + 1 }))
    .filter(({ cells }) => cells.some(cell => cell !== ''))
    .map(({ cells, number }) => parseRow(cells, number))
}

function parseRow(cells: readonly string[], line: number): DatabaseRow {
  const [status = '', end = '', revoked = '', serial = '', , subject = ''] = cells
  if (cells.length !== columns || !/^[VRE]$/.test(status) || !/^[0-9A-Fa-f]{1,40}$/.test(serial)) {
    throw new PkiFileError(
      `line ${line} of the database is none: it has status, dates, serial number, file and subject`,
    )
  }
  const common = { serial: wholeBytes(serial), name: nameIn(subject), notAfter: parseTime(end, line) }
  if (status !== 'R') return common
  const [at = '', reason = ''] = revoked.split(',')
  return { ...common, revocation: { at: parseTime(at, line), reason: reasons[reason] ?? 'unspecified' } }
}

/** `261122010211Z` or `20501122010211Z`. */
function parseTime(text: string, line: number): number {
  const [, century = '', year = '', rest = ''] = /^(\d\d)?(\d\d)(\d{10})Z$/.exec(text) ?? []
  if (year === '') throw new PkiFileError(`line ${line} of the database has the date '${escapeText(text, 40)}'`)
  const first = century !== '' ? century : Number(year) < 50 ? '20' : '19'
  const [month, day, hour, minute, second] = rest.match(/../g) ?? []
  return Date.parse(`${first}${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
}

function nameIn(subject: string): string {
  return /(?:^|\/)CN=([^/]*)/.exec(subject)?.[1] ?? subject
}

/** The line of a certificate. @param der of the certificate */
export function databaseRow(der: Buffer, revocation?: DatabaseRow['revocation']): string {
  const { serialNumber, subject, validToDate } = new X509Certificate(der)
  const parts = (subject ?? '').split('\n').map(part => `/${part}`)
  return [
    revocation === undefined ? 'V' : 'R',
    databaseTime(validToDate.getTime()),
    revocation === undefined ? '' : revocationCell(revocation.at, revocation.reason),
    wholeBytes(serialNumber).toUpperCase(),
    'unknown',
    parts.join('').replace(/[\t\r]/g, ' '),
  ].join('\t')
}

/** `261122010211Z,keyCompromise` */
export function revocationCell(at: number, reason: RevocationReason): string {
  return `${databaseTime(at)},${reason === 'cACompromise' ? 'CACompromise' : reason}`
}

/** As `openssl ca` writes it; beyond 2049 with four digits of the year. */
function databaseTime(at: number): string {
  const text = `${new Date(at).toISOString().slice(0, 19).replace(/[-T:]/g, '')}Z`
  return text < '2050' ? text.slice(2) : text
}

/** Hex as journals have it. */
export function wholeBytes(hex: string): string {
  const plain = hex.toLowerCase().replace(/^0+(?=.)/, '')
  return plain.length % 2 === 0 ? plain : `0${plain}`
}
