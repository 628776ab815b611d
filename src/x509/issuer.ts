// The authorities that a client certificate comes from: found by name and proven by signature, from its issuer up to a
// self-signed one that the listener trusts. OpenSSL has walked the same way at the handshake, and does not tell which it took.

import { createHash, type KeyObject, X509Certificate } from 'node:crypto'
import type { KeyUsagesExtension } from '@peculiar/x509'
import { listNames } from './distribution-points.ts'
import { x509Library } from './library.ts'
import { demandsPolicy } from './policies.ts'
import type { ListedCertificate } from './revocation-index.ts'
import { comparableName } from './revocation-list-head.ts'
import { serialBytes } from './serial-table.ts'

/** Authorities that are looked at for one certificate: more than any chain has. */
const maxTried = 20
/** Intermediates that clients have shown and that were proven. */
const maxLearned = 1000

/** An authority with everything above it, of which all its certificates share one. */
export class Issuer implements ListedCertificate {
  readonly certificate: X509Certificate
  readonly publicKey: KeyObject
  /** SHA-256 of its public key (SubjectPublicKeyInfo), hex. */
  readonly keyId: string
  /** SHA-256 over its certificate, hex in lower case. */
  readonly fingerprint: string
  readonly serial: Uint8Array
  readonly listNames: readonly string[]
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
  /** Whether it is in the listener's own files; others were shown by a client. */
  readonly isStored: boolean
  /** Who has issued it; undefined for the trust anchor. */
  readonly parent: Issuer | undefined
  /** Whether it, or an authority above it but for the anchor, may demand certificate policies. */
  readonly demandsPolicy: boolean
  #name: string | undefined

  constructor(certificate: X509Certificate, isStored: boolean, parent: Issuer | undefined) {
    const { publicKey } = certificate
    this.certificate = certificate
    this.publicKey = publicKey
    this.keyId = keyIdOf(publicKey)
    this.fingerprint = certificate.fingerprint256.replaceAll(':', '').toLowerCase()
    this.serial = serialBytes(certificate.serialNumber)
    this.listNames = listNames(certificate.raw)
    this.notBefore = certificate.validFromDate.getTime()
    this.notAfter = certificate.validToDate.getTime()
    this.isStored = isStored
    this.parent = parent
    this.demandsPolicy = parent !== undefined && (parent.demandsPolicy || demandsPolicy(certificate))
  }

  /** Its subject as revocation lists name it; needs the X.509 library. */
  get name(): string {
    this.#name ??= comparableName(this.#read().subjectName)
    return this.#name
  }

  /** RFC 5280 §4.2.1.3: who has key usages needs cRLSign among them. */
  get maySignLists(): boolean {
    const { KeyUsageFlags } = x509Library()
    const usages = this.#read().getExtension<KeyUsagesExtension>('2.5.29.15')
    return usages === null || (usages.usages & KeyUsageFlags.cRLSign) !== 0
  }

  /** Whether both stand for one authority: it may have a new certificate for its old key. */
  isSameAs({ keyId, certificate }: Issuer): boolean {
    return this.keyId === keyId && this.certificate.subject === certificate.subject
  }

  #read() {
    return new (x509Library().X509Certificate)(Uint8Array.from(this.certificate.raw))
  }
}

export class IssuerStore {
  readonly #stored: readonly X509Certificate[]
  readonly #learned = new Map<string, X509Certificate>()
  readonly #issuers = new Map<string, Issuer>()
  readonly #onLearned: (issuer: Issuer) => void

  /**
   * @param certificates PEM, of the listener's own files; one whose key cannot be read has issued nothing
   * @param onLearned called once for each authority that is met first in what a client shows
   * @param shown what an earlier store has learned; whatever is still proven here is learned again
   */
  constructor(
    certificates: readonly string[],
    onLearned: (issuer: Issuer) => void = () => {},
    shown: readonly X509Certificate[] = [],
  ) {
    this.#stored = certificates.map(pem => new X509Certificate(pem)).filter(hasReadableKey)
    this.#onLearned = onLearned
    for (const certificate of [...this.#stored, ...shown]) this.#resolve(certificate, shown, new Set())
  }

  /** Those whose chain is whole. */
  get all(): readonly Issuer[] {
    return [...this.#issuers.values()]
  }

  /** Of them, those of the listener's own files. */
  get stored(): readonly Issuer[] {
    return this.all.filter(({ isStored }) => isStored)
  }

  /** What clients have shown and was proven. */
  get learned(): readonly X509Certificate[] {
    return [...this.#learned.values()]
  }

  /**
   * @param presented further certificates that the client has shown
   * @returns who has issued the certificate; undefined unless every signature up to a trust anchor is right
   */
  issuerOf(certificate: X509Certificate, presented: readonly X509Certificate[]): Issuer | undefined {
    return this.#issuerOf(certificate, presented, new Set())
  }

  /** @param tried fingerprints: a client may show certificates that all seem to have issued each other */
  #issuerOf(
    certificate: X509Certificate,
    presented: readonly X509Certificate[],
    tried: Set<string>,
  ): Issuer | undefined {
    for (const candidate of [...this.#stored, ...this.#learned.values(), ...presented]) {
      if (!hasIssued(candidate, certificate)) continue
      const issuer = this.#resolve(candidate, presented, tried)
      if (issuer !== undefined) return issuer
    }
    return undefined
  }

  #resolve(
    certificate: X509Certificate,
    presented: readonly X509Certificate[],
    tried: Set<string>,
  ): Issuer | undefined {
    const fingerprint = certificate.fingerprint256
    const known = this.#issuers.get(fingerprint)
    if (known !== undefined) return known
    if (tried.has(fingerprint) || tried.size === maxTried) return undefined
    tried.add(fingerprint)
    const isStored = this.#stored.some(({ fingerprint256 }) => fingerprint256 === fingerprint)
    const isAnchor = isStored && hasIssued(certificate, certificate)
    // A root may be older than the extension that says so.
    if (!isAnchor && !certificate.ca) return undefined
    const parent = isAnchor ? undefined : this.#issuerOf(certificate, presented, tried)
    if (!isAnchor && parent === undefined) return undefined
    const issuer = new Issuer(certificate, isStored, parent)
    if (isStored) this.#issuers.set(fingerprint, issuer)
    else this.#learn(fingerprint, issuer)
    return issuer
  }

  #learn(fingerprint: string, issuer: Issuer): void {
    if (this.#learned.size >= maxLearned) return
    this.#learned.set(fingerprint, issuer.certificate)
    this.#issuers.set(fingerprint, issuer)
    this.#onLearned(issuer)
  }
}

/** By name and by signature. */
function hasIssued(authority: X509Certificate, certificate: X509Certificate): boolean {
  if (!certificate.checkIssued(authority)) return false
  try {
    return certificate.verify(authority.publicKey)
  } catch {
    return false
  }
}

/** Node reads the key when it is asked for, and throws where it does not know the algorithm. */
function hasReadableKey(certificate: X509Certificate): boolean {
  try {
    return certificate.publicKey.type === 'public'
  } catch {
    return false
  }
}

function keyIdOf(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}
