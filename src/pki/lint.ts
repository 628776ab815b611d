// Looks at a certificate before it is signed. Rules are data: each names its clause and says in words what is wrong. Signing
// (`certificate-builder.ts`) demands the proof that all of them passed.

// Must come before @peculiar/x509, which finds its classes through it.
import 'reflect-metadata'
import { isIP } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import * as x509 from '@peculiar/x509'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { PkiError } from './errors.ts'
import type { Issuer } from './issuer.ts'
import { isHostName } from './name-rules.ts'
import { extendedKeyUsage, type LeafProfile, maxCommonNameLength } from './profiles.ts'
import { checkDer, childrenOf, type DerElement, derTag, readElement, wholeElement } from './strict-der.ts'

export interface LintContext {
  readonly issuer?: Issuer
  readonly profile?: LeafProfile
}

export interface LintFinding {
  readonly rule: string
  readonly problem: string
}

class PassedLint {
  declare protected readonly passed: true
  /** What will be signed, byte for byte. */
  readonly tbs: Uint8Array
  readonly signatureAlgorithm: Uint8Array

  constructor(tbs: Uint8Array, signatureAlgorithm: Uint8Array) {
    this.tbs = tbs
    this.signatureAlgorithm = signatureAlgorithm
  }
}
/** Only this file makes one. */
export type LintedCertificate = PassedLint

/**
 * @param der the whole certificate; its signature is not looked at
 * @throws PkiError with every finding
 */
export function passLint(der: Uint8Array, context: LintContext): LintedCertificate {
  const findings = lintCertificate(der, context)
  if (findings.length > 0) {
    throw new PkiError(`not signed: ${findings.map(({ rule, problem }) => `${problem} (${rule})`).join('; ')}`)
  }
  const [tbs, algorithm] = childrenOf(der, readElement(der, 0, der.length)) as [DerElement, DerElement]
  return new PassedLint(wholeElement(der, tbs), wholeElement(der, algorithm))
}

/** Every rule that a certificate breaks; empty when it keeps them all. */
export function lintCertificate(der: Uint8Array, context: LintContext = {}): LintFinding[] {
  try {
    checkDer(der)
    const view = viewOf(der, context)
    return rules.flatMap(({ rule, check }) => {
      const problem = check(view)
      return problem === undefined ? [] : [{ rule, problem }]
    })
  } catch (error) {
    const problem = error instanceof AppError ? error.message : 'it cannot be read as a certificate'
    return [{ rule: 'X.690 §10', problem }]
  }
}

interface View extends LintContext {
  readonly der: Uint8Array
  /** Of the part that is signed; the version first when there is one. */
  readonly fields: readonly DerElement[]
  readonly hasVersion3: boolean
  readonly certificate: x509.X509Certificate
  readonly isAuthority: boolean
  readonly isSelfIssued: boolean
}

function viewOf(der: Uint8Array, context: LintContext): View {
  const [tbs] = childrenOf(der, readElement(der, 0, der.length))
  const fields = childrenOf(der, tbs!)
  const hasVersion = fields[0]?.tag === 0xa0
  const certificate = new x509.X509Certificate(Uint8Array.from(der).buffer)
  return {
    ...context,
    der,
    fields: hasVersion ? fields.slice(1) : fields,
    hasVersion3: hasVersion && der[fields[0]!.end - 1] === 2,
    certificate,
    isAuthority: certificate.getExtension(x509.BasicConstraintsExtension)?.ca === true,
    isSelfIssued: certificate.subject === certificate.issuer,
  }
}

interface Rule {
  readonly rule: string
  check(view: View): string | undefined
}

const ids = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  noRevAvail: '2.5.29.56',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  ocspNoCheck: '1.3.6.1.5.5.7.48.1.5',
}

const mustBeCritical = new Set([ids.nameConstraints])
const mustNotBeCritical = new Set([
  ids.subjectKeyIdentifier,
  ids.authorityKeyIdentifier,
  ids.crlDistributionPoints,
  ids.authorityInfoAccess,
  ids.noRevAvail,
])
const understood = new Set(Object.values(ids))

