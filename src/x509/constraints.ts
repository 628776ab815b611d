// What a chain of certificates must keep to beside its signatures (RFC 5280 §6.1), where the TLS library's verdict on it cannot
// be told: it names one fault of several, and with `disable_client_cert_date_checks` that may be the one that is overlooked.

import type { X509Certificate } from 'node:crypto'
import type { BasicConstraintsExtension } from '@peculiar/x509'
import type { Issuer } from './issuer.ts'
import { x509Library } from './library.ts'

/** Critical extensions that are read. */
const understood: ReadonlySet<string> = new Set([
  '2.5.29.15', // keyUsage
  '2.5.29.17', // subjectAltName
  '2.5.29.19', // basicConstraints
  '2.5.29.32', // certificatePolicies, and three more for `policyFault`
  '2.5.29.33',
  '2.5.29.36',
  '2.5.29.37', // extKeyUsage
  '2.5.29.54',
])
const weakHashes: ReadonlySet<string> = new Set(['SHA-1', 'MD5', 'MD2'])

/** Strict: what is not understood is refused. Needs the X.509 library. */
export function constraintFault(leaf: X509Certificate, issuer: Issuer): string | undefined {
  const fault = certificateFault(leaf)
  if (fault !== undefined) return fault
  let below = 0
  for (let at: Issuer | undefined = issuer; at !== undefined; at = at.parent) {
    // A trust anchor is trusted as it is; how long a path it allows counts all the same.
    const own = at.parent === undefined ? undefined : certificateFault(at.certificate)
    if (own !== undefined) return own
    const limit = read(at.certificate).getExtension<BasicConstraintsExtension>('2.5.29.19')?.pathLength
    if (limit !== undefined && below > limit) return 'its chain is longer than an authority allows'
    if (at.certificate.subject !== at.certificate.issuer) below++
  }
  return undefined
}

function certificateFault(certificate: X509Certificate): string | undefined {
  const { extensions, signatureAlgorithm } = read(certificate)
  const isUnknown = extensions.some(({ critical, type }) => critical && !understood.has(type))
  if (isUnknown) return 'its chain has a critical extension that is not known here'
  const { hash } = signatureAlgorithm as { readonly hash?: { readonly name: string } }
  return weakHashes.has(hash?.name ?? '') ? 'its chain has a signature with a weak hash' : undefined
}

function read(certificate: X509Certificate) {
  return new (x509Library().X509Certificate)(Uint8Array.from(certificate.raw))
}
