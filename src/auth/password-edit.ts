// Changes to the text of a password file, line by line: comments, blank lines and lines that the broker passes over stay as
// they are (features B5). Texts are `latin1`, one character per byte, so that a comment in any encoding comes out unharmed.

import { AppError } from '../base/errors.ts'
import { trimBlanks } from './password-file.ts'

/** A line that the broker would refuse; Mosquitto's own text. */
export class CorruptPasswordFileError extends AppError {
  constructor(line: number) {
    super('ERR_AUTH_CORRUPT_PASSWORD_FILE', `Error: Corrupt password file at line ${line}.`)
  }
}

/** @returns the text with the user's line replaced or added, and which of the two; further lines of the user's are removed */
export function setUser(text: string, username: string, hash: string): { text: string; existed: boolean } {
  const newLine = `${asBytes(username)}:${hash}\n`
  let existed = false
  const edited = mapEntries(text, (entry, line) => {
    if (entry.username !== asBytes(username)) return line
    // A second line would let an old password live on.
    const replacement = existed ? '' : newLine
    existed = true
    return replacement
  })
  return { text: existed ? edited : withLineEnd(edited) + newLine, existed }
}

/** @returns the text without the user's lines; undefined when there are none */
export function removeUser(text: string, username: string): string | undefined {
  let existed = false
  const edited = mapEntries(text, (entry, line) => {
    if (entry.username !== asBytes(username)) return line
    existed = true
    return ''
  })
  return existed ? edited : undefined
}

/** Replaces plain passwords by what `hash` makes of them; entries that are hashed already stay (features B8). */
export async function hashPlainPasswords(text: string, hash: (password: Buffer) => Promise<string>): Promise<string> {
  const hashes: string[] = []
  // One by one, also for equal passwords: a hash that two users share would say that their passwords are the same.
  for (const { password } of plainEntries(text)) hashes.push(await hash(Buffer.from(password, 'latin1')))
  return mapEntries(text, ({ username, password }, line) =>
    looksHashed(password) ? line : `${username}:${hashes.shift()}\n`,
  )
}

interface Entry {
  readonly username: string
  /** All behind the first colon: a hash, or a plain password in a file that waits for `-U`. */
  readonly password: string
}

function mapEntries(text: string, edit: (entry: Entry, line: string) => string): string {
  return text
    .split(/(?<=\n)/)
    .map((line, index) => {
      const colon = line.indexOf(':')
      if (colon === -1 || line.startsWith('#')) return line
      const [username, password] = [line.slice(0, colon), line.slice(colon + 1).replace(/\n$/, '')].map(trimBlanks)
      if (!username || !password) throw new CorruptPasswordFileError(index + 1)
      return edit({ username, password }, line)
    })
    .join('')
}

function plainEntries(text: string): Entry[] {
  const entries: Entry[] = []
  mapEntries(text, (entry, line) => {
    if (!looksHashed(entry.password)) entries.push(entry)
    return line
  })
  return entries
}

function looksHashed(password: string): boolean {
  return /^(?:\$(?:6|7|argon2id)\$|SCRAM-SHA-256\$\d+:)/.test(password)
}

function asBytes(username: string): string {
  return Buffer.from(username).toString('latin1')
}

function withLineEnd(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}
