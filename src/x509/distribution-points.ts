// Where a certificate says that the revocation list is which speaks of it, and which list means just the certificates that say so
// (RFC 5280 §4.2.1.13, §5.2.5): an authority may have several lists, each for a part of its certificates.

import type { X509Certificate } from 'node:crypto'
import type { CRLDistributionPointsExtension } from '@peculiar/x509'
import { extensionOf, issuerNameOf } from './certificate-extension.ts'
import { DerCursor, DerError, derHeader, derTag } from './der.ts'
import { x509Library } from './library.ts'

/** Of one certificate. */
const maxPlaces = 4
/** 2.5.29.31, cRLDistributionPoints. */
const distributionPoints = Buffer.from([0x55, 0x1d, 0x1f])

/** Context tags of DistributionPoint, IssuingDistributionPoint and DistributionPointName. */
const pointName = 0xa0
const listIssuer = 0xa2
const fullName = 0xa0
const relativeName = 0xa1
/** GeneralName, directoryName. */
const directoryName = 0xa4

/** @returns the URLs with http; needs the X.509 library */
export function listPlaces(certificate: X509Certificate): readonly string[] {
  const parsed = new (x509Library().X509Certificate)(Uint8Array.from(certificate.raw))
  const points = parsed.getExtension<CRLDistributionPointsExtension>('2.5.29.31')?.distributionPoints ?? []
  return points
    .flatMap(({ distributionPoint }) => distributionPoint?.fullName ?? [])
    .flatMap(({ uniformResourceIdentifier: url }) => (url?.startsWith('http://') ? [url] : []))
    .slice(0, maxPlaces)
}

/**
 * What a certificate calls the lists that speak of it, in the form of `pointNames`. A list of another issuer's is not among them.
 *
 * @param der the certificate
 * @returns none where it names none, or is not DER: then no list counts that is for a part of the certificates
 */
export function listNames(der: Uint8Array): readonly string[] {
  try {
    const points = extensionOf(der, distributionPoints)
    return points === undefined ? [] : readPoints(points, issuerNameOf(der))
  } catch (error) {
    if (error instanceof DerError) return []
    throw error
  }
}

/**
 * The names in a DistributionPointName, each as the hex of a GeneralName; two name the same list when they are equal.
 *
 * @param cursor at the element that holds the DistributionPointName
 * @param issuer the DER of the name that a relative one goes on from
 * @throws DerError
 */
export function pointNames(cursor: DerCursor, issuer: Uint8Array): readonly string[] {
  const { bytes, start, end } = cursor
  cursor.read(start, end)
  if (cursor.tag === relativeName) return [namedBelow(issuer, bytes.subarray(cursor.start, cursor.end))]
  if (cursor.tag !== fullName) throw new DerError('the name of a distribution point is of a kind that is not known')
  const names: string[] = []
  const namesEnd = cursor.end
  for (let at = cursor.start; at < namesEnd; at = cursor.end) {
    cursor.read(at, namesEnd)
    names.push(hex(bytes.subarray(cursor.head, cursor.end)))
  }
  return names
}

/** nameRelativeToCRLIssuer: one more RDN behind those of the issuer. */
function namedBelow(issuer: Uint8Array, attributes: Uint8Array): string {
  const cursor = new DerCursor(issuer)
  cursor.expect(derTag.sequence, 0, issuer.length, 'the issuer')
  const rdn = Buffer.concat([derHeader(derTag.set, attributes.length), attributes])
  const rdns = Buffer.concat([issuer.subarray(cursor.start, cursor.end), rdn])
  const name = Buffer.concat([derHeader(derTag.sequence, rdns.length), rdns])
  return hex(Buffer.concat([derHeader(directoryName, name.length), name]))
}

function readPoints(cursor: DerCursor, issuer: Uint8Array): readonly string[] {
  cursor.expect(derTag.sequence, cursor.start, cursor.end, 'the distribution points')
  const names: string[] = []
  const { end } = cursor
  for (let at = cursor.start; at < end; ) {
    cursor.expect(derTag.sequence, at, end, 'a distribution point')
    at = cursor.end
    names.push(...namesOfPoint(cursor, issuer))
  }
  return names
}

function namesOfPoint(cursor: DerCursor, issuer: Uint8Array): readonly string[] {
  const { end } = cursor
  let names: readonly string[] = []
  for (let at = cursor.start; at < end; ) {
    cursor.read(at, end)
    at = cursor.end
    if (cursor.tag === listIssuer) return []
    if (cursor.tag === pointName) names = pointNames(cursor, issuer)
  }
  return names
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
