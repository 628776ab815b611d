// Reads a certificate request (PKCS#10): whose key it is, and which names it asks for. Nothing else in it counts: what a
// certificate contains is the profile's matter, never the applicant's.

import 'reflect-metadata'
import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { PkiError } from './errors.ts'
import { formatPem, pemOrDer } from './pem.ts'
import { checkDer, childrenOf, readElement, wholeElement } from './strict-der.ts'

export interface RequestNames {
  /** The CN. */
  readonly name: string | undefined
  readonly alternatives: readonly string[]
  readonly publicKey: KeyObject
}

/** Larger ones are no requests. */
const maxRequestBytes = 32 * 1024
const maxAlternatives = 100

/**
 * @param bytes PEM or DER
 * @throws PkiError when it is none, or is not signed with the key that it asks a certificate for
 */
export function readRequest(bytes: Uint8Array): RequestNames {
  const der = pemOrDer(bytes, ['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'], 'the request', maxRequestBytes)
  checkDer(der)
  const request = parse(der)
  const publicKey = createPublicKey(formatPem('PUBLIC KEY', new Uint8Array(request.publicKey.rawData)))
  if (!isSigned(der, request, publicKey)) throw new PkiError('the request is not signed with its own key')
  const names = request.subjectName.getField('CN')
  const extension = request.getExtension(x509.SubjectAlternativeNameExtension.NAME) ?? request.getExtension('2.5.29.17')
  const alternatives = extension === null ? [] : new x509.SubjectAlternativeNameExtension(extension.rawData).names.items
  if (alternatives.length > maxAlternatives) throw new PkiError(`the request has more than ${maxAlternatives} names`)
  return { name: names[0], alternatives: alternatives.map(({ value }) => value), publicKey }
}

function parse(der: Buffer): x509.Pkcs10CertificateRequest {
  try {
    return new x509.Pkcs10CertificateRequest(Uint8Array.from(der).buffer)
  } catch {
    throw new PkiError('the request cannot be read as PKCS#10')
  }
}

const digests: Readonly<Record<string, string>> = { 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' }

/** Proof of possession; digests that are broken prove nothing. */
function isSigned(der: Buffer, request: x509.Pkcs10CertificateRequest, key: KeyObject): boolean {
  const [information] = childrenOf(der, readElement(der, 0, der.length))
  const { hash } = request.signatureAlgorithm as { readonly hash?: { readonly name?: string } }
  const digest = key.asymmetricKeyType === 'ed25519' ? null : digests[hash?.name ?? '']
  if (digest === undefined)
    throw new PkiError('the request is signed with a digest other than SHA-256, SHA-384 and SHA-512')
  return verify(digest, wholeElement(der, information!), key, new Uint8Array(request.signature))
}
