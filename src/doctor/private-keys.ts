// Private keys on the broker's machine: whether each is locked, and which public key it belongs to. The keys go no further.

import { createPrivateKey, createPublicKey } from 'node:crypto'

export interface PrivateKey {
  readonly path: string
  readonly isEncrypted: boolean
  /** SubjectPublicKeyInfo as DER in hex; undefined where it is encrypted or cannot be read. */
  readonly publicKey: string | undefined
}

/** @returns undefined for a file with no private key in it */
export function readPrivateKey(bytes: Buffer, path: string): PrivateKey | undefined {
  const text = bytes.toString('latin1')
  if (!/-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/.test(text)) return undefined
  const isEncrypted = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text)
  return { path, isEncrypted, publicKey: isEncrypted ? undefined : publicKeyOf(text) }
}

function publicKeyOf(pem: string): string | undefined {
  try {
    const key = createPublicKey(createPrivateKey(pem).export({ type: 'pkcs8', format: 'pem' }))
    return key.export({ type: 'spki', format: 'der' }).toString('hex')
  } catch {
    return undefined
  }
}
