// What a file of revocation lists says, whoever signed them: for people and for cron.

import { X509Certificate } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { AppError } from '../base/errors.ts'
import { readRevocationBundle } from '../x509/revocation-bundle.ts'
import { PkiError } from './errors.ts'
import { pemOrDer } from './pem.ts'

export interface ListSummary {
  /** Its name, as RFC 4514 writes it. */
  readonly issuer: string
  /** Absent in lists of version 1. */
  readonly number: string | undefined
  /** Of a delta list: the number of the complete one that it changes. */
  readonly base: string | undefined
  /** Milliseconds since the epoch. */
  readonly thisUpdate: number
  readonly nextUpdate: number | undefined
  readonly entries: number
  /** Whether the authority that was named has signed it; undefined when none was. */
  readonly verified: boolean | undefined
}

/**
 * @param bytes PEM, one or several, or DER
 * @param authority its certificate, PEM or DER
 * @throws PkiError for what is no list
 */
export async function summariseLists(bytes: Buffer, authority: Uint8Array | undefined): Promise<ListSummary[]> {
  const key =
    authority === undefined
      ? undefined
      : new X509Certificate(pemOrDer(authority, ['CERTIFICATE'], 'the file')).publicKey
  const summaries: ListSummary[] = []
  for (const list of await read(bytes)) {
    const { issuerText, number, deltaBase, thisUpdate, nextUpdate, entries } = list
    summaries.push({
      issuer: issuerText,
      number: number?.toString(),
      base: deltaBase?.toString(),
      thisUpdate,
      nextUpdate,
      entries: entries.size,
      verified: key === undefined ? undefined : await list.verify(key, 'authority'),
    })
  }
  return summaries
}

async function read(bytes: Buffer): ReturnType<typeof readRevocationBundle> {
  try {
    return await readRevocationBundle(bytes, nextTurn)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    throw new PkiError(`the revocation lists cannot be read: ${error.message}`)
  }
}
