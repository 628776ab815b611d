// Puts a certificate together, has it looked at, and signs exactly the bytes that were looked at.

import 'reflect-metadata'
import { createPublicKey, hash, type KeyObject, randomBytes } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import * as asn1 from 'asn1js'
import { type Issuer, keyBits, signAndWrap, signingAlgorithm } from './issuer.ts'
import { type LintedCertificate, passLint } from './lint.ts'
import { extendedKeyUsage, type LeafProfile } from './profiles.ts'

/** Milliseconds since the epoch. */
export interface Validity {
  readonly notBefore: number
  readonly notAfter: number
}

/** Where the revocation of what an authority issues is published; an absent one is not mentioned in certificates. */
export interface Pointers {
  readonly crl?: string
  readonly ocsp?: string
  readonly issuerCertificate?: string
}

export interface LeafTemplate {
  readonly profile: LeafProfile
  readonly serialNumber: string
  readonly commonName: string
  /** Before the CN. */
  readonly organization?: SubjectParts
  readonly alternatives: x509.JsonGeneralNames
  readonly validity: Validity
  readonly publicKey: KeyObject
  readonly pointers: Pointers
  /** Of old tools, beside those of the profile. */
  readonly furtherExtensions?: readonly x509.Extension[]
}

/** The parts of a name above the CN; empty ones are left out. */
export interface SubjectParts {
  readonly C?: string
  readonly ST?: string
  readonly L?: string
  readonly O?: string
  readonly OU?: string
}

/**
 * A certificate for whoever is no authority.
 *
 * @returns DER
 * @throws PkiError when it breaks a rule; then nothing was signed
 */
export async function signLeaf(template: LeafTemplate, issuer: Issuer, signingKey: KeyObject): Promise<Buffer> {
  const { profile, validity, publicKey } = template
  const unsigned = await unsignedCertificate({
    serialNumber: template.serialNumber,
    subject: nameOf(template),
    issuer: issuer.certificate.subjectName,
    validity,
    publicKey,
    signingKey,
    extensions: [...leafExtensions(template, issuer), ...(template.furtherExtensions ?? [])],
  })
  return signLinted(passLint(unsigned, { issuer, profile }), signingKey)
}

export interface AuthorityTemplate {
  readonly commonName: string
  readonly organization?: SubjectParts
  readonly validity: Validity
  readonly publicKey: KeyObject
  /** The key that signs: its own for a root. */
  readonly signingKey: KeyObject
  /** Absent for a root. */
  readonly issuer?: Issuer
  /** How many authorities may stand below this one. */
  readonly pathLength: number
  /** What certificates below it are for; any when absent. */
  readonly purposes?: readonly string[]
  /** The only domain that host names below it may be of. */
  readonly permittedDomain?: string
  readonly pointers: Pointers
}

/** @returns DER @throws PkiError */
export async function signAuthority(template: AuthorityTemplate): Promise<Buffer> {
  const { validity, publicKey, signingKey, issuer } = template
  const subject = nameOf(template)
  const unsigned = await unsignedCertificate({
    serialNumber: randomSerialNumber(),
    subject,
    issuer: issuer?.certificate.subjectName ?? subject,
    validity,
    publicKey,
    signingKey,
    extensions: authorityExtensions(template),
  })
  return signLinted(passLint(unsigned, issuer === undefined ? {} : { issuer }), signingKey)
}

/** 128 random bits, made positive and never of a leading zero (RFC 5280 §4.1.2.2). */
export function randomSerialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40
  return bytes.toString('hex')
}

function signLinted(linted: LintedCertificate, key: KeyObject): Buffer {
  return signAndWrap(linted.tbs, linted.signatureAlgorithm, key)
}

interface Unsigned {
  readonly serialNumber: string
  readonly subject: x509.Name
  readonly issuer: x509.Name
  readonly validity: Validity
  readonly publicKey: KeyObject
  readonly signingKey: KeyObject
  readonly extensions: x509.Extension[]
}

/** The library wants a signature; what it is given here is thrown away with the outer sequence. */
const placeholder = new Uint8Array(8)

async function unsignedCertificate(parts: Unsigned): Promise<Buffer> {
  const { serialNumber, subject, issuer, validity, publicKey, signingKey, extensions } = parts
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber,
    subject,
    issuer,
    notBefore: new Date(validity.notBefore),
    notAfter: new Date(validity.notAfter),
    publicKey: spkiOf(publicKey),
    signingAlgorithm: signingAlgorithm(signingKey).forLibrary,
    signature: placeholder,
    extensions,
  })
  return Buffer.from(certificate.rawData)
}

