// What the passwords of users who do not exist are measured against, so that they cannot be told from those who do.

import { randomBytes } from 'node:crypto'
import { commonest } from '../auth/password-file.ts'
import { decoyHash, hashDefaults, type PasswordHash } from '../auth/password-hash.ts'
import type { Client } from './model.ts'

/** Clients that are looked at: what most of them have is what most have. */
const sample = 100
const saltBytes = 12
const hashBytes = 64

/** As dear as most passwords, and fitting none. */
export function decoyFor(clients: readonly Client[]): PasswordHash {
  const hashes = clients.slice(0, sample).flatMap(({ password }) => password?.hash ?? [])
  return decoyHash(commonest(hashes) ?? newPassword())
}

function newPassword(): PasswordHash {
  const { pbkdf2Iterations: iterations } = hashDefaults
  return { kind: 'sha512-pbkdf2', iterations, salt: randomBytes(saltBytes), hash: randomBytes(hashBytes) }
}
