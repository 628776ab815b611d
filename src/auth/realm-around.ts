// A realm around another: who comes in it says itself, and leaves to the inner one what it has no word of its own on.

import type { AccessQuestion, Explanation } from './explanation.ts'
import type { Identity, ProvenKey } from './identity.ts'
import type { Principal } from './principal.ts'
import type { PresharedKey } from './psk-file.ts'
import type { Access, Authentication, Candidate, EnhancedExchange, Realm } from './realm.ts'

export abstract class RealmAround implements Realm {
  protected readonly inner: Realm

  constructor(inner: Realm) {
    this.inner = inner
  }

  abstract authenticate(identity: Identity): Authentication | Promise<Authentication>
  abstract beginExchange(method: string, identity: Identity): EnhancedExchange | undefined
  abstract stillAdmits(principal: Principal, clientId: string): boolean

  knows(principal: Principal): boolean {
    return this.inner.knows(principal)
  }

  get provesNames(): boolean {
    return this.inner.provesNames
  }

  recall(username: string | undefined): Principal | undefined {
    return this.inner.recall(username)
  }

  presharedKey(identity: string): PresharedKey | undefined {
    return this.inner.presharedKey(identity)
  }

  admitsKey(key: ProvenKey): boolean {
    return this.inner.admitsKey(key)
  }

  admitsCertificate(who: Pick<Identity, 'certificate' | 'username'>): boolean {
    return this.inner.admitsCertificate(who)
  }

  admitsClientId(clientId: string): boolean {
    return this.inner.admitsClientId(clientId)
  }

  access(principal: Principal, clientId: string): Access {
    return this.inner.access(principal, clientId)
  }

  explain(candidate: Candidate, clientId: string, question: AccessQuestion): Explanation {
    return this.inner.explain(candidate, clientId, question)
  }
}