function leafExtensions(
  { profile, alternatives, publicKey, pointers }: LeafTemplate,
  issuer: Issuer,
): x509.Extension[] {
  const { digitalSignature, keyEncipherment } = x509.KeyUsageFlags
  // TLS 1.2 without forward secrecy needs it, and only with RSA.
  const encipher = profile.purpose === extendedKeyUsage.serverAuth && publicKey.asymmetricKeyType === 'rsa'
  const isResponder = profile.purpose === extendedKeyUsage.ocspSigning
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(encipher ? digitalSignature | keyEncipherment : digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([profile.purpose, ...profile.furtherPurposes], isResponder),
    ...(alternatives.length > 0 ? [new x509.SubjectAlternativeNameExtension(alternatives)] : []),
    subjectKeyIdentifier(publicKey),
    authorityKeyIdentifier(issuer),
    ...(profile.revocation === 'pointers' ? pointerExtensions(pointers) : []),
    ...(profile.revocation === 'none' ? [isResponder ? ocspNoCheck : noRevocationAvailable] : []),
  ]
}

function authorityExtensions(template: AuthorityTemplate): x509.Extension[] {
  const { issuer, pathLength, purposes, permittedDomain, publicKey, pointers } = template
  return [
    new x509.BasicConstraintsExtension(true, pathLength, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ...(purposes === undefined ? [] : [new x509.ExtendedKeyUsageExtension([...purposes])]),
    subjectKeyIdentifier(publicKey),
    ...(issuer === undefined ? [] : [authorityKeyIdentifier(issuer)]),
    ...(permittedDomain === undefined ? [] : [nameConstraints(permittedDomain)]),
    ...pointerExtensions(pointers),
  ]
}

function pointerExtensions({ crl, ocsp, issuerCertificate }: Pointers): x509.Extension[] {
  const access = {
    ...(ocsp === undefined ? {} : { ocsp: [ocsp] }),
    ...(issuerCertificate === undefined ? {} : { caIssuers: [issuerCertificate] }),
  }
  return [
    ...(crl === undefined ? [] : [new x509.CRLDistributionPointsExtension([crl])]),
    ...(Object.keys(access).length === 0 ? [] : [new x509.AuthorityInfoAccessExtension(access)]),
  ]
}

const derNull = Buffer.of(0x05, 0x00)
/** RFC 9608: a certificate that does not live long enough to be revoked. */
const noRevocationAvailable = new x509.Extension('2.5.29.56', false, derNull)
/** RFC 6960 §4.2.2.2.1: nobody asks about the responder itself. */
const ocspNoCheck = new x509.Extension('1.3.6.1.5.5.7.48.1.5', false, derNull)

/**
 * Host names of one domain, and no IP address at all. URIs stay free: a constraint on them would refuse `urn:device:…`,
 * which has no host (RFC 5280 §4.2.1.10).
 */
function nameConstraints(domain: string): x509.Extension {
  const subtree = (tag: number, bytes: Uint8Array) =>
    new asn1.Sequence({
      value: [
        new asn1.Primitive({ idBlock: { tagClass: 3, tagNumber: tag }, valueHex: Uint8Array.from(bytes).buffer }),
      ] as asn1.AsnType[],
    })
  const list = (tag: number, ...value: asn1.Sequence[]) =>
    new asn1.Constructed({ idBlock: { tagClass: 3, tagNumber: tag }, value })
  const permitted = list(0, subtree(2, Buffer.from(domain, 'latin1')))
  const excluded = list(1, subtree(7, Buffer.alloc(8)), subtree(7, Buffer.alloc(32)))
  const value = new asn1.Sequence({ value: [permitted, excluded] }).toBER()
  return new x509.Extension('2.5.29.30', true, value)
}

function subjectKeyIdentifier(publicKey: KeyObject): x509.Extension {
  return new x509.SubjectKeyIdentifierExtension(keyIdentifier(publicKey))
}

function authorityKeyIdentifier(issuer: Issuer): x509.Extension {
  return new x509.AuthorityKeyIdentifierExtension(issuer.keyIdentifier.toString('hex'))
}

/** RFC 7093 §2, method 1: the first 160 bits of SHA-256 over the key's bits. */
function keyIdentifier(publicKey: KeyObject): string {
  return hash('sha256', keyBits({ publicKey: new x509.PublicKey(spkiOf(publicKey)) }), 'hex').slice(0, 40)
}

function spkiOf(key: KeyObject): Uint8Array<ArrayBuffer> {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  return Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' }))
}

/** C and what is like it are PrintableString, all others UTF-8 (RFC 5280 appendix A). */
function nameOf({ commonName, organization = {} }: { commonName: string; organization?: SubjectParts }): x509.Name {
  const order = ['C', 'ST', 'L', 'O', 'OU'] as const
  const parts = order.flatMap(type => {
    const value = organization[type]
    if (value === undefined || value === '') return []
    return [{ [type]: [type === 'C' ? { printableString: value } : { utf8String: value }] }]
  })
  return new x509.Name([...parts, { CN: [{ utf8String: commonName }] }])
}
