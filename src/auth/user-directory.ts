// Users and rights that change while the broker runs, as realms ask for them; `dynsec/` implements it. It goes before
// password and ACL files: whom it knows, it alone decides about.

import type { PatternValues } from './acl-rule-tree.ts'
import type { Source } from './explanation.ts'
import type { PasswordEntry } from './password-file.ts'
import type { PasswordHash } from './password-hash.ts'
import type { ShownCertificate } from './principal.ts'

export interface DirectoryUser {
  /** undefined: nobody is let in under this name by a password. */
  readonly password: PasswordEntry | undefined
  readonly isDisabled: boolean
  /** The only client id that the user may have; undefined for any. */
  readonly clientId: string | undefined
}

export type DirectoryAction = 'publish' | 'receive' | 'subscribe' | 'unsubscribe'

/** Whose rights are asked for; a principal is one. */
export interface RightsHolder {
  /** undefined for clients without a name. */
  readonly username: string | undefined
  /** Roles and groups by name that came with the proof, whether or not the directory knows the user. */
  readonly roles: readonly string[]
  readonly groups: readonly string[]
  /** What topics of roles may ask for; left out where none was shown, or none is kept. */
  readonly certificate?: Pick<ShownCertificate, 'identity'> | undefined
}

/** One client before the rights of its user. */
export interface RightsSubject {
  /** What stands for `%c`, `%u` and `%{cert.…}` in what denies, as it is. */
  readonly denied: PatternValues
  /** The same in what grants: undefined where a name would reach further than one level. */
  readonly granted: PatternValues
}

/** What one user may do; changed by nothing but a new one. Answers from memory and allocates nothing. */
export interface Rights {
  /** Names of the roles that it comes from, in the order in which they are asked. */
  readonly roles?: readonly string[]
  /** @param topic a topic name, or the full filter of a subscription */
  allows(action: DirectoryAction, topic: string, subject: RightsSubject): boolean
  /** All rules that speak of the topic, the first of which is the answer of `allows`, and what holds where none does. */
  consult(action: DirectoryAction, topic: string, subject: RightsSubject): readonly [rules: Source, rest: Source]
}

export interface UserDirectory {
  /** Grows with every change: what was asked before may be outdated. */
  readonly version: number
  /** What the password of a user without one is measured against. */
  readonly decoy: PasswordHash
  user(username: string): DirectoryUser | undefined
  /**
   * The user's own roles are asked first, then those that the holder was given, then those of the user's groups, then those of
   * the groups that the holder was given. Names of roles and groups that the directory does not know give nothing.
   *
   * @returns undefined for a user whom the directory does not know, and who holds no role or group that it knows
   */
  rights(holder: RightsHolder): Rights | undefined
}
