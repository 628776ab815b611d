// A password file, entry by entry: how each is hashed, and whether a password of a short list fits it. What a broker would
// refuse is an entry, too.

import { createHash } from 'node:crypto'
import { trimBlanks } from '../auth/password-file.ts'
import { type PasswordHash, PasswordHashError, parsePasswordHash, verifyPassword } from '../auth/password-hash.ts'

/** Entries that are looked at. */
export const mostPasswords = 10_000

export type PasswordKind = PasswordHash['kind'] | 'plain' | 'empty' | 'unreadable'

export interface PasswordLine {
  /** From 1. */
  readonly line: number
  readonly username: string
  readonly kind: PasswordKind
  /** Rounds of PBKDF2, or of SCRAM. */
  readonly iterations: number | undefined
  /** SHA-256 of what stands behind the name: equal for equal entries, and says nothing else. */
  readonly fingerprint: string
  /** Whether it is the user's own name, or in `commonPasswords`. */
  readonly isGuessed: boolean
}

/** What devices and guides come with, and what is tried first by everybody. */
export const commonPasswords: readonly string[] = [
  'password',
  'mosquitto',
  'mqtt',
  'admin',
  'secret',
  '123456',
  '12345678',
  'changeme',
  'test',
  'guest',
  'public',
  'raspberry',
  'cedaloisawesome',
  'letmein',
  'root',
]

/**
 * Work for guesses of one file: rounds of PBKDF2, or KiB times passes of Argon2, which cost about the same; some 0.3 seconds.
 * Entries that are dear to check are dear to guess for others, too.
 */
const guessBudget = 750_000

/** What somebody has to know to be a user. */
export interface Secret {
  readonly username: string
  /** A hash; of an entry that is not hashed, the password itself. */
  readonly secret: PasswordHash | string
}

interface Entry {
  readonly line: Omit<PasswordLine, 'isGuessed'>
  /** undefined for what cannot be read. */
  readonly secret: PasswordHash | string | undefined
}

/** What is told when guessing came to the end of its budget. */
export const notAllTried = 'not every word was tried for every user: that would have taken too long'

/**
 * @param note takes, in words, what was not looked at
 * @returns the entries in their order; names and lines, never a hash
 */
export async function readPasswordLines(text: string, note: (what: string) => void): Promise<readonly PasswordLine[]> {
  const all = text.split('\n').flatMap((line, index) => readEntry(line, index + 1) ?? [])
  if (all.length > mostPasswords) note(`of ${all.length} users only the first ${mostPasswords} were looked at`)
  const entries = all.slice(0, mostPasswords)
  const { guessed, isDone } = await guessPasswords(entries.flatMap(asSecret))
  if (!isDone) note(notAllTried)
  return entries.map(({ line }) => ({ ...line, isGuessed: guessed.has(line.username) }))
}

function asSecret({ line: { username }, secret }: Entry): readonly Secret[] {
  return secret === undefined || secret === '' ? [] : [{ username, secret }]
}

function readEntry(line: string, number: number): Entry | undefined {
  const colon = line.indexOf(':')
  if (colon === -1 || line.startsWith('#')) return undefined
  const username = trimBlanks(line.slice(0, colon))
  const text = trimBlanks(line.slice(colon + 1))
  const fingerprint = createHash('sha256').update(text).digest('hex')
  const secret = secretOf(text)
  const kind = kindOf(text, secret)
  const iterations = typeof secret === 'object' && 'iterations' in secret ? secret.iterations : undefined
  return { line: { line: number, username, kind, iterations, fingerprint }, secret }
}

function secretOf(text: string): PasswordHash | string | undefined {
  const isHash = text.startsWith('$') || text.startsWith('SCRAM-SHA-256$')
  if (!isHash) return text
  try {
    return parsePasswordHash(text.startsWith('$') ? text.replace(/:.*$/, '') : text)
  } catch (error) {
    if (!(error instanceof PasswordHashError)) throw error
    return undefined
  }
}

function kindOf(text: string, secret: PasswordHash | string | undefined): PasswordKind {
  if (text === '') return 'empty'
  if (secret === undefined) return 'unreadable'
  return typeof secret === 'string' ? 'plain' : secret.kind
}

/**
 * Tries the words of the list, and everybody's own name: names first, so that a budget that ends leaves nobody out.
 *
 * @returns the names of those whose password was found, and whether all was tried
 */
export async function guessPasswords(
  secrets: readonly Secret[],
): Promise<{ readonly guessed: ReadonlySet<string>; readonly isDone: boolean }> {
  const guessed = new Set<string>()
  let left = guessBudget
  for (const word of [undefined, ...commonPasswords]) {
    for (const { username, secret } of secrets) {
      if (guessed.has(username)) continue
      left -= costOf(secret)
      if (left < 0) return { guessed, isDone: false }
      if (await fits(secret, word ?? username)) guessed.add(username)
    }
  }
  return { guessed, isDone: true }
}

async function fits(secret: PasswordHash | string, word: string): Promise<boolean> {
  if (typeof secret === 'string') return secret.toLowerCase() === word.toLowerCase()
  return verifyPassword(secret, Buffer.from(word))
}

function costOf(secret: PasswordHash | string): number {
  if (typeof secret === 'string') return 1
  if (secret.kind === 'argon2id') return secret.memoryKib * secret.passes
  return 'iterations' in secret ? secret.iterations : 10
}
