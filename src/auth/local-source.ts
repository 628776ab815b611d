// The passwords that are kept here, as sources of the chain: those of dynamic security, and those of a password file. Whom a
// source does not know it leaves to the next one; whom it knows, it alone judges.

import { type AuthSource, defer, type SourceName, type SourceVerdict } from './auth-chain.ts'
import type { Identity } from './identity.ts'
import type { PasswordEntry, PasswordFile } from './password-file.ts'
import type { PasswordHash } from './password-hash.ts'
import type { PasswordVerifier, Verdict } from './password-verifier.ts'
import { provePrincipal } from './principal.ts'
import { type Authentication, deny } from './realm.ts'
import type { UserDirectory } from './user-directory.ts'

/** Where one of them finds its users. */
interface LocalUsers {
  readonly name: SourceName
  has(username: string): boolean
  /** undefined also for a user who has no password, or is disabled. */
  get(username: string): PasswordEntry | undefined
  readonly decoy: PasswordHash
}

export class LocalSource implements AuthSource {
  readonly name: SourceName
  readonly #users: LocalUsers
  readonly #verifier: PasswordVerifier

  private constructor(users: LocalUsers, verifier: PasswordVerifier) {
    this.name = users.name
    this.#users = users
    this.#verifier = verifier
  }

  static ofDirectory(directory: UserDirectory, verifier: PasswordVerifier): LocalSource {
    const users: LocalUsers = {
      name: 'dynamic-security',
      has: username => directory.user(username) !== undefined,
      get(username) {
        const user = directory.user(username)
        return user === undefined || user.isDisabled ? undefined : user.password
      },
      get decoy() {
        return directory.decoy
      },
    }
    return new LocalSource(users, verifier)
  }

  static ofFile({ users, decoy }: PasswordFile, verifier: PasswordVerifier): LocalSource {
    const source: LocalUsers = {
      name: 'password-file',
      has: username => users.has(username),
      get: username => users.get(username),
      decoy,
    }
    return new LocalSource(source, verifier)
  }

  knows(username: string): boolean {
    return this.#users.has(username)
  }

  /** @returns undefined also for a user who has no password, or is disabled */
  entry(username: string): PasswordEntry | undefined {
    return this.#users.get(username)
  }

  judge(username: string, identity: Identity): SourceVerdict | Promise<SourceVerdict> {
    return this.knows(username) ? this.check(username, identity) : defer('no such user')
  }

  /** Features B11: one answer for an unknown user and a wrong password, at one cost. */
  check(username: string, { password, address, waiting }: Identity): Authentication | Promise<Authentication> {
    const users = this.#users
    // What is checked, and no other: until the verdict is there the user may have been given another one.
    const entry = users.get(username)
    const source = { users: { get: () => entry }, decoy: users.decoy }
    const verdict = this.#verifier.verify(source, username, password, address, waiting)
    if (!(verdict instanceof Promise)) return judged(entry, username, verdict)
    return verdict.then(late => judged(entry, username, late))
  }
}

function judged(entry: PasswordEntry | undefined, username: string, verdict: Verdict): Authentication {
  if (verdict === 'right' && entry !== undefined) {
    return { allowed: true, principal: provePrincipal(username, 'password', entry.fingerprint) }
  }
  if (verdict === 'busy') return deny('busy', 'max_pending_authentications')
  return deny('not-authorized', 'unknown user or wrong password')
}
