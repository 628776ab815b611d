// The Public Key Interoperability Test Suite of NIST (PKITS), as Debian's python3-cryptography-vectors has it: each case is a
// signed message with the certificates and revocation lists that belong to it, and the key of who has signed it.

import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { childrenOf, readElement, wholeElement } from '../../src/pki/strict-der.ts'
import type { Verdict } from './pkits-differences.ts'

const vectors = '/usr/lib/python3/dist-packages/cryptography_vectors/x509/PKITS_data'

export interface PkitsCase {
  /** As NIST calls it: `ValidSignaturesTest1`. */
  readonly name: string
  /** PEM. */
  readonly leaf: string
  /** PEM, the authorities that the message brings along. */
  readonly authorities: string
  /** PEM. */
  readonly lists: string
  /** The name of the file with the leaf's key. */
  readonly keyName: string
}

/** PEM. */
export const trustAnchor = pem('CERTIFICATE', readFileSync(join(vectors, 'certs/TrustAnchorRootCertificate.crt')))

/** All cases of all sections. */
export function pkitsCases(): readonly PkitsCase[] {
  const leaves = leavesByContent()
  return readdirSync(join(vectors, 'smime'))
    .filter(file => file.endsWith('.eml'))
    .sort()
    .map(file => readCase(file, leaves))
}

/** The key of a case's leaf, PEM. The files are from a time when 40 bits of RC2 were a cipher: only openssl still opens them. */
export async function leafKey({ keyName }: PkitsCase): Promise<string> {
  const file = join(vectors, 'pkcs12', `${keyName}.p12`)
  const args = ['pkcs12', '-legacy', '-in', file, '-passin', 'pass:password', '-nodes', '-nocerts']
  const { stdout } = await promisify(execFile)('openssl', args)
  return stdout
}

/** What NIST expects of a verifier that asks for no policy. */
export function nistVerdict({ name }: PkitsCase): Verdict {
  return /^Invalid|^Missing/.test(name) || withoutCommonPolicy.has(name) ? 'refuses' : 'accepts'
}

/** Their names do not tell: an authority demands a policy, and there is none that all of the chain have. */
const withoutCommonPolicy: ReadonlySet<string> = new Set([
  'DifferentPoliciesTest4',
  'DifferentPoliciesTest5',
  'DifferentPoliciesTest7',
  'DifferentPoliciesTest8',
  'DifferentPoliciesTest9',
  'DifferentPoliciesTest12',
])

/** Names of leaves by the base64 of their certificates; some files are called differently from their cases. */
function leavesByContent(): ReadonlyMap<string, string> {
  const leaves = new Map<string, string>()
  for (const file of readdirSync(join(vectors, 'certs'))) {
    if (file.endsWith('EE.crt'))
      leaves.set(readFileSync(join(vectors, 'certs', file), 'base64'), file.slice(0, -'.crt'.length))
  }
  return leaves
}

function readCase(file: string, leaves: ReadonlyMap<string, string>): PkitsCase {
  const message = readFileSync(join(vectors, 'smime', file), 'latin1')
  const [, base64 = ''] = /filename="smime\.p7s"\r?\n\r?\n([A-Za-z0-9+/=\s]+)/.exec(message) ?? []
  const { certificates, lists } = readSignedData(Buffer.from(base64, 'base64'))
  const leaf = certificates.find(der => leaves.has(der.toString('base64')))
  if (leaf === undefined) throw new Error(`${file} has no end-entity certificate`)
  const authorities = certificates.filter(der => der !== leaf)
  return {
    name: file.replace(/^Signed|\.eml$/g, ''),
    leaf: pem('CERTIFICATE', leaf),
    authorities: authorities.map(der => pem('CERTIFICATE', der)).join(''),
    lists: lists.map(der => pem('X509 CRL', der)).join(''),
    keyName: leaves.get(leaf.toString('base64')) as string,
  }
}

/** ContentInfo, SignedData, `[0]` certificates and `[1]` crls (RFC 5652 §5.1). */
function readSignedData(der: Buffer): { readonly certificates: readonly Buffer[]; readonly lists: readonly Buffer[] } {
  const [, content] = childrenOf(der, readElement(der, 0, der.length))
  const [signedData] = childrenOf(der, content!)
  const parts = childrenOf(der, signedData!)
  const inside = (tag: number) =>
    parts
      .filter(part => part.tag === tag)
      .flatMap(part => childrenOf(der, part))
      .map(child => Buffer.from(wholeElement(der, child)))
  return { certificates: inside(0xa0), lists: inside(0xa1) }
}

function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
