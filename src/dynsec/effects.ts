// Whom the commands of one request concern, gathered while they are carried out. Names stand for clients; undefined stands
// for all who have none; who was given a role or group that changes is concerned by its name.

import type { RightsHolder } from '../auth/user-directory.ts'
import type { Client, Group, Role } from './model.ts'
import type { SecurityState } from './state.ts'

/** Clients beyond which a role's or group's are kept together and not by name: what all have would take a while to write down. */
const mostByName = 1000

export class Effects {
  readonly #concerned = new Set<string | undefined>()
  readonly #disconnected = new Set<string | undefined>()
  readonly #deleted = new Set<string>()
  /** Roles and groups, by `key`, that may have been given to anybody. */
  readonly #changed = new Set<string>()
  readonly #created = new Set<string>()
  /**
   * Who has roles and groups that many have, as it is when it is asked: whoever loses one later in the same request is noted
   * by name then, and one that is deleted keeps its own end of the links.
   */
  readonly #many: { has(client: Client): boolean }[] = []
  #state: SecurityState | undefined = undefined
  #concernsAll = false

  get isEmpty(): boolean {
    return !this.#concernsAll && this.#concerned.size === 0 && this.#many.length === 0
  }

  /** Whether it matters to whoever was given a role or a group. */
  get concernsGiven(): boolean {
    return this.#changed.size > 0 || this.#created.size > 0
  }

  concerns(holder: RightsHolder): boolean {
    return this.concernsName(holder.username) || holds(holder, this.#changed, this.#created)
  }

  /** Whoever has the name, unless by what was given. */
  concernsName(username: string | undefined): boolean {
    return this.#concernsAll || this.#concerned.has(username) || this.#isAmongMany(username)
  }

  disconnects(holder: RightsHolder): boolean {
    const { username } = holder
    return this.#disconnected.has(username) || this.#isAmongMany(username) || holds(holder, this.#changed)
  }

  ends(username: string | undefined): boolean {
    return username !== undefined && this.#deleted.has(username)
  }

  /** Nothing of the client is left, though another one may get its name in the same request. */
  end(client: Client): void {
    this.disconnect(client)
    this.#deleted.add(client.name)
  }

  /** Their rights are judged again where they are. */
  reassess(client: Client): void {
    this.#concerned.add(client.name)
  }

  /** Somebody may have been given it before it was there. */
  create(entry: Role | Group): void {
    this.#created.add(key(entry))
  }

  reassessAll(): void {
    this.#concernsAll = true
  }

  disconnect(client: Client): void {
    this.#add(client.name)
  }

  disconnectAnonymous(): void {
    this.#add(undefined)
  }

  /** The group's members, whoever was given it, and whoever has no name where it is theirs. */
  disconnectMembers(group: Group, state: SecurityState): void {
    this.#changed.add(key(group))
    this.#disconnectAll(group.clients, state)
    if (group === state.anonymousGroup) this.disconnectAnonymous()
  }

  /** Whoever has the role, by a group too, or was given it. */
  disconnectHolders(role: Role, state: SecurityState): void {
    this.#changed.add(key(role))
    this.#disconnectAll(role.clients, state)
    for (const group of role.groups) this.disconnectMembers(group, state)
  }

  #disconnectAll(clients: ReadonlySet<Client> | ReadonlyMap<Client, unknown>, state: SecurityState): void {
    if (clients.size <= mostByName) {
      for (const client of clients.keys()) this.disconnect(client)
      return
    }
    this.#many.push(clients)
    this.#state = state
  }

  /** Who was deleted meanwhile is known by name. */
  #isAmongMany(username: string | undefined): boolean {
    if (username === undefined || this.#many.length === 0) return false
    const client = this.#state?.clients.get(username)
    return client !== undefined && this.#many.some(clients => clients.has(client))
  }

  #add(username: string | undefined): void {
    this.#concerned.add(username)
    this.#disconnected.add(username)
  }
}

function key(entry: Role | Group): string {
  return 'acls' in entry ? roleKey(entry.name) : groupKey(entry.name)
}

function roleKey(name: string): string {
  return `role ${name}`
}

function groupKey(name: string): string {
  return `group ${name}`
}

function holds({ roles, groups }: RightsHolder, ...keys: readonly ReadonlySet<string>[]): boolean {
  const isAmong = (known: string) => keys.some(set => set.has(known))
  return roles.some(name => isAmong(roleKey(name))) || groups.some(name => isAmong(groupKey(name)))
}
