// An authority without a directory, for benchmarks, from the parts that every authority here is made of: the same profiles, the same
// lint. It has no journal and no lists, and its key is in the clear.

import type { KeyObject } from 'node:crypto'
import type { JsonGeneralNames } from '@peculiar/x509'
import { escapeText } from '../src/base/escape.ts'
import { seconds } from '../src/pki/ca-directory.ts'
import { randomSerialNumber, signAuthority, signLeaf } from '../src/pki/certificate-builder.ts'
import { PkiError } from '../src/pki/errors.ts'
import { Issuer } from '../src/pki/issuer.ts'
import { alternativeName, checkCommonName } from '../src/pki/name-rules.ts'
import { formatPem } from '../src/pki/pem.ts'
import { generateKeys, plainKeyPem } from '../src/pki/private-key.ts'
import {
  authorityLifetimeDays,
  backdateMs,
  type LeafProfile,
  maxCommonNameLength,
  profiles,
} from '../src/pki/profiles.ts'

/** A certificate with its private key, both PEM; the key is PKCS#8, not encrypted. */
export interface IssuedPair {
  readonly certificate: string
  readonly privateKey: string
}

export interface CertificateAuthority {
  /** PEM. */
  readonly certificate: string
  /** PEM, PKCS#8, not encrypted: keep it in a directory of its own. */
  readonly privateKey: string
  readonly issuer: Issuer
  readonly signingKey: KeyObject
}

export interface LeafRequest {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Days; the profile's lifetime when absent. */
  readonly lifetimeDays?: number
}

const dayMs = 24 * 60 * 60 * 1000

/**
 * A self-signed authority that may issue end-entity certificates and nothing below (pathLenConstraint 0).
 *
 * @param commonName the subject's CN, 1 to 64 characters
 * @param now milliseconds since the epoch
 */
export async function createCertificateAuthority(commonName: string, now: number): Promise<CertificateAuthority> {
  checkCommonName(commonName)
  const { publicKey, privateKey } = await generateKeys('ec-p256')
  const der = await signAuthority({
    commonName,
    validity: validity(now, authorityLifetimeDays),
    publicKey,
    signingKey: privateKey,
    pathLength: 0,
    pointers: {},
  })
  return {
    certificate: formatPem('CERTIFICATE', der),
    privateKey: plainKeyPem(privateKey),
    issuer: new Issuer(der),
    signingKey: privateKey,
  }
}

/**
 * @param names host names and IP addresses, at least one; the first that fits is the CN, all are subject alternative names
 * @throws PkiError for a name that is neither
 */
export async function issueServerCertificate(
  authority: CertificateAuthority,
  names: readonly string[],
  request: LeafRequest,
): Promise<IssuedPair> {
  const alternatives = [...new Set(names)].map(serverName)
  const commonName = names.find(name => name.length <= maxCommonNameLength)
  if (commonName === undefined)
    throw new PkiError('at least one name of the server must be given that fits a CN (64 characters)')
  return issue(authority, profiles.server, commonName, alternatives, request)
}

/**
 * @param clientName the CN, which becomes the client's user name: 1 to 64 visible characters
 * @throws PkiError for a name that could be mistaken for another
 */
export async function issueClientCertificate(
  authority: CertificateAuthority,
  clientName: string,
  request: LeafRequest,
): Promise<IssuedPair> {
  const alternatives: JsonGeneralNames = [{ type: 'url', value: `urn:device:${encodeURIComponent(clientName)}` }]
  return issue(authority, profiles.device, clientName, alternatives, request)
}

async function issue(
  { issuer, signingKey }: CertificateAuthority,
  profile: LeafProfile,
  commonName: string,
  alternatives: JsonGeneralNames,
  { now, lifetimeDays = profile.lifetimeDays }: LeafRequest,
): Promise<IssuedPair> {
  checkCommonName(commonName)
  const { publicKey, privateKey } = await generateKeys(profile.keyType)
  const serialNumber = randomSerialNumber()
  const dates = validity(now, lifetimeDays, issuer.notAfter)
  const template = { profile, serialNumber, commonName, alternatives, validity: dates, publicKey, pointers: {} }
  const der = await signLeaf(template, issuer, signingKey)
  return { certificate: formatPem('CERTIFICATE', der), privateKey: plainKeyPem(privateKey) }
}

function serverName(name: string): JsonGeneralNames[number] {
  const alternative = alternativeName(name)
  if (alternative.type === 'ip' || alternative.type === 'dns') return alternative
  throw new PkiError(`name '${escapeText(name, 80)}' is neither a host name nor an IP address`)
}

/** Whole seconds, as certificates have them; a leaf never outlives its issuer. */
function validity(
  now: number,
  days: number,
  latest = Number.POSITIVE_INFINITY,
): { notBefore: number; notAfter: number } {
  return { notBefore: seconds(now - backdateMs), notAfter: Math.min(seconds(now) + days * dayMs, latest) }
}
