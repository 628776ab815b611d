// What a bridge may do on its own broker. The configuration that has the bridge is its proof: without a user it may do whatever
// clients may where nothing is said of topics, with one what the rules allow that user.

import { type Log, silentLog } from '../base/log.ts'
import { createAccess, explainAccess } from './access.ts'
import type { AccessQuestion, Explanation } from './explanation.ts'
import { type Principal, provePrincipal } from './principal.ts'
import { type Access, type Authentication, type Candidate, deny, type Realm } from './realm.ts'

export interface BridgeRealmOptions {
  /** The rules that a user is looked up in. */
  readonly inner: Realm
  /** `local_username`. */
  readonly username: string | undefined
  readonly log?: Log
}

export function createBridgeRealm(options: BridgeRealmOptions): Realm {
  return new BridgeRealm(options)
}

class BridgeRealm implements Realm {
  readonly provesNames = true
  readonly #inner: Realm
  readonly #username: string | undefined
  readonly #log: Log

  constructor({ inner, username, log = silentLog }: BridgeRealmOptions) {
    this.#inner = inner
    this.#username = username
    this.#log = log
  }

  authenticate(): Authentication {
    if (this.#username !== undefined && this.#user === undefined) {
      return deny('not-authorized', 'local_username is nobody whom the rules let in')
    }
    return { allowed: true, principal: provePrincipal(this.#username, 'bridge', '') }
  }

  beginExchange(): undefined {
    return undefined
  }

  stillAdmits(principal: Principal, clientId: string): boolean {
    if (!this.knows(principal) || principal.username !== this.#username) return false
    const user = this.#user
    return this.#username === undefined || (user !== undefined && this.#inner.stillAdmits(user, clientId))
  }

  /** With another `local_username` the bridge comes back for what waits. */
  knows({ method }: Principal): boolean {
    return method === 'bridge'
  }

  recall(): undefined {
    return undefined
  }

  presharedKey(): undefined {
    return undefined
  }

  admitsKey(): boolean {
    return false
  }

  admitsCertificate(): boolean {
    return true
  }

  /** `clientid_prefixes` is for those who choose their client id themselves. */
  admitsClientId(): boolean {
    return true
  }

  access(principal: Principal, clientId: string): Access {
    const user = this.#user
    if (this.#username === undefined) return createAccess(undefined, principal, clientId, this.#log)
    return user === undefined ? noAccess : this.#inner.access(user, clientId)
  }

  explain(candidate: Candidate, clientId: string, question: AccessQuestion): Explanation {
    if (this.#username !== undefined) return this.#inner.explain(candidate, clientId, question)
    return explainAccess(createAccess(undefined, candidate, clientId, this.#log), question)
  }

  /** undefined where the rules let in nobody of that name. */
  get #user(): Principal | undefined {
    return this.#username === undefined ? undefined : this.#inner.recall(this.#username)
  }
}

const noAccess: Access = {
  publish: () => undefined,
  receive: () => false,
  subscribe: () => false,
  unsubscribe: () => false,
}
