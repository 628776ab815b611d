// Mosquitto's `psk_file`: identities and the keys that they share with the broker, one `identity:hexkey` a line. Made once per
// start or reload; what it returns never changes.

import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { presharedKeyBytes } from '../base/preshared-key.ts'
import { trimBlanks } from './password-file.ts'
import { readSecretFile, SecretFileError } from './secret-file.ts'

export interface PresharedKey {
  readonly key: Uint8Array
  /** SHA-256 of identity and key in hex: tells whether a reload changed it. */
  readonly fingerprint: string
}

/** By identity. */
export type PresharedKeys = ReadonlyMap<string, PresharedKey>

/** `message` is Mosquitto's own text where it has one; `hint` and `line` say what to mend, and where. */
export class PskFileError extends AppError {
  readonly path: string
  /** Counted from 1; undefined when the file was not read at all. */
  readonly line: number | undefined
  readonly hint: string
  constructor(path: string, line: number | undefined, message: string, hint: string, options?: { cause?: unknown }) {
    super('ERR_AUTH_PSK_FILE', message, options)
    this.path = path
    this.line = line
    this.hint = hint
  }
}

/** What OpenSSL takes (`PSK_MAX_IDENTITY_LEN`). */
const maximumIdentityBytes = 256
const maximumKeyBytes = 256
/** Shorter keys can be guessed from one recorded handshake (RFC 4279 §7.2). */
const leastKeyBytes = 16

/**
 * Reads and parses a file of pre-shared keys.
 *
 * @returns the keys, and lines for the log, type `warning`
 * @throws {PskFileError}
 */
export function loadPskFile(
  path: string,
  env: NodeJS.ProcessEnv = process.env,
): { readonly keys: PresharedKeys; readonly warnings: readonly string[] } {
  try {
    const { bytes, warnings } = readSecretFile(path, env)
    const keys = parsePskFile(bytes, path)
    return { keys, warnings: [...warnings, ...weaknesses(keys, path)] }
  } catch (error) {
    if (!(error instanceof SecretFileError)) throw error
    const message = `Error opening psk file "${escapeText(path, 4096)}".`
    throw new PskFileError(path, undefined, message, error.message, { cause: error })
  }
}

/**
 * Parses the lines `identity:hexkey`. As in password files, lines that begin with `#` or have no colon are passed over, blanks
 * are cut, and what follows a second colon does not count.
 *
 * @param path for messages
 * @throws {PskFileError} at the first line that cannot be used
 */
export function parsePskFile(bytes: Uint8Array, path: string): PresharedKeys {
  // Two names in another encoding could become the same one, and be taken for each other.
  if (!isUtf8(bytes)) {
    throw new PskFileError(path, undefined, unusable(path), 'the file is not UTF-8')
  }
  const keys = new Map<string, PresharedKey>()
  for (const [index, line] of Buffer.from(bytes).toString('utf8').split('\n').entries()) {
    if (line.startsWith('#') || !line.includes(':')) continue
    const [identity = '', hex = ''] = line.split(':').map(trimBlanks)
    const refuse = (message: string, hint: string) => new PskFileError(path, index + 1, message, hint)
    if (identity === '') throw refuse(unusable(path), 'write an identity before the first colon')
    if (keys.has(identity)) throw refuse(unusable(path), `identity '${escapeText(identity)}' is there twice`)
    if (Buffer.byteLength(identity) > maximumIdentityBytes)
      throw refuse(unusable(path), `identities have at most ${maximumIdentityBytes} bytes`)
    keys.set(identity, parseKey(identity, hex, refuse))
  }
  return keys
}

function parseKey(
  identity: string,
  hex: string,
  refuse: (message: string, hint: string) => PskFileError,
): PresharedKey {
  const shown = escapeText(identity)
  if (/[^0-9a-f]/i.test(hex))
    throw refuse(`Error: psk for identity "${shown}" contains non-hexadecimal characters.`, 'openssl rand -hex 32')
  if (hex === '') throw refuse(`Error: Empty psk for identity "${shown}".`, 'openssl rand -hex 32 makes a key')
  const key = presharedKeyBytes(hex)
  if (key.length > maximumKeyBytes)
    throw refuse(`Error: psk for identity "${shown}" is too long.`, `at most ${maximumKeyBytes} bytes`)
  return { key, fingerprint: createHash('sha256').update(`${identity}:`).update(key).digest('hex') }
}

function weaknesses(keys: PresharedKeys, path: string): string[] {
  const warnings: string[] = []
  const owners = new Map<string, string>()
  const file = `in psk_file '${escapeText(path, 4096)}'`
  for (const [identity, { key }] of keys) {
    const shown = escapeText(identity)
    if (key.length < leastKeyBytes)
      warnings.push(
        `Warning: The key of '${shown}' ${file} has ${key.length} bytes; one below ${leastKeyBytes} can be guessed.`,
      )
    const hex = Buffer.from(key).toString('hex')
    const other = owners.get(hex)
    if (other !== undefined)
      warnings.push(
        `Warning: '${shown}' and '${escapeText(other)}' ${file} have the same key, and can pass for each other.`,
      )
    owners.set(hex, identity)
  }
  return warnings
}

function unusable(path: string): string {
  return `Error: Unable to decode line in psk_file "${escapeText(path, 4096)}".`
}
