// What a client may do by the rules in force when it is asked: a reload counts at once, for the messages of whoever is away
// and for a will that is still to come, too.

import type { Permitted, Principal } from '../auth/principal.ts'
import type { Access, Realm } from '../auth/realm.ts'
import type { SessionAccess } from '../session/session.ts'
import type { ListenerContext } from './listener-context.ts'
import { recordSource } from './source-record.ts'

export class CurrentAccess implements SessionAccess {
  readonly #listener: ListenerContext
  readonly #principal: Principal
  readonly #clientId: string
  /** What `#access` was prepared from. */
  #realm: Realm
  #access: Access

  constructor(listener: ListenerContext, principal: Principal, clientId: string) {
    this.#listener = listener
    this.#principal = principal
    this.#clientId = clientId
    this.#realm = listener.realm
    this.#access = this.#realm.access(principal, clientId)
  }

  publish<T extends { readonly topicName: string }>(message: T): Permitted<T> | undefined {
    return this.#current().publish(message)
  }

  receive(topicName: string): boolean {
    return this.#current().receive(topicName)
  }

  subscribe(fullFilter: string): boolean {
    return this.#current().subscribe(fullFilter)
  }

  unsubscribe(fullFilter: string): boolean {
    return this.#current().unsubscribe(fullFilter)
  }

  get roles(): readonly string[] {
    return this.#current().roles ?? none
  }

  mayPublish(topicName: string): boolean {
    const { realm } = this.#listener
    return realm.stillAdmits(this.#principal, this.#clientId) && this.#current().publish({ topicName }) !== undefined
  }

  get source(): Uint8Array {
    return recordSource(this.#listener, this.#principal)
  }

  get standing(): 'admitted' | 'unproven' | 'unknown' {
    const { realm } = this.#listener
    if (realm.stillAdmits(this.#principal, this.#clientId) && realm.admitsClientId(this.#clientId)) return 'admitted'
    return realm.knows(this.#principal) ? 'unproven' : 'unknown'
  }

  #current(): Access {
    const { realm } = this.#listener
    if (realm !== this.#realm) {
      this.#realm = realm
      this.#access = realm.access(this.#principal, this.#clientId)
    }
    return this.#access
  }
}

const none: readonly string[] = []
