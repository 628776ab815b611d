// Makes a certificate authority and the certificates it issues. Loaded only when something is to be made: the X.509 library
// costs a tenth of a second at start-up.

// Must come before @peculiar/x509, which finds its classes through it.
import 'reflect-metadata'
import { randomBytes, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { PkiError } from './errors.ts'
import { alternativeName, checkCommonName } from './name-rules.ts'
import {
  authorityLifetimeDays,
  backdateMs,
  keyAlgorithm,
  type LeafProfile,
  maxCommonNameLength,
  profiles,
} from './profiles.ts'

/** A certificate with its private key, both PEM; the key is PKCS#8, not encrypted. */
export interface IssuedCertificate {
  readonly certificate: string
  readonly privateKey: string
}

export interface CertificateAuthority {
  /** PEM. */
  readonly certificate: string
  /** PEM, PKCS#8, not encrypted: keep it in a directory of its own. */
  readonly privateKey: string
  readonly issuer: x509.X509Certificate
  readonly signingKey: webcrypto.CryptoKey
}

export interface LeafRequest {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Days; the profile's lifetime when absent. */
  readonly lifetimeDays?: number
}

/**
 * A self-signed authority that may issue end-entity certificates and nothing below (pathLenConstraint 0).
 *
 * @param commonName the subject's CN, 1 to 64 characters
 * @param now milliseconds since the epoch
 */
export async function createCertificateAuthority(commonName: string, now: number): Promise<CertificateAuthority> {
  checkCommonName(commonName)
  const keys = await generateKeys()
  const issuer = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomSerialNumber(),
    name: nameOf(commonName),
    ...validity(now, authorityLifetimeDays),
    signingAlgorithm: keyAlgorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return {
    certificate: pemText(issuer.toString('pem')),
    privateKey: await privateKeyPem(keys.privateKey),
    issuer,
    signingKey: keys.privateKey,
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
): Promise<IssuedCertificate> {
  const alternatives = [...new Set(names)].map(alternativeName)
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
): Promise<IssuedCertificate> {
  const alternatives: x509.JsonGeneralName[] = [{ type: 'url', value: `urn:device:${encodeURIComponent(clientName)}` }]
  return issue(authority, profiles.device, clientName, alternatives, request)
}

async function issue(
  authority: CertificateAuthority,
  profile: LeafProfile,
  commonName: string,
  alternatives: x509.JsonGeneralNames,
  request: LeafRequest,
): Promise<IssuedCertificate> {
  checkCommonName(commonName)
  const keys = await generateKeys()
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomSerialNumber(),
    subject: nameOf(commonName),
    issuer: authority.issuer.subjectName,
    ...validity(request.now, request.lifetimeDays ?? profile.lifetimeDays, authority.issuer.notAfter),
    signingAlgorithm: keyAlgorithm,
    publicKey: keys.publicKey,
    signingKey: authority.signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([profile.purpose]),
      new x509.SubjectAlternativeNameExtension(alternatives),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(authority.issuer.publicKey),
    ],
  })
  return {
    certificate: pemText(certificate.toString('pem')),
    privateKey: await privateKeyPem(keys.privateKey),
  }
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify'])
}

/** 128 random bits, made positive and never of a leading zero (RFC 5280 §4.1.2.2). */
function randomSerialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40
  return bytes.toString('hex')
}

/** Whole seconds, as certificates have them; a leaf never outlives its issuer. */
function validity(now: number, days: number, latest?: Date): { notBefore: Date; notAfter: Date } {
  const start = Math.floor((now - backdateMs) / 1000) * 1000
  const end = Math.floor(now / 1000) * 1000 + days * 24 * 60 * 60 * 1000
  const notAfter = latest === undefined ? end : Math.min(end, latest.getTime())
  return { notBefore: new Date(start), notAfter: new Date(notAfter) }
}

function nameOf(commonName: string): x509.Name {
  return new x509.Name([{ CN: [{ utf8String: commonName }] }])
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key)
  return pemText(x509.PemConverter.encode(der, 'PRIVATE KEY'))
}

function pemText(pem: string): string {
  return pem.endsWith('\n') ? pem : `${pem}\n`
}