const rules: readonly Rule[] = [
  { rule: 'RFC 5280 §4.1.2.1', check: view => (view.hasVersion3 ? undefined : 'it is not of version 3') },
  { rule: 'RFC 5280 §4.1.2.2', check: serialNumber },
  { rule: 'RFC 5280 §4.1.1.2', check: sameAlgorithm },
  { rule: 'RFC 9155', check: digest },
  { rule: 'RFC 5280 §4.1.2.4', check: issuerName },
  { rule: 'RFC 5280 §4.1.2.5', check: dates },
  { rule: 'RFC 5280 §4.1.2.6', check: subject },
  { rule: 'RFC 5280 §4.2', check: extensions },
  { rule: 'RFC 5280 §4.2.1.1', check: keyIdentifiers },
  { rule: 'RFC 5280 §4.2.1.3', check: keyUsage },
  { rule: 'RFC 5280 §4.2.1.6', check: alternativeNames },
  { rule: 'RFC 5280 §4.2.1.12', check: purposes },
  { rule: 'RFC 9608', check: revocationPointers },
  { rule: 'SP 800-57', check: publicKey },
]

function serialNumber({ der, fields }: View): string | undefined {
  const [serial] = fields
  if (serial?.tag !== derTag.integer) return 'it has no serial number'
  const length = serial.end - serial.start
  if (der[serial.start]! >= 0x80) return 'the serial number is negative'
  if (length > 20) return `the serial number has ${length} bytes, at most 20 are allowed`
  return length < 8 ? `the serial number has ${length} bytes; 8 random ones are the least` : undefined
}

function sameAlgorithm({ der, fields }: View): string | undefined {
  const outer = childrenOf(der, readElement(der, 0, der.length))[1]!
  const same = Buffer.compare(wholeElement(der, fields[1]!), wholeElement(der, outer)) === 0
  return same ? undefined : 'the two signature algorithms differ'
}

function digest({ certificate }: View): string | undefined {
  const { hash } = certificate.signatureAlgorithm as { hash?: { name?: string } }
  return hash?.name === 'SHA-1' || hash?.name === 'MD5' ? `it is signed with ${hash.name}` : undefined
}

function issuerName({ der, fields, issuer }: View): string | undefined {
  if (issuer === undefined) return undefined
  const same = Buffer.compare(wholeElement(der, fields[2]!), issuer.subject) === 0
  return same ? undefined : "the issuer's name differs from the subject of the authority, byte for byte"
}

function dates({ certificate, issuer, profile }: View): string | undefined {
  const [from, to] = [certificate.notBefore.getTime(), certificate.notAfter.getTime()]
  if (from >= to) return 'it ends before it begins'
  if (issuer !== undefined && to > issuer.notAfter) return 'it would outlive its authority'
  const days = (to - from) / (24 * 60 * 60 * 1000)
  // The backdating comes on top of the lifetime.
  if (profile !== undefined && days > profile.maxLifetimeDays + 2) {
    return `it would live ${Math.ceil(days)} days, the profile allows ${profile.maxLifetimeDays}`
  }
  return undefined
}

function subject({ certificate }: View): string | undefined {
  const names = certificate.subjectName.getField('CN')
  for (const name of names) {
    if ([...name].length > maxCommonNameLength) return `the CN has more than ${maxCommonNameLength} characters`
    if (name === '' || name !== name.trim() || escapeText(name) !== name)
      return 'the CN has characters that cannot be seen'
  }
  const isEmpty = certificate.subject === ''
  const alternatives = certificate.getExtension(ids.subjectAltName)
  return isEmpty && alternatives?.critical !== true ? 'it has no subject, and no critical alternative name' : undefined
}

function extensions({ certificate }: View): string | undefined {
  const seen = new Set<string>()
  for (const { type, critical } of certificate.extensions) {
    if (seen.has(type)) return `extension ${type} is there twice`
    seen.add(type)
    if (critical && mustNotBeCritical.has(type)) return `extension ${type} must not be critical`
    if (!critical && mustBeCritical.has(type)) return `extension ${type} must be critical`
    if (critical && !understood.has(type)) return `extension ${type} is critical, and nobody knows it`
  }
  const basic = certificate.getExtension(x509.BasicConstraintsExtension)
  if (basic === null) return 'it has no basicConstraints'
  return basic.ca && !basic.critical ? 'basicConstraints of an authority must be critical' : undefined
}

function keyIdentifiers({ certificate, isAuthority, isSelfIssued, issuer }: View): string | undefined {
  if (isAuthority && certificate.getExtension(ids.subjectKeyIdentifier) === null)
    return 'it has no subjectKeyIdentifier'
  const authority = certificate.getExtension(x509.AuthorityKeyIdentifierExtension)
  if (authority?.keyId === undefined) return isSelfIssued ? undefined : 'it has no authorityKeyIdentifier'
  if (issuer !== undefined && authority.keyId.toLowerCase() !== issuer.keyIdentifier.toString('hex')) {
    return "authorityKeyIdentifier is not the authority's"
  }
  return undefined
}

