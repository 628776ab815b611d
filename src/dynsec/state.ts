// All clients, groups and roles, and the links between them: each change keeps both ends of a link, and forgets what was
// worked out from what it changes.

import type { Rights, RightsHolder } from '../auth/user-directory.ts'
import { type Acl, aclTypes, byPriority, type Client, type DefaultAccess, type Group, type Role } from './model.ts'
import { NameTable } from './name-table.ts'
import { type HeldRoles, RoleRights } from './role-rights.ts'
import { RoleRules } from './role-rules.ts'

export const closedByDefault: DefaultAccess = {
  publishClientSend: false,
  publishClientReceive: false,
  subscribe: false,
  unsubscribe: false,
}

export class SecurityState {
  readonly clients = new NameTable<Client>()
  readonly groups = new NameTable<Group>()
  readonly roles = new NameTable<Role>()
  /** Counts the commands that have changed something. */
  changeIndex = 0
  #defaultAccess: DefaultAccess = closedByDefault
  #anonymousGroup: Group | undefined = undefined
  #anonymousRights: Rights | undefined = undefined

  get defaultAccess(): DefaultAccess {
    return this.#defaultAccess
  }

  set defaultAccess(access: DefaultAccess) {
    this.#defaultAccess = access
    for (const client of this.clients.values()) client.rights = undefined
    this.#anonymousRights = undefined
  }

  get anonymousGroup(): Group | undefined {
    return this.#anonymousGroup
  }

  set anonymousGroup(group: Group | undefined) {
    this.#anonymousGroup = group
    this.#anonymousRights = undefined
  }

  /**
   * What a holder may do: roles of its own, roles that it was given, those of its groups, those of groups that it was given.
   *
   * @returns undefined for a name that is no client's, with nothing given that is known
   */
  rightsOf(holder: RightsHolder): Rights | undefined {
    const { username } = holder
    const client = username === undefined ? undefined : this.clients.get(username)
    const roles = known(holder.roles, this.roles)
    const groups = known(holder.groups, this.groups)
    if (roles.length === 0 && groups.length === 0) {
      return client === undefined && username !== undefined ? undefined : this.rights(client)
    }
    const own = username === undefined ? this.#anonymousGroups() : groupsOf(client)
    return this.#rightsOf([
      ...ownRoles(client),
      held(roles, undefined, true),
      ...rolesOf(own),
      ...rolesOf(groups, true),
    ])
  }

  /** @param client undefined for whoever has no name */
  rights(client: Client | undefined): Rights {
    if (client === undefined) {
      this.#anonymousRights ??= this.#rightsOf(rolesOf(this.#anonymousGroups()))
      return this.#anonymousRights
    }
    client.rights ??= this.#rightsOf([...ownRoles(client), ...rolesOf(groupsOf(client))])
    return client.rights
  }

  #anonymousGroups(): readonly Group[] {
    return this.#anonymousGroup === undefined ? [] : [this.#anonymousGroup]
  }

  #rightsOf(lists: readonly HeldRoles[]): Rights {
    const any = lists.filter(({ roles }) => roles.length > 0)
    return new RoleRights(any, this.#defaultAccess)
  }

  /** @param acls in the order in which they were added */
  setRules(role: Role, acls: readonly Acl[], allowWildcardSubs: boolean): void {
    role.outdate()
    role.acls = acls.toSorted(
      (one, other) => aclTypes.indexOf(one.type) - aclTypes.indexOf(other.type) || other.priority - one.priority,
    )
    role.allowWildcardSubs = allowWildcardSubs
    role.rules = undefined
    for (const client of role.clients) client.rights = undefined
    for (const group of role.groups) this.#forgetMembers(group)
  }

  giveRole(holder: Client | Group, role: Role, priority: number): void {
    holder.roles.set(role, priority)
    this.#linkRole(holder, role, true)
  }

  takeRole(holder: Client | Group, role: Role): void {
    if (holder.roles.delete(role)) this.#linkRole(holder, role, false)
  }

  addMember(group: Group, client: Client, priority: number): void {
    group.clients.set(client, priority)
    client.groups.set(group, priority)
    this.#forgetMembership(group, client)
  }

  removeMember(group: Group, client: Client): void {
    if (!group.clients.delete(client)) return
    client.groups.delete(group)
    this.#forgetMembership(group, client)
  }

  deleteClient(client: Client): void {
    for (const role of [...client.roles.keys()]) this.takeRole(client, role)
    for (const group of [...client.groups.keys()]) this.removeMember(group, client)
    this.clients.delete(client)
  }

  deleteGroup(group: Group): void {
    for (const role of [...group.roles.keys()]) this.takeRole(group, role)
    for (const client of group.clients.keys()) {
      client.groups.delete(group)
      client.rights = undefined
    }
    if (this.#anonymousGroup === group) this.anonymousGroup = undefined
    this.groups.delete(group)
  }

  deleteRole(role: Role): void {
    // The role's own end of the links goes with it.
    for (const client of role.clients) {
      client.roles.delete(role)
      client.outdate()
      client.rights = undefined
    }
    for (const group of [...role.groups]) this.takeRole(group, role)
    this.roles.delete(role)
  }

  #linkRole(holder: Client | Group, role: Role, isHeld: boolean): void {
    holder.outdate()
    if ('clients' in holder) {
      if (isHeld) role.groups.add(holder)
      else role.groups.delete(holder)
      this.#forgetMembers(holder)
    } else {
      if (isHeld) role.clients.add(holder)
      else role.clients.delete(holder)
      holder.rights = undefined
    }
  }

  #forgetMembers(group: Group): void {
    for (const client of group.clients.keys()) client.rights = undefined
    if (group === this.#anonymousGroup) this.#anonymousRights = undefined
  }

  #forgetMembership(group: Group, client: Client): void {
    group.outdate()
    client.rights = undefined
  }
}

function ownRoles(client: Client | undefined): readonly HeldRoles[] {
  return client === undefined ? [] : [held(inOrder(client.roles), undefined, false)]
}

function held(roles: readonly Role[], group: string | undefined, isGiven: boolean): HeldRoles {
  return { roles: roles.map(rulesOf), group, isGiven }
}

function inOrder(roles: ReadonlyMap<Role, number>): readonly Role[] {
  return byPriority(roles).map(([role]) => role)
}

function groupsOf(client: Client | undefined): readonly Group[] {
  return client === undefined ? [] : byPriority(client.groups).map(([group]) => group)
}

function rolesOf(groups: readonly Group[], isGiven = false): readonly HeldRoles[] {
  return groups.map(({ name, roles }) => held(inOrder(roles), name, isGiven))
}

function known<T extends Role | Group>(names: readonly string[], table: NameTable<T>): readonly T[] {
  return names.flatMap(name => table.get(name) ?? [])
}

function rulesOf(role: Role): RoleRules {
  role.rules ??= new RoleRules(role)
  return role.rules
}
