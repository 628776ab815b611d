// Makes certificate revocation lists: version 2, always with a number, an end and the authority's key identifier (RFC 5280 §5).

// Must come before @peculiar/x509, which finds its classes through it.
import 'reflect-metadata'
import type { KeyObject } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import * as asn1 from 'asn1js'
import { type Issuer, signAndWrap, signingAlgorithm } from './issuer.ts'
import { type RevocationReason, revocationReasons } from './revocation-reasons.ts'
import { checkDer, derTag, encodeElement } from './strict-der.ts'

export interface CrlEntry {
  /** Hex, as in the certificate. */
  readonly serialNumber: string
  /** Milliseconds since the epoch. */
  readonly revokedAt: number
  readonly reason: RevocationReason
}

export interface CrlTemplate {
  readonly issuer: Pick<Issuer, 'subject' | 'keyIdentifier'>
  readonly number: number
  readonly thisUpdate: number
  readonly nextUpdate: number
  readonly entries: Iterable<CrlEntry>
  /** Of a delta list: the number of the complete list that it changes (RFC 5280 §5.2.4). */
  readonly base?: number
  /** Of a complete list: where its delta list is (RFC 5280 §5.2.6). */
  readonly freshest?: string
}

/** @returns DER */
export function signCrl(template: CrlTemplate, signingKey: KeyObject): Buffer {
  const { issuer, number, thisUpdate, nextUpdate, base, freshest } = template
  const entries = Array.from(template.entries, encodeEntry)
  const algorithm = algorithmIdentifier(signingKey)
  const tbs = encodeElement(
    derTag.sequence,
    integer(1),
    algorithm,
    issuer.subject,
    time(thisUpdate),
    time(nextUpdate),
    // Absent when empty (RFC 5280 §5.1.2.6).
    ...(entries.length === 0 ? [] : [encodeElement(derTag.sequence, Buffer.concat(entries))]),
    encodeElement(
      0xa0,
      encodeElement(
        derTag.sequence,
        authorityKeyIdentifier(issuer),
        crlNumber(number),
        ...(base === undefined ? [] : [deltaIndicator(base)]),
        ...(freshest === undefined ? [] : [freshestList(freshest)]),
      ),
    ),
  )
  checkDer(tbs)
  return signAndWrap(tbs, algorithm, signingKey)
}

function encodeEntry({ serialNumber, revokedAt, reason }: CrlEntry): Buffer {
  const code = revocationReasons[reason]
  const serial = encodeElement(derTag.integer, integerBytes(serialNumber))
  // The code for "unspecified" is left out (RFC 5280 §5.3.1).
  const extensions = code === 0 ? [] : [encodeElement(derTag.sequence, reasonExtension(code))]
  return encodeElement(derTag.sequence, serial, time(revokedAt), ...extensions)
}

const enumerated = 0x0a

function reasonExtension(code: number): Buffer {
  return extension('2.5.29.21', encodeElement(enumerated, Buffer.of(code)))
}

function crlNumber(number: number): Buffer {
  return extension('2.5.29.20', integer(number))
}

function authorityKeyIdentifier({ keyIdentifier }: Pick<Issuer, 'keyIdentifier'>): Buffer {
  return extension('2.5.29.35', encodeElement(derTag.sequence, encodeElement(0x80, keyIdentifier)))
}

const critical = Buffer.of(0x01, 0x01, 0xff)

/** Critical: whoever does not know delta lists must not take this one for all there is. */
function deltaIndicator(base: number): Buffer {
  const value = encodeElement(derTag.octetString, integer(base))
  return encodeElement(derTag.sequence, oidBytes('2.5.29.27'), critical, value)
}

/** CRLDistributionPoints with one URI. */
function freshestList(url: string): Buffer {
  const uri = encodeElement(0x86, Buffer.from(url, 'latin1'))
  const point = encodeElement(derTag.sequence, encodeElement(0xa0, encodeElement(0xa0, uri)))
  return extension('2.5.29.46', encodeElement(derTag.sequence, point))
}

/** Not critical. */
function extension(oid: string, value: Uint8Array): Buffer {
  return encodeElement(derTag.sequence, oidBytes(oid), encodeElement(derTag.octetString, value))
}

const encodedOids = new Map<string, Buffer>()

function oidBytes(value: string): Buffer {
  const known = encodedOids.get(value)
  if (known !== undefined) return known
  const bytes = Buffer.from(new asn1.ObjectIdentifier({ value }).toBER())
  encodedOids.set(value, bytes)
  return bytes
}

function integer(value: number): Buffer {
  return encodeElement(derTag.integer, integerBytes(value.toString(16)))
}

/** Positive, in as few bytes as possible. */
function integerBytes(hex: string): Buffer {
  const even = hex.length % 2 === 0 ? hex : `0${hex}`
  const bytes = Buffer.from(even, 'hex')
  const first = bytes.findIndex(byte => byte !== 0)
  const shortest = first < 0 ? Buffer.of(0) : bytes.subarray(first)
  return shortest[0]! >= 0x80 ? Buffer.concat([Buffer.of(0), shortest]) : shortest
}

/** UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280 §5.1.2.4). */
function time(at: number): Buffer {
  const text = `${new Date(at).toISOString().slice(0, 19).replace(/[-T:]/g, '')}Z`
  return Number(text.slice(0, 4)) < 2050
    ? encodeElement(derTag.utcTime, Buffer.from(text.slice(2)))
    : encodeElement(derTag.generalizedTime, Buffer.from(text))
}

/** As the X.509 library writes it for certificates. */
function algorithmIdentifier(key: KeyObject): Uint8Array {
  const { forLibrary } = signingAlgorithm(key)
  const provider = new x509.AlgorithmProvider()
  const encoded = provider.toAsnAlgorithm(forLibrary)
  return algorithmDer(encoded.algorithm, encoded.parameters)
}

function algorithmDer(oid: string, parameters: ArrayBuffer | null | undefined): Buffer {
  return encodeElement(derTag.sequence, oidBytes(oid), ...(parameters == null ? [] : [Buffer.from(parameters)]))
}
