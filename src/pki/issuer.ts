// An authority that signs: its certificate, and its key while it is unlocked.

// Must come before @peculiar/x509, which finds its classes through it.
import 'reflect-metadata'
import { createHash, type KeyObject, X509Certificate as NodeCertificate, sign } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { PkiError } from './errors.ts'
import { childrenOf, derTag, encodeElement, readElement, wholeElement } from './strict-der.ts'

export class Issuer {
  readonly der: Buffer
  readonly certificate: x509.X509Certificate
  /** Its name as its certificate has it, byte for byte. */
  readonly subject: Uint8Array
  /** Bytes of the key identifier that its certificates and lists point back to. */
  readonly keyIdentifier: Buffer
  readonly notAfter: number
  /** The CN, for people. */
  readonly name: string
  #publicKey: KeyObject | undefined

  constructor(der: Buffer) {
    this.der = der
    this.certificate = new x509.X509Certificate(der)
    this.subject = subjectOf(der)
    this.keyIdentifier = keyIdentifierOf(this.certificate)
    this.notAfter = this.certificate.notAfter.getTime()
    this.name = this.certificate.subjectName.getField('CN')[0] ?? this.certificate.subject
  }

  /** What verifies its signatures. */
  get publicKey(): KeyObject {
    this.#publicKey ??= new NodeCertificate(this.der).publicKey
    return this.#publicKey
  }

  /** Whether this private key is the one of the certificate. */
  owns(key: KeyObject): boolean {
    return new NodeCertificate(this.der).checkPrivateKey(key)
  }
}

/** What signs: an algorithm as the X.509 library names it, and the digest as node:crypto does. */
export interface SigningAlgorithm {
  readonly forLibrary: { readonly name: string; readonly hash?: string; readonly namedCurve?: string }
  readonly digest: string | null
}

/** @throws PkiError for a key that is none of ours */
export function signingAlgorithm(key: KeyObject): SigningAlgorithm {
  const curve = key.asymmetricKeyDetails?.namedCurve
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return { forLibrary: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, digest: 'sha256' }
    case 'ed25519':
      return { forLibrary: { name: 'Ed25519' }, digest: null }
    case 'ec':
      if (curve === 'prime256v1') return ecdsa('P-256', 256)
      if (curve === 'secp384r1') return ecdsa('P-384', 384)
  }
  throw new PkiError(
    `a key of type '${key.asymmetricKeyType ?? 'unknown'}' signs nothing here; use P-256, P-384, Ed25519 or RSA`,
  )
}

/** Puts a signature behind what is signed: Certificate and CertificateList have the same shape (RFC 5280 §4.1, §5.1). */
export function signAndWrap(tbs: Uint8Array, algorithm: Uint8Array, key: KeyObject): Buffer {
  const signature = sign(signingAlgorithm(key).digest, tbs, key)
  return encodeElement(derTag.sequence, tbs, algorithm, encodeElement(derTag.bitString, Buffer.of(0), signature))
}

function subjectOf(der: Buffer): Uint8Array {
  const fields = childrenOf(der, childrenOf(der, readElement(der, 0, der.length))[0]!)
  // Serial number, algorithm, issuer, dates, subject; before them, but for version 1, the version.
  return wholeElement(der, fields[fields[0]?.tag === 0xa0 ? 5 : 4]!)
}

/** Of an imported authority without the extension: SHA-1 of its key bits (RFC 5280 §4.2.1.2, method 1). */
function keyIdentifierOf(certificate: x509.X509Certificate): Buffer {
  const extension = certificate.getExtension(x509.SubjectKeyIdentifierExtension)
  if (extension !== null) return Buffer.from(extension.keyId, 'hex')
  return createHash('sha1').update(keyBits(certificate)).digest()
}

/** The BIT STRING's content of a certificate's public key, without the byte of unused bits. */
export function keyBits({ publicKey }: { readonly publicKey: x509.PublicKey }): Buffer {
  const spki = Buffer.from(publicKey.rawData)
  const [, bits] = childrenOf(spki, readElement(spki, 0, spki.length))
  if (bits === undefined) throw new PkiError('a public key has no bits')
  return spki.subarray(bits.start + 1, bits.end)
}

function ecdsa(namedCurve: string, bits: number): SigningAlgorithm {
  return { forLibrary: { name: 'ECDSA', namedCurve, hash: `SHA-${bits}` }, digest: `sha${bits}` }
}
