// JSON Web Tokens for tests, signed with Node's own cryptography: another hand than the library that verifies them.

import {
  constants,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
} from 'node:crypto'

export interface TokenParts {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

export interface TestKey {
  readonly publicPem: string
  readonly privatePem: string
  readonly privateKey: KeyObject
  readonly jwk: JsonWebKey
}

/** A secret that is long enough for each of the HS algorithms. */
export const tokenSecret = 'a secret of the tests, which is as long as the longest of hashes is'

const rsaKey = testKey(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
const edwardsKey = testKey(generateKeyPairSync('ed25519').privateKey)

/** By the algorithms that are not HS. */
export const signingKeys = {
  RS256: rsaKey,
  RS384: rsaKey,
  RS512: rsaKey,
  PS256: rsaKey,
  PS384: rsaKey,
  PS512: rsaKey,
  ES256: testKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
  ES384: testKey(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey),
  ES512: testKey(generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey),
  EdDSA: edwardsKey,
  Ed25519: edwardsKey,
} as const

/** What signs by this algorithm: a private key, or the secret. */
export function signerOf(algorithm: string): KeyObject | string {
  const key = Object.entries(signingKeys).find(([name]) => name === algorithm)?.[1]
  return key === undefined ? tokenSecret : key.privateKey
}

export function testKey(privateKey: KeyObject): TestKey {
  const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  const publicKey = createPublicKey(privatePem)
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' }) as string
  const jwk = publicKey.export({ format: 'jwk' })
  return { publicPem, privatePem, privateKey, jwk }
}

/** @param key a private key; for an HS algorithm the secret */
export function makeToken(parts: TokenParts, key: KeyObject | string): string {
  const signed = unsigned(parts)
  return `${signed}.${signature(String(parts.header['alg']), signed, key).toString('base64url')}`
}

/** What a signature would be of. */
export function unsigned({ header, claims }: TokenParts): string {
  return `${encode(header)}.${encode(claims)}`
}

/** A Key Set, with the keys by their ids. */
export function keySet(keys: Readonly<Record<string, TestKey>>): string {
  return JSON.stringify({ keys: Object.entries(keys).map(([kid, { jwk }]) => ({ ...jwk, kid, use: 'sig' })) })
}

function signature(algorithm: string, signed: string, key: KeyObject | string): Buffer {
  const bytes = Buffer.from(signed)
  const hash = `sha${algorithm.slice(2)}`
  if (typeof key === 'string') return createHmac(hash, key).update(bytes).digest()
  if (algorithm.startsWith('Ed')) return sign(null, bytes, key)
  if (algorithm.startsWith('ES')) return sign(hash, bytes, { key, dsaEncoding: 'ieee-p1363' })
  if (algorithm.startsWith('RS')) return sign(hash, bytes, key)
  const saltLength = constants.RSA_PSS_SALTLEN_DIGEST
  return sign(hash, bytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength })
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
