// What a revocation list says of itself (RFC 5280 §5.1, §5.2): whose it is, which certificates it speaks of, and until when.

import { constants } from 'node:crypto'
import type { Name, X509Crl } from '@peculiar/x509'
import { DerCursor, DerError, derTag } from './der.ts'
import { pointNames } from './distribution-points.ts'
import { x509Library } from './library.ts'

export interface ListHead {
  /** In the form of `comparableName`. */
  readonly issuer: string
  /** For people. */
  readonly issuerText: string
  /** Grows with each list of its scope. */
  readonly number: bigint | undefined
  /** A delta list: what has changed since the list of this number. */
  readonly deltaBase: bigint | undefined
  /** Lists of one issuer with the same scope replace each other. */
  readonly scope: string
  readonly covers: 'all' | 'users' | 'authorities'
  /** It speaks only of certificates that name it by one of these (`listNames`); undefined when it speaks of all. */
  readonly names: readonly string[] | undefined
  /** Milliseconds since the epoch. */
  readonly thisUpdate: number
  /** undefined for a list that says nothing about its end. */
  readonly nextUpdate: number | undefined
  readonly signatureAlgorithm: SignatureAlgorithm
}

/** As `crypto.verify` takes it. */
export interface SignatureAlgorithm {
  readonly hash: string | null
  readonly options: { readonly padding?: number; readonly saltLength?: number }
}

const oid = {
  number: '2.5.29.20',
  deltaBase: '2.5.29.27',
  distributionPoint: '2.5.29.28',
  authorityKeyId: '2.5.29.35',
}

/**
 * @param der a list without its entries
 * @throws DerError
 */
export function readListHead(der: Uint8Array): ListHead {
  try {
    return readHead(new (x509Library().X509Crl)(Uint8Array.from(der)))
  } catch (error) {
    if (error instanceof DerError) throw error
    // The library reads most parts only when they are asked for.
    throw new DerError(`it does not decode: ${error instanceof Error ? error.message : 'unknown'}`)
  }
}

/**
 * A name in a form that two certificates have in common when they mean the same, however they spell it: case, blanks and
 * kinds of strings do not count (RFC 5280 §7.1).
 */
export function comparableName(name: Name): string {
  return JSON.stringify(name.toJSON(), (_, value: unknown) =>
    typeof value === 'string' ? value.trim().replace(/\s+/g, ' ').toLowerCase() : value,
  )
}

function readHead(list: X509Crl): ListHead {
  const extensions = extensionsOf(list)
  const deltaBase = integerOf(extensions.get(oid.deltaBase))
  const number = integerOf(extensions.get(oid.number))
  if (deltaBase !== undefined && number === undefined) throw new DerError('it is a delta list without a number')
  const point = extensions.get(oid.distributionPoint)
  return {
    issuer: comparableName(list.issuerName),
    issuerText: list.issuer,
    number,
    deltaBase,
    scope: point === undefined ? '' : Buffer.from(point).toString('hex'),
    ...(point === undefined ? coversAll : coveredBy(point, new Uint8Array(list.issuerName.toArrayBuffer()))),
    thisUpdate: list.thisUpdate.getTime(),
    nextUpdate: list.nextUpdate?.getTime(),
    signatureAlgorithm: signatureAlgorithm(list),
  }
}

/** Which certificates the issuer means has to be understood, or nothing can be said of any (RFC 5280 §5.2). */
function extensionsOf(list: X509Crl): ReadonlyMap<string, Uint8Array> {
  const known = new Set(Object.values(oid))
  const found = new Map<string, Uint8Array>()
  for (const { type, critical, value } of list.extensions) {
    if (critical && !known.has(type)) throw new DerError(`it has a critical extension ${type} that is not known`)
    if (found.has(type)) throw new DerError(`it has extension ${type} twice`)
    found.set(type, new Uint8Array(value))
  }
  return found
}

function integerOf(value: Uint8Array | undefined): bigint | undefined {
  if (value === undefined) return undefined
  const cursor = new DerCursor(value)
  cursor.expect(derTag.integer, 0, value.length, 'a number')
  const content = value.subarray(cursor.start, cursor.end)
  if (content.length < 1 || content.length > 21 || (content[0] as number) >= 0x80 || cursor.end !== value.length)
    throw new DerError('its number is negative, or longer than 20 bytes')
  return BigInt(`0x${Buffer.from(content).toString('hex')}`)
}

type Coverage = Pick<ListHead, 'covers' | 'names'>

const coversAll: Coverage = { covers: 'all', names: undefined }

/** IssuingDistributionPoint (RFC 5280 §5.2.5). */
function coveredBy(value: Uint8Array, issuer: Uint8Array): Coverage {
  const cursor = new DerCursor(value)
  cursor.expect(derTag.sequence, 0, value.length, 'the issuing distribution point')
  let { covers, names } = coversAll
  const { end } = cursor
  for (let at = cursor.start; at < end; ) {
    cursor.read(at, end)
    at = cursor.end
    const isSet = cursor.end > cursor.start && value[cursor.start] !== 0
    if (cursor.tag === 0xa0) names = pointNames(cursor, issuer)
    else if (cursor.tag === 0x81 && isSet) covers = 'users'
    else if (cursor.tag === 0x82 && isSet) covers = 'authorities'
    // It may call good who is revoked for another reason, and the list for that one may be missing.
    else if (cursor.tag === 0x83) throw new DerError('it speaks of some reasons only')
    else if (cursor.tag === 0x84 && isSet) throw new DerError('it is an indirect list')
    else if (cursor.tag === 0x85 && isSet) throw new DerError('it speaks of attribute certificates')
  }
  return { covers, names }
}

function signatureAlgorithm(list: X509Crl): SignatureAlgorithm {
  const { name, hash, saltLength } = list.signatureAlgorithm as {
    readonly name: string
    readonly hash?: { readonly name: string }
    readonly saltLength?: number
  }
  if (name === 'Ed25519' || name === 'Ed448') return { hash: null, options: {} }
  const digest = digests[hash?.name ?? '']
  if (digest === undefined) throw new DerError(`it is signed with ${name} and ${hash?.name ?? 'no hash'}`)
  if (name === 'ECDSA' || name === 'RSASSA-PKCS1-v1_5') return { hash: digest, options: {} }
  if (name !== 'RSA-PSS') throw new DerError(`it is signed with ${name}`)
  return { hash: digest, options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: saltLength ?? 20 } }
}

/** SHA-1 is not among them. */
const digests: Readonly<Record<string, string>> = {
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
}
