// Users and rights that change while the broker runs, as realms ask for them; `dynsec/` implements it. It goes before
// password and ACL files: whom it knows, it alone decides about.

import type { PatternValues } from './acl-rule-tree.ts'
import type { PasswordEntry } from './password-file.ts'
import type { PasswordHash } from './password-hash.ts'

export interface DirectoryUser {
  /** undefined: nobody is let in under this name by a password. */
  readonly password: PasswordEntry | undefined
  readonly isDisabled: boolean
  /** The only client id that the user may have; undefined for any. */
  readonly clientId: string | undefined
}

export type DirectoryAction = 'publish' | 'receive' | 'subscribe' | 'unsubscribe'

/** One client before the rights of its user. */
export interface RightsSubject {
  /** What stands for `%c` and `%u` in what denies, as it is. */
  readonly denied: PatternValues
  /** The same in what grants: undefined where a name would reach further than one level. */
  readonly granted: PatternValues
}

/** What one user may do; changed by nothing but a new one. Answers from memory and allocates nothing. */
export interface Rights {
  /** @param topic a topic name, or the full filter of a subscription */
  allows(action: DirectoryAction, topic: string, subject: RightsSubject): boolean
}

export interface UserDirectory {
  /** Grows with every change: what was asked before may be outdated. */
  readonly version: number
  /** What the password of a user without one is measured against. */
  readonly decoy: PasswordHash
  user(username: string): DirectoryUser | undefined
  /**
   * @param username undefined for clients without a name
   * @returns undefined for a user whom the directory does not know
   */
  rights(username: string | undefined): Rights | undefined
}
