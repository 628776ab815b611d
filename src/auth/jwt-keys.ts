// The keys that tokens are verified with, from a file of public keys (PEM or a JSON Web Key Set, RFC 7517), from a set that was
// fetched, or from a file with a secret. What a key is for is decided here, by its kind, before any token is seen.

import { createHash, createPublicKey, createSecretKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { algorithmsOf, type TokenAlgorithm } from './jwt-algorithms.ts'
import { readSecretFile, type SecretFile, SecretFileError } from './secret-file.ts'

export interface TokenKey {
  /** undefined for a key that goes by no name, and is tried for every token that it fits. */
  readonly id: string | undefined
  /** What it verifies; never empty. */
  readonly algorithms: readonly TokenAlgorithm[]
  readonly key: KeyObject
  /** SHA-256, to tell whether a reload has taken the key away. */
  readonly fingerprint: string
}

/** Most keys of one file or set: what a token that names no key may cost. */
export const maximumTokenKeys = 32

/** A file of keys, or a secret, that cannot be used; says what would do. */
export class TokenKeyError extends AppError {
  constructor(message: string, cause?: unknown) {
    super('ERR_AUTH_TOKEN_KEY', message, { cause })
  }
}

/**
 * @param path public keys or certificates in PEM, or a JSON Web Key Set
 * @throws TokenKeyError for a file without such keys, with one that cannot be used, or with one that is secret
 */
export function loadTokenKeys(path: string): readonly TokenKey[] {
  const text = read('jwt_key_file', path).bytes.toString('utf8')
  const keys = text.trimStart().startsWith('{') ? keysOfFile(text, path) : keysOfPem(text, path)
  if (keys.length === 0)
    throw refused('jwt_key_file', path, 'there is no public key in it, as PEM or as JSON Web Key Set')
  if (keys.length > maximumTokenKeys) {
    throw refused('jwt_key_file', path, `there are ${keys.length} keys in it, at most ${maximumTokenKeys} are taken`)
  }
  return keys
}

/**
 * @param path the secret as it is; one line end behind it does not count
 * @returns also the warnings about who else may read it
 * @throws TokenKeyError for one that is shorter than 32 bytes, or is a key in PEM
 */
export function loadTokenSecret(path: string): { readonly key: TokenKey; readonly warnings: readonly string[] } {
  const { bytes, warnings } = read('jwt_secret_file', path)
  const text = bytes.toString('latin1')
  // Whoever has a public key could sign with it as a secret.
  if (text.includes('-----BEGIN ') || text.includes('"kty"')) {
    throw refused('jwt_secret_file', path, 'there is a key in it and no secret: public keys belong into jwt_key_file')
  }
  const end = text.endsWith('\r\n') ? 2 : Number(text.endsWith('\n'))
  const key = tokenKey(createSecretKey(bytes.subarray(0, bytes.length - end)), undefined)
  if (key === undefined) throw refused('jwt_secret_file', path, 'a secret has at least 32 bytes')
  return { key, warnings }
}

/**
 * Those keys of a fetched set that verify signatures; what else is in it concerns somebody else.
 *
 * @throws TokenKeyError for what is no JSON Web Key Set
 */
export function parseKeySet(text: string): readonly TokenKey[] {
  return jsonKeys(text)
    .filter(({ jwk }) => isPublic(jwk) && isForSignatures(jwk))
    .flatMap(({ jwk, id }) => publicJsonKey(jwk, id) ?? [])
    .slice(0, maximumTokenKeys)
}

interface JsonKey {
  readonly jwk: JsonWebKey
  readonly id: string | undefined
}

/** In a file that somebody wrote for us nothing is passed over. */
function keysOfFile(text: string, path: string): readonly TokenKey[] {
  return jsonKeys(text).map(({ jwk, id }, index) => {
    if (!isPublic(jwk)) throw refused('jwt_key_file', path, `key ${index + 1} is secret, only public keys belong here`)
    const key = isForSignatures(jwk) ? publicJsonKey(jwk, id) : undefined
    if (key === undefined) throw refused('jwt_key_file', path, `key ${index + 1} ${unusable}`)
    return key
  })
}

const unusable = 'verifies no tokens: it has to be RSA of at least 2048 bits, P-256, P-384, P-521 or Ed25519'

function keysOfPem(text: string, path: string): readonly TokenKey[] {
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g)]
  return blocks.map(([pem, label = ''], index) => {
    if (label.includes('PRIVATE')) {
      throw refused('jwt_key_file', path, `key ${index + 1} is secret, only public keys belong here`)
    }
    const key = publicKey({ key: pem, format: 'pem' })
    const usable = key && tokenKey(key, undefined)
    if (usable === undefined) throw refused('jwt_key_file', path, `key ${index + 1} ${unusable}`)
    return usable
  })
}

