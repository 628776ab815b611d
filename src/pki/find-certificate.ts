// Finds certificates in an inventory by what people have at hand: a name, a serial number, a fingerprint, the certificate itself.

import { hash } from 'node:crypto'
import { escapeText } from '../base/escape.ts'
import { PkiConflictError, PkiNotFoundError } from './errors.ts'
import { type CertificateRecord, type CertificateState, type Inventory, stateOf } from './inventory.ts'
import { pemOrDer } from './pem.ts'

export interface CertificateFilter {
  readonly state?: CertificateState
  readonly profile?: string
  /** Part of the name, of an alternative name or of the serial number; case does not count. */
  readonly text?: string
  /** Milliseconds since the epoch. */
  readonly expiresBefore?: number
}

/** In the order of issue. */
export function filterCertificates(inventory: Inventory, filter: CertificateFilter, now: number): CertificateRecord[] {
  const { state, profile, text, expiresBefore } = filter
  const wanted = text?.toLowerCase()
  return [...inventory.all()].filter(
    record =>
      (state === undefined || stateOf(record, now) === state) &&
      (profile === undefined || record.profile === profile) &&
      (expiresBefore === undefined || record.notAfter < expiresBefore) &&
      (wanted === undefined || texts(record).some(value => value.toLowerCase().includes(wanted))),
  )
}

/**
 * The one certificate that is meant: by name the one that is not yet revoked or expired.
 *
 * @throws PkiNotFoundError, PkiConflictError when several are meant
 */
export function findCertificate(inventory: Inventory, what: string, now: number): CertificateRecord {
  const hex = what.replaceAll(':', '').toLowerCase()
  const found = [...inventory.all()].filter(
    ({ name, serial, fingerprint }) => name === what || serial === hex || fingerprint === hex,
  )
  const living = found.filter(record => ['valid', 'held'].includes(stateOf(record, now)))
  const candidates = living.length > 0 ? living : found.slice(-1)
  const [only, ...others] = candidates
  const shown = escapeText(what, 80)
  if (only === undefined) throw new PkiNotFoundError(`no certificate '${shown}' was issued here`)
  if (others.length === 0) return only
  const serials = candidates.map(({ serial }) => serial).join(', ')
  throw new PkiConflictError(
    `'${shown}' has ${candidates.length} certificates; name one by its serial number: ${serials}`,
  )
}

/** The record of a certificate that somebody brings along. @throws PkiError, PkiNotFoundError */
export function findByBytes(inventory: Inventory, bytes: Uint8Array): CertificateRecord {
  const fingerprint = hash('sha256', pemOrDer(bytes, ['CERTIFICATE'], 'the file'), 'hex')
  for (const record of inventory.all()) if (record.fingerprint === fingerprint) return record
  throw new PkiNotFoundError('the certificate in the file was not issued here')
}

function texts({ name, alternatives, serial }: CertificateRecord): string[] {
  return [name, ...alternatives, serial]
}
