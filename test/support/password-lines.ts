// Lines of a password file, hashed by hand in Mosquitto's `$7$` form, cheap enough for a hundred users in one test.

import { pbkdf2Sync, randomBytes } from 'node:crypto'

const rounds = 11

/** `user:$7$…` for each pair, one a line; a fresh salt each time. */
export function passwordLines(passwords: Readonly<Record<string, string>>): string {
  return Object.entries(passwords)
    .map(([user, password]) => {
      const salt = randomBytes(12)
      const hash = pbkdf2Sync(password, salt, rounds, 64, 'sha512')
      return `${user}:$7$${rounds}$${salt.toString('base64')}$${hash.toString('base64')}\n`
    })
    .join('')
}
