// Where a certificate says that the revocation list is which speaks of it (RFC 5280 §4.2.1.13).

import type { X509Certificate } from 'node:crypto'
import type { CRLDistributionPointsExtension } from '@peculiar/x509'
import { x509Library } from './library.ts'

/** Of one certificate. */
const maxPlaces = 4

/** @returns the URLs with http; needs the X.509 library */
export function listPlaces(certificate: X509Certificate): readonly string[] {
  const parsed = new (x509Library().X509Certificate)(Uint8Array.from(certificate.raw))
  const points = parsed.getExtension<CRLDistributionPointsExtension>('2.5.29.31')?.distributionPoints ?? []
  return points
    .flatMap(({ distributionPoint }) => distributionPoint?.fullName ?? [])
    .flatMap(({ uniformResourceIdentifier: url }) => (url?.startsWith('http://') ? [url] : []))
    .slice(0, maxPlaces)
}
