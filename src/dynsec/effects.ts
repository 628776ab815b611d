// Whom the commands of one request concern, gathered while they are carried out. Names stand for clients; undefined stands
// for all who have none.

import type { Client, Group, Role } from './model.ts'
import type { SecurityState } from './state.ts'

export class Effects {
  readonly #concerned = new Set<string | undefined>()
  readonly #disconnected = new Set<string | undefined>()
  readonly #deleted = new Set<string>()
  #concernsAll = false

  get isEmpty(): boolean {
    return !this.#concernsAll && this.#concerned.size === 0
  }

  concerns(username: string | undefined): boolean {
    return this.#concernsAll || this.#concerned.has(username)
  }

  disconnects(username: string | undefined): boolean {
    return this.#disconnected.has(username)
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

  reassessAll(): void {
    this.#concernsAll = true
  }

  disconnect(client: Client): void {
    this.#add(client.name)
  }

  disconnectAnonymous(): void {
    this.#add(undefined)
  }

  /** The group's members, and whoever has no name where it is theirs. */
  disconnectMembers(group: Group, state: SecurityState): void {
    for (const client of group.clients.keys()) this.disconnect(client)
    if (group === state.anonymousGroup) this.disconnectAnonymous()
  }

  /** Whoever has the role, by a group too. */
  disconnectHolders(role: Role, state: SecurityState): void {
    for (const client of role.clients) this.disconnect(client)
    for (const group of role.groups) this.disconnectMembers(group, state)
  }

  #add(username: string | undefined): void {
    this.#concerned.add(username)
    this.#disconnected.add(username)
  }
}