function jsonKeys(text: string): readonly JsonKey[] {
  const keys = keysMember(text)
  if (!Array.isArray(keys)) throw new TokenKeyError('not a JSON Web Key Set: there is no list `keys`')
  return keys.map((jwk: unknown) => {
    if (typeof jwk !== 'object' || jwk === null) throw new TokenKeyError('not a JSON Web Key Set: a key is no object')
    const { kid } = jwk as { readonly kid?: unknown }
    return { jwk: jwk as JsonWebKey, id: typeof kid === 'string' ? kid : undefined }
  })
}

function keysMember(text: string): unknown {
  try {
    const set: unknown = JSON.parse(text)
    return typeof set === 'object' && set !== null ? (set as { readonly keys?: unknown }).keys : undefined
  } catch (cause) {
    throw new TokenKeyError('not a JSON Web Key Set: it is no JSON', cause)
  }
}

function isPublic(jwk: JsonWebKey): boolean {
  return jwk.kty !== 'oct' && jwk['k'] === undefined && jwk.d === undefined
}

/** RFC 7517 §4.2, §4.3. */
function isForSignatures(jwk: JsonWebKey): boolean {
  const { use, key_ops: operations } = jwk as { readonly use?: unknown; readonly key_ops?: unknown }
  const mayVerify = operations === undefined || (Array.isArray(operations) && operations.includes('verify'))
  return (use === undefined || use === 'sig') && mayVerify
}

function publicJsonKey(jwk: JsonWebKey, id: string | undefined): TokenKey | undefined {
  const key = publicKey({ key: jwk, format: 'jwk' })
  const usable = key && tokenKey(key, id)
  const { alg } = jwk as { readonly alg?: unknown }
  if (usable === undefined || alg === undefined) return usable
  // RFC 7517 §4.4: the set may say less than the key could, never more.
  const algorithms = usable.algorithms.filter(name => name === alg)
  return algorithms.length === 0 ? undefined : { ...usable, algorithms }
}

function publicKey(input: Parameters<typeof createPublicKey>[0]): KeyObject | undefined {
  try {
    return createPublicKey(input)
  } catch {
    return undefined
  }
}

function tokenKey(key: KeyObject, id: string | undefined): TokenKey | undefined {
  const algorithms = algorithmsOf(key)
  if (algorithms.length === 0) return undefined
  const bytes = key.type === 'secret' ? key.export() : key.export({ type: 'spki', format: 'der' })
  return { id, algorithms, key, fingerprint: createHash('sha256').update(bytes).digest('base64url') }
}

function read(option: string, path: string): SecretFile {
  try {
    return readSecretFile(path)
  } catch (cause) {
    if (cause instanceof SecretFileError) throw refused(option, path, cause.message, cause)
    throw cause
  }
}

function refused(option: string, path: string, why: string, cause?: unknown): TokenKeyError {
  return new TokenKeyError(`Error: Unable to use ${option} "${escapeText(path)}": ${why}.`, cause)
}
