// A password's hash in dynamic-security.json, in the two forms that Mosquitto has had for it.

import { type PasswordEntry, parsePasswordEntry } from '../auth/password-file.ts'
import { formatPasswordHash } from '../auth/password-hash.ts'
import { integerOf, type JsonObject, textOf } from './json.ts'

/** Mosquitto 2.0 reads no other length. */
const oldSaltBytes = 12

/** The form of 2.0 where it fits, which 2.1 reads too: a file of ours opens in both. */
export function passwordFields({ hash }: PasswordEntry): JsonObject {
  if (hash.kind !== 'sha512-pbkdf2' || hash.salt.length !== oldSaltBytes) {
    return { encoded_password: formatPasswordHash(hash) }
  }
  const { iterations, salt } = hash
  return { password: hash.hash.toString('base64'), salt: salt.toString('base64'), iterations }
}

/**
 * @returns undefined for a client that has no password
 * @throws {PasswordHashError} for one that cannot be checked
 */
export function readPassword(entry: JsonObject): PasswordEntry | undefined {
  const text = textOf(entry, 'encoded_password') ?? oldForm(entry)
  return text === undefined ? undefined : parsePasswordEntry(text)
}

function oldForm(entry: JsonObject): string | undefined {
  const [password, salt] = [textOf(entry, 'password'), textOf(entry, 'salt')]
  if (password === undefined || salt === undefined) return undefined
  return `$7$${integerOf(entry, 'iterations', 0)}$${salt}$${password}`
}
