// One entry's hash as password files hold it (features B3): reading, writing, making and checking the four forms. Hashing
// runs in libuv's pool, never on the event loop; what a file may ask of us is bounded by `hashLimits`.

import { argon2, createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { AppError } from '../base/errors.ts'
import { decodeBase64, decodeUnpaddedBase64, encodeUnpaddedBase64 } from './base64.ts'
import { saslPrep } from './sasl-prep.ts'

const deriveArgon2 = promisify(argon2)
const derivePbkdf2 = promisify(pbkdf2)

/** `$6$salt$hash`: one SHA-512 over the password, then the salt. Fast to guess; read for old files. */
export interface Sha512Hash {
  readonly kind: 'sha512'
  readonly salt: Buffer
  readonly hash: Buffer
}

/** `$7$iterations$salt$hash`: PBKDF2 with HMAC-SHA-512. */
export interface Pbkdf2Hash {
  readonly kind: 'sha512-pbkdf2'
  readonly iterations: number
  readonly salt: Buffer
  readonly hash: Buffer
}

/** `$argon2id$v=19$m=…,t=…,p=…$salt$hash` (RFC 9106). */
export interface Argon2idHash {
  readonly kind: 'argon2id'
  readonly memoryKib: number
  readonly passes: number
  readonly lanes: number
  readonly salt: Buffer
  readonly hash: Buffer
}

/** `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey` (RFC 5803's parts, as PostgreSQL writes them). */
export interface ScramHash {
  readonly kind: 'scram-sha-256'
  readonly iterations: number
  readonly salt: Buffer
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

export type PasswordHash = Sha512Hash | Pbkdf2Hash | Argon2idHash | ScramHash
export type HashKind = PasswordHash['kind']

/**
 * Most that one entry may ask for. The dearest that passes keeps one pool thread busy for about a second and takes 128 MiB;
 * without bounds one mistyped digit would stall every login, or end the process.
 */
export const hashLimits = {
  pbkdf2Iterations: 2_000_000,
  argon2MemoryKib: 131_072,
  argon2Passes: 10,
  argon2Lanes: 8,
  saltBytes: 64,
  textLength: 512,
} as const

/**
 * What new entries are made with. Argon2id: OWASP's second choice, some 20 ms. PBKDF2: OWASP's count for SHA-512. SCRAM:
 * every login costs the client these rounds, and clients are small.
 */
export const hashDefaults = {
  pbkdf2Iterations: 210_000,
  scramIterations: 100_000,
  argon2MemoryKib: 19_456,
  argon2Passes: 2,
  argon2Lanes: 1,
} as const

/** RFC 5802 §5.1 and RFC 7677 §4: fewer rounds than this are refused in a SCRAM entry, as clients refuse them. */
export const minimumScramIterations = 4096

/** Mosquitto 2.0 reads no other length in `$6$` and `$7$`. */
const mosquittoSaltBytes = 12
const saltBytes = 16
const sha512Bytes = 64
const sha256Bytes = 32
const argon2Version = 'v=19'

/** A text that is no password hash we can check. The message never quotes it: a plain password may stand there. */
export class PasswordHashError extends AppError {
  constructor(message: string) {
    super('ERR_AUTH_PASSWORD_HASH', message)
  }
}

/** Reads one hash as it stands after `user:` in a password file. @throws {PasswordHashError} */
export function parsePasswordHash(text: string): PasswordHash {
  if (text.length > hashLimits.textLength) {
    throw new PasswordHashError(`hash of ${text.length} characters, at most ${hashLimits.textLength} are read`)
  }
  if (text.startsWith('SCRAM-SHA-256$')) return parseScram(text)
  const [before, type, ...fields] = text.split('$')
  if (before === '' && type === '6') return parseSha512(fields)
  if (before === '' && type === '7') return parsePbkdf2(fields)
  if (before === '' && type === 'argon2id') return parseArgon2id(fields)
  throw new PasswordHashError('unknown kind of hash, expected $6$, $7$, $argon2id$ or SCRAM-SHA-256$')
}

/** The text of a hash, as `parsePasswordHash` reads it. */
export function formatPasswordHash(hash: PasswordHash): string {
  const salt = hash.salt.toString('base64')
  switch (hash.kind) {
    case 'sha512':
      return `$6$${salt}$${hash.hash.toString('base64')}`
    case 'sha512-pbkdf2':
      return `$7$${hash.iterations}$${salt}$${hash.hash.toString('base64')}`
    case 'argon2id': {
      const parameters = `m=${hash.memoryKib},t=${hash.passes},p=${hash.lanes}`
      const [unpaddedSalt, unpaddedHash] = [hash.salt, hash.hash].map(encodeUnpaddedBase64)
      return `$argon2id$${argon2Version}$${parameters}$${unpaddedSalt}$${unpaddedHash}`
    }
    case 'scram-sha-256': {
      const keys = `${hash.storedKey.toString('base64')}:${hash.serverKey.toString('base64')}`
      return `SCRAM-SHA-256$${hash.iterations}:${salt}$${keys}`
    }
  }
}

/** Whether `password` is the one that `hash` was made of. The comparison takes the same time whatever differs. */
export async function verifyPassword(hash: PasswordHash, password: Uint8Array): Promise<boolean> {
  if (hash.kind === 'scram-sha-256') {
    const { storedKey } = await deriveScramKeys(password, hash.salt, hash.iterations)
    return timingSafeEqual(storedKey, hash.storedKey)
  }
  return timingSafeEqual(await derive(hash, password), hash.hash)
}

/**
 * Makes a new entry under a fresh salt.
 *
 * @param iterations rounds for `sha512-pbkdf2` and `scram-sha-256`, from `hashDefaults` when undefined; the others have none
 * @throws {PasswordHashError} when the rounds are beyond the limits, or SCRAM cannot carry the password (RFC 4013)
 */
export async function createPasswordHash(
  kind: HashKind,
  password: Uint8Array,
  iterations?: number,
): Promise<PasswordHash> {
  switch (kind) {
    case 'sha512':
      return withHash({ kind, salt: randomBytes(mosquittoSaltBytes) }, password)
    case 'sha512-pbkdf2': {
      const rounds = parseIterations(iterations ?? hashDefaults.pbkdf2Iterations, 1)
      return withHash({ kind, salt: randomBytes(mosquittoSaltBytes), iterations: rounds }, password)
    }
    case 'argon2id': {
      const { argon2MemoryKib: memoryKib, argon2Passes: passes, argon2Lanes: lanes } = hashDefaults
      return withHash({ kind, salt: randomBytes(saltBytes), memoryKib, passes, lanes }, password)
    }
    case 'scram-sha-256': {
      const rounds = parseIterations(iterations ?? hashDefaults.scramIterations, minimumScramIterations)
      if (prepare(password) === undefined)
        throw new PasswordHashError('SCRAM cannot carry this password: it has control or unassigned characters')
      const salt = randomBytes(saltBytes)
      return { kind, iterations: rounds, salt, ...(await deriveScramKeys(password, salt, rounds)) }
    }
  }
}

/** An entry that no password fits and that costs as much to check as `like`: unknown users are measured against it. */
export function decoyHash(like: PasswordHash): PasswordHash {
  const salt = randomBytes(like.salt.length)
  if (like.kind !== 'scram-sha-256') return { ...like, salt, hash: randomBytes(like.hash.length) }
  return { ...like, salt, storedKey: randomBytes(sha256Bytes), serverKey: randomBytes(sha256Bytes) }
}

/** What checks take by default, for files that have no entry to imitate. */
export function defaultDecoyHash(): PasswordHash {
  const { argon2MemoryKib: memoryKib, argon2Passes: passes, argon2Lanes: lanes } = hashDefaults
  return { kind: 'argon2id', memoryKib, passes, lanes, salt: randomBytes(saltBytes), hash: randomBytes(sha256Bytes) }
}

type WithoutHash<T> = T extends { readonly hash: Buffer } ? Omit<T, 'hash'> : never
type Recipe = WithoutHash<PasswordHash>

async function withHash(recipe: Recipe, password: Uint8Array): Promise<PasswordHash> {
  const length = recipe.kind === 'argon2id' ? sha256Bytes : sha512Bytes
  return { ...recipe, hash: await derive({ ...recipe, hash: Buffer.alloc(length) }, password) }
}

/** The bytes that `hash.hash` holds when `password` is right; only the length of `hash.hash` is used. */
async function derive(hash: Exclude<PasswordHash, ScramHash>, password: Uint8Array): Promise<Buffer> {
  switch (hash.kind) {
    case 'sha512':
      return createHash('sha512').update(password).update(hash.salt).digest()
    case 'sha512-pbkdf2':
      return derivePbkdf2(password, hash.salt, hash.iterations, sha512Bytes, 'sha512')
    case 'argon2id':
      return deriveArgon2('argon2id', {
        message: password,
        nonce: hash.salt,
        memory: hash.memoryKib,
        passes: hash.passes,
        parallelism: hash.lanes,
        tagLength: hash.hash.length,
      })
  }
}

/** RFC 5802 §3. A password that SASLprep refuses is hashed as it is, so that it costs the same and fits nothing. */
async function deriveScramKeys(
  password: Uint8Array,
  salt: Buffer,
  iterations: number,
): Promise<{ storedKey: Buffer; serverKey: Buffer }> {
  const salted = await derivePbkdf2(prepare(password) ?? password, salt, iterations, sha256Bytes, 'sha256')
  const clientKey = createHmac('sha256', salted).update('Client Key').digest()
  return {
    storedKey: createHash('sha256').update(clientKey).digest(),
    serverKey: createHmac('sha256', salted).update('Server Key').digest(),
  }
}

function prepare(password: Uint8Array): string | undefined {
  try {
    return saslPrep(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(password))
  } catch {
    return undefined
  }
}

function parseSha512(fields: readonly string[]): Sha512Hash {
  const [salt = '', hash = ''] = exactly(fields, 2, '$6$ needs a salt and a hash: $6$salt$hash')
  return { kind: 'sha512', salt: parseSalt(decodeBase64(salt)), hash: parseBytes(hash, sha512Bytes) }
}

function parsePbkdf2(fields: readonly string[]): Pbkdf2Hash {
  const [count = '', salt = '', hash = ''] = exactly(
    fields,
    3,
    '$7$ needs a count, a salt and a hash: $7$iterations$salt$hash',
  )
  const iterations = parseIterations(parseInteger(count), 1)
  return { kind: 'sha512-pbkdf2', iterations, salt: parseSalt(decodeBase64(salt)), hash: parseBytes(hash, sha512Bytes) }
}

function parseArgon2id(fields: readonly string[]): Argon2idHash {
  const [version, parameters = '', salt = '', hash = ''] = exactly(
    fields,
    4,
    '$argon2id$ needs four parts: $argon2id$v=19$m=,t=,p=$salt$hash',
  )
  if (version !== argon2Version) throw new PasswordHashError(`unknown argon2 version, expected ${argon2Version}`)
  const [, memory = '', passes = '', lanes = ''] = /^m=(\d+),t=(\d+),p=(\d+)$/.exec(parameters) ?? []
  const tag = decodeUnpaddedBase64(hash)
  if (tag === undefined || tag.length < 16 || tag.length > sha512Bytes)
    throw new PasswordHashError('argon2 hash is not base64 of 16 to 64 bytes')
  const cost = {
    lanes: inRange('argon2 p', parseInteger(lanes), 1, hashLimits.argon2Lanes),
    passes: inRange('argon2 t', parseInteger(passes), 1, hashLimits.argon2Passes),
  }
  // RFC 9106 §3.1: at least 8 KiB for each lane.
  const memoryKib = inRange('argon2 m', parseInteger(memory), 8 * cost.lanes, hashLimits.argon2MemoryKib)
  return { kind: 'argon2id', memoryKib, ...cost, salt: parseSalt(decodeUnpaddedBase64(salt)), hash: tag }
}

function parseScram(text: string): ScramHash {
  const [, count, salt, storedKey, serverKey] = /^SCRAM-SHA-256\$(\d+):([^$:]*)\$([^$:]*):([^$:]*)$/.exec(text) ?? []
  if (count === undefined || salt === undefined || storedKey === undefined || serverKey === undefined)
    throw new PasswordHashError('SCRAM entry needs SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey')
  return {
    kind: 'scram-sha-256',
    iterations: parseIterations(parseInteger(count), minimumScramIterations),
    salt: parseSalt(decodeBase64(salt)),
    storedKey: parseBytes(storedKey, sha256Bytes),
    serverKey: parseBytes(serverKey, sha256Bytes),
  }
}

function exactly(fields: readonly string[], count: number, message: string): readonly string[] {
  if (fields.length !== count) throw new PasswordHashError(message)
  return fields
}

function parseSalt(bytes: Buffer | undefined): Buffer {
  if (bytes === undefined || bytes.length < 8 || bytes.length > hashLimits.saltBytes)
    throw new PasswordHashError(`salt is not base64 of 8 to ${hashLimits.saltBytes} bytes`)
  return bytes
}

function parseBytes(text: string, length: number): Buffer {
  const bytes = decodeBase64(text)
  if (bytes?.length !== length) throw new PasswordHashError(`hash is not base64 of ${length} bytes`)
  return bytes
}

function parseIterations(count: number, minimum: number): number {
  return inRange('iterations', count, minimum, hashLimits.pbkdf2Iterations)
}

function parseInteger(text: string): number {
  return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : Number.NaN
}

function inRange(what: string, value: number, minimum: number, maximum: number): number {
  if (Number.isInteger(value) && value >= minimum && value <= maximum) return value
  throw new PasswordHashError(`${what} must be a whole number from ${minimum} to ${maximum}`)
}