function keyUsage({ certificate, isAuthority }: View): string | undefined {
  const usages = certificate.getExtension(x509.KeyUsagesExtension)?.usages ?? 0
  const signsCertificates = (usages & x509.KeyUsageFlags.keyCertSign) !== 0
  if (isAuthority) return signsCertificates ? undefined : 'an authority lacks keyUsage keyCertSign'
  if (signsCertificates) return 'keyCertSign in what is no authority'
  return (usages & x509.KeyUsageFlags.digitalSignature) !== 0 ? undefined : 'keyUsage lacks digitalSignature'
}

function alternativeNames({ certificate, isAuthority, profile }: View): string | undefined {
  const extension = certificate.getExtension(x509.SubjectAlternativeNameExtension)
  const names = extension?.names.items ?? []
  if (extension !== null && names.length === 0) return 'subjectAltName is empty'
  for (const { type, value } of names) {
    const shown = escapeText(value, 80)
    if (type === 'dns' && isIP(value) !== 0) return `the address '${shown}' is written as a host name`
    if (type === 'dns' && !isHostName(value)) return `'${shown}' is no host name`
    if (escapeText(value) !== value || value === '') return `'${shown}' has characters that cannot be seen`
  }
  const isServer = profile?.purpose === extendedKeyUsage.serverAuth
  return isServer && !isAuthority && names.length === 0 ? 'a server has no subjectAltName' : undefined
}

function purposes({ certificate, isAuthority, profile }: View): string | undefined {
  if (isAuthority) return undefined
  const found = certificate.getExtension(x509.ExtendedKeyUsageExtension)?.usages ?? []
  if (profile === undefined) {
    if (found.length === 0) return 'it has no extendedKeyUsage: a device could pass for a server'
    const isBoth = found.includes(extendedKeyUsage.serverAuth) && found.includes(extendedKeyUsage.clientAuth)
    return isBoth ? 'it is for servers and for clients: a stolen server key logs in as a client' : undefined
  }
  const wanted = [profile.purpose, ...profile.furtherPurposes]
  return isDeepStrictEqual([...found], wanted) ? undefined : "extendedKeyUsage is not the profile's"
}

function revocationPointers({ certificate, profile }: View): string | undefined {
  const hasPointers =
    certificate.getExtension(ids.crlDistributionPoints) !== null ||
    (certificate.getExtension(x509.AuthorityInfoAccessExtension)?.ocsp.length ?? 0) > 0
  const isNeverRevoked = certificate.getExtension(ids.noRevAvail) !== null
  if (hasPointers && isNeverRevoked) return 'it says where to look for its revocation, and that there is none'
  return profile?.revocation === 'none' && hasPointers ? 'the profile has no revocation to point to' : undefined
}

function publicKey({ certificate, issuer }: View): string | undefined {
  if (issuer !== undefined && !isDeepStrictEqual(issuer.der, certificate.rawData)) {
    const same = Buffer.compare(
      Buffer.from(certificate.publicKey.rawData),
      Buffer.from(issuer.certificate.publicKey.rawData),
    )
    if (same === 0 && certificate.subject !== certificate.issuer) return "the key is the authority's own"
  }
  return weakness(certificate.publicKey.algorithm)
}

interface KeyAlgorithm {
  readonly name: string
  readonly namedCurve?: string
  readonly modulusLength?: number
  readonly publicExponent?: Uint8Array
}

function weakness(algorithm: KeyAlgorithm): string | undefined {
  const { name, namedCurve = '', modulusLength = 0, publicExponent = new Uint8Array() } = algorithm
  if (name.startsWith('RSA')) {
    if (modulusLength < 2048 || modulusLength > 8192)
      return `an RSA key of ${modulusLength} bits; 2048 to 8192 are allowed`
    const exponent = publicExponent.reduce((value, byte) => value * 256 + byte, 0)
    return exponent < 65_537 || exponent % 2 === 0 ? 'the RSA exponent is even or below 65537' : undefined
  }
  if (/^(EC|ECDSA|ECDH)$/.test(name)) {
    return /^(P-256|P-384|P-521)$/.test(namedCurve)
      ? undefined
      : `the curve '${escapeText(namedCurve, 40)}' is not allowed`
  }
  return /^(Ed25519|Ed448|EdDSA)$/.test(name) ? undefined : `keys of type '${escapeText(name, 40)}' are not allowed`
}
