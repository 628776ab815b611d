// A password's hash in dynamic-security.json, in the two forms that Mosquitto has had for it. Here it is text as in a password
// file: there are many, and most are never asked for.

import type { PasswordEntry } from '../auth/password-file.ts'
import { formatPasswordHash, parsePasswordHash } from '../auth/password-hash.ts'
import { integerOf, type JsonObject, textOf } from './json.ts'

/** The twelve bytes of salt that Mosquitto 2.0 has, and reads no other length: Base64 without padding. */
const oldSalt = /^[^=]{16}$/

export function passwordFields({ hash }: PasswordEntry): JsonObject {
  return fieldsOfText(formatPasswordHash(hash))
}

/** The form of 2.0 where it fits, which 2.1 reads too: a file of ours opens in both. */
export function fieldsOfText(text: string): JsonObject {
  const [, kind, iterations, salt = '', password] = text.split('$')
  if (kind !== '7' || !oldSalt.test(salt)) return { encoded_password: text }
  return { password, salt, iterations: Number(iterations) }
}

/**
 * @returns undefined for a client that has no password
 * @throws {PasswordHashError} for one that cannot be checked
 */
export function readPassword(entry: JsonObject): string | undefined {
  const text = textOf(entry, 'encoded_password') ?? oldForm(entry)
  if (text !== undefined) parsePasswordHash(text)
  return text
}

function oldForm(entry: JsonObject): string | undefined {
  const [password, salt] = [textOf(entry, 'password'), textOf(entry, 'salt')]
  if (password === undefined || salt === undefined) return undefined
  return `$7$${integerOf(entry, 'iterations', 0)}$${salt}$${password}`
}
