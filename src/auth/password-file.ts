// Mosquitto's password file (features B2, B3): text to users, or the reason why not. Made once per start or reload; what it
// returns never changes.

import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import {
  decoyHash,
  defaultDecoyHash,
  type PasswordHash,
  PasswordHashError,
  parsePasswordHash,
  type ScramHash,
} from './password-hash.ts'
import { isPrepared } from './sasl-prep.ts'
import { readSecretFile, SecretFileError } from './secret-file.ts'

export interface PasswordEntry {
  readonly hash: PasswordHash
  /** SHA-256 of the entry's text in hex: tells whether a reload changed it, and gives nothing away. */
  readonly fingerprint: string
}

export interface PasswordFile {
  readonly users: ReadonlyMap<string, PasswordEntry>
  /** What unknown users are measured against: as dear as the file's commonest entry, and fitting no password. */
  readonly decoy: PasswordHash
  /** The like for SCRAM logins; undefined when no user has a SCRAM entry. */
  readonly scramDecoy: ScramHash | undefined
}

/** `message` is Mosquitto's own text, for those who search for it; `hint` and `line` say what to mend, and where. */
export class PasswordFileError extends AppError {
  readonly path: string
  /** Counted from 1; undefined when the file was not read at all. */
  readonly line: number | undefined
  readonly hint: string
  constructor(path: string, line: number | undefined, message: string, hint: string, options?: { cause?: unknown }) {
    super('ERR_AUTH_PASSWORD_FILE', `password-file: Error: ${message}`, options)
    this.path = path
    this.line = line
    this.hint = hint
  }
}

const maximumUsernameBytes = 65_535
const blanks = /^[\t\v\f\r ]+|[\t\v\f\r ]+$/g

/** Cuts what C's `isspace` takes for blank, and no more: other spaces may be part of a name. */
export function trimBlanks(text: string): string {
  return text.replace(blanks, '')
}

/**
 * Reads and parses a password file.
 *
 * @returns the users, and lines for the log, type `warning`
 * @throws {PasswordFileError}
 */
export function loadPasswordFile(
  path: string,
  env: NodeJS.ProcessEnv = process.env,
): { readonly file: PasswordFile; readonly warnings: readonly string[] } {
  try {
    const { bytes, warnings } = readSecretFile(path, env)
    const file = parsePasswordFile(bytes, path)
    return { file, warnings: [...warnings, ...unreachable(file, path)] }
  } catch (error) {
    if (!(error instanceof SecretFileError)) throw error
    const message = `Unable to open pwfile "${escapeText(path, 4096)}".`
    throw new PasswordFileError(path, undefined, message, error.message, { cause: error })
  }
}

/** One entry from the text of its hash. @throws {PasswordHashError} */
export function parsePasswordEntry(text: string): PasswordEntry {
  return { hash: parsePasswordHash(text), fingerprint: createHash('sha256').update(text).digest('hex') }
}

/** Users with an entry for SCRAM under a name that no SCRAM login can have (RFC 5802 §5.1). */
function unreachable({ users }: PasswordFile, path: string): string[] {
  return [...users]
    .filter(([username, { hash }]) => hash.kind === 'scram-sha-256' && !isPrepared(username))
    .map(
      ([username]) =>
        `Warning: User '${escapeText(username)}' in password file '${escapeText(path, 4096)}' cannot log in by SCRAM: SASLprep makes another name of it.`,
    )
}

/**
 * Parses the lines `user:hash`. Lines that begin with `#` or have no colon are passed over, as Mosquitto does; what follows
 * a further colon is too, except in SCRAM entries, which have one.
 *
 * @param path for messages
 * @throws {PasswordFileError} at the first line with an empty name, a name seen before, or a hash that cannot be checked
 */
export function parsePasswordFile(text: string | Uint8Array, path: string): PasswordFile {
  const users = new Map<string, PasswordEntry>()
  const lines = decode(text, path).split('\n')
  for (const [index, line] of lines.entries()) {
    const colon = line.indexOf(':')
    if (colon === -1 || line.startsWith('#')) continue
    const username = parseUsername(line.slice(0, colon), users, path, index + 1)
    users.set(username, parseEntry(line.slice(colon + 1), path, index + 1))
  }
  const hashes = [...users.values()].map(entry => entry.hash)
  const scram = commonest(hashes.filter(hash => hash.kind === 'scram-sha-256'))
  const like = commonest(hashes)
  return {
    users,
    decoy: like === undefined ? defaultDecoyHash() : decoyHash(like),
    scramDecoy: scram && (decoyHash(scram) as ScramHash),
  }
}

function decode(text: string | Uint8Array, path: string): string {
  if (typeof text === 'string') return text
  const decoded = Buffer.from(text).toString('utf8')
  if (isUtf8(text)) return decoded
  // Two names in another encoding could become the same one, and be taken for each other.
  const line = decoded.slice(0, decoded.indexOf('\ufffd')).split('\n').length
  throw undecodable(path, line, 'the file is not UTF-8')
}

function parseUsername(text: string, users: ReadonlyMap<string, unknown>, path: string, line: number): string {
  const username = trimBlanks(text)
  const file = `in password file '${escapeText(path, 4096)}'`
  if (username === '')
    throw new PasswordFileError(path, line, `Empty username ${file}.`, 'write a name before the first colon')
  if (Buffer.byteLength(username) > maximumUsernameBytes)
    throw new PasswordFileError(path, line, `Invalid line ${file}, username too long.`, 'at most 65535 bytes')
  if (!users.has(username)) return username
  const shown = escapeText(username)
  throw new PasswordFileError(path, line, `Duplicate user '${shown}' ${file}.`, 'delete one of the two lines')
}

function parseEntry(rest: string, path: string, line: number): PasswordEntry {
  const trimmed = trimBlanks(rest)
  const text = trimmed.startsWith('$') ? trimBlanks(trimmed.replace(/:.*$/, '')) : trimmed
  try {
    return parsePasswordEntry(text)
  } catch (error) {
    if (!(error instanceof PasswordHashError)) throw error
    throw undecodable(path, line, error.message)
  }
}

function undecodable(path: string, line: number, hint: string): PasswordFileError {
  return new PasswordFileError(path, line, `Unable to decode line in password file '${escapeText(path, 4096)}'.`, hint)
}

/** The hash whose kind and cost most of them share; undefined of none. */
export function commonest(hashes: readonly PasswordHash[]): PasswordHash | undefined {
  const counts = new Map<string, { readonly hash: PasswordHash; count: number }>()
  for (const hash of hashes) {
    const tally = counts.get(costOf(hash))
    if (tally === undefined) counts.set(costOf(hash), { hash, count: 1 })
    else tally.count += 1
  }
  return [...counts.values()].toSorted((one, other) => other.count - one.count)[0]?.hash
}

function costOf(hash: PasswordHash): string {
  const iterations = 'iterations' in hash ? hash.iterations : ''
  const argon2 = hash.kind === 'argon2id' ? `${hash.memoryKib} ${hash.passes} ${hash.lanes}` : ''
  return `${hash.kind} ${iterations} ${argon2} ${hash.salt.length}`
}
