// Clients, groups and roles as dynamic security knows them. `state.ts` alone changes what links them.

import { type PasswordEntry, parsePasswordEntry } from '../auth/password-file.ts'
import { formatPasswordHash } from '../auth/password-hash.ts'
import type { Rights } from '../auth/user-directory.ts'
import { compareBytes } from './compare-bytes.ts'
import type { JsonObject } from './json.ts'
import type { Named } from './name-table.ts'
import { fieldsOfText } from './password-fields.ts'
import type { RoleRules } from './role-rules.ts'

/** In the order in which lists and files have them. */
export const aclTypes = [
  'publishClientSend',
  'publishClientReceive',
  'subscribeLiteral',
  'subscribePattern',
  'unsubscribeLiteral',
  'unsubscribePattern',
] as const

export type AclType = (typeof aclTypes)[number]

export interface Acl {
  readonly type: AclType
  readonly topic: string
  readonly priority: number
  readonly allow: boolean
}

export const defaultAclTypes = ['publishClientSend', 'publishClientReceive', 'subscribe', 'unsubscribe'] as const

export type DefaultAclType = (typeof defaultAclTypes)[number]

export type DefaultAccess = Readonly<Record<DefaultAclType, boolean>>

/** What a list leaves out, and whoever sets none gets. */
export const noPriority = -1

/** The texts that people see, and what the file says of an entry, made once for each change. */
abstract class Entry implements Named {
  readonly name: string
  textName: string | undefined = undefined
  textDescription: string | undefined = undefined
  #text: string | undefined = undefined

  constructor(name: string) {
    this.name = name
  }

  /** JSON, as it stands in the file. */
  get text(): string {
    this.#text ??= JSON.stringify(this.record())
    return this.#text
  }

  /** @returns whether there was something to do */
  prepareText(): boolean {
    if (this.#text !== undefined) return false
    this.#text = JSON.stringify(this.record())
    return true
  }

  /** Something of it has changed. */
  outdate(): void {
    this.#text = undefined
  }

  protected abstract record(): JsonObject
}

/** A user; clients is what Mosquitto calls them. */
export class Client extends Entry {
  /** The only client id that may be used; undefined for any. */
  clientId: string | undefined = undefined
  isDisabled = false
  /** With their priorities. */
  readonly roles = new Map<Role, number>()
  readonly groups = new Map<Group, number>()
  /** undefined until it is asked for, and after a change. */
  rights: Rights | undefined = undefined
  #passwordText: string | undefined = undefined
  #password: PasswordEntry | undefined = undefined

  get password(): PasswordEntry | undefined {
    if (this.#passwordText !== undefined) this.#password ??= parsePasswordEntry(this.#passwordText)
    return this.#password
  }

  set password(password: PasswordEntry | undefined) {
    this.#password = password
    this.#passwordText = password && formatPasswordHash(password.hash)
  }

  /** A hash that can be checked, as in a password file: it is read when it is asked for first. */
  set passwordText(text: string | undefined) {
    this.#passwordText = text
    this.#password = undefined
  }

  /** All but what proves it, and its groups. */
  describe(): JsonObject {
    return {
      username: this.name,
      clientid: this.clientId,
      ...textsOf(this),
      disabled: this.isDisabled || undefined,
      roles: listOf(this.roles, 'rolename'),
    }
  }

  protected record(): JsonObject {
    return { ...this.describe(), ...(this.#passwordText !== undefined && fieldsOfText(this.#passwordText)) }
  }
}

export class Group extends Entry {
  readonly roles = new Map<Role, number>()
  /** With the group's priority for each. */
  readonly clients = new Map<Client, number>()

  /** Its members by name. */
  members(): readonly (readonly [Client, number])[] {
    return [...this.clients].sort(([one], [other]) => compareBytes(one.name, other.name))
  }

  protected record(): JsonObject {
    return {
      groupname: this.name,
      ...textsOf(this),
      roles: listOf(this.roles, 'rolename'),
      clients: this.members().map(([{ name }, priority]) => ({ username: name, priority: shown(priority) })),
    }
  }
}

export class Role extends Entry {
  allowWildcardSubs = true
  /** By type in the order of `aclTypes`, then by priority, the highest first, then as they were added. */
  acls: readonly Acl[] = []
  readonly clients = new Set<Client>()
  readonly groups = new Set<Group>()
  /** undefined until it is asked for, and after a change. */
  rules: RoleRules | undefined = undefined

  describe(): JsonObject {
    return {
      rolename: this.name,
      ...textsOf(this),
      allowwildcardsubs: this.allowWildcardSubs,
      acls: this.acls.map(({ type, topic, priority, allow }) => ({ acltype: type, topic, priority, allow })),
    }
  }

  protected record(): JsonObject {
    return this.describe()
  }
}

/** What JSON leaves out when there is none. */
export function textsOf({ textName, textDescription }: Client | Group | Role): JsonObject {
  return { textname: textName, textdescription: textDescription }
}

/** Entries with their priorities, as lists show them. */
export function listOf(priorities: ReadonlyMap<Named, number>, key: 'rolename' | 'groupname'): readonly JsonObject[] {
  return byPriority(priorities).map(([{ name }, priority]) => ({ [key]: name, priority: shown(priority) }))
}

function shown(priority: number): number | undefined {
  return priority === noPriority ? undefined : priority
}

/** The highest priority first, and of the same priority by name. */
export function byPriority<T extends Named>(priorities: ReadonlyMap<T, number>): [T, number][] {
  return [...priorities].sort(([one, first], [other, second]) => second - first || compareBytes(one.name, other.name))
}
