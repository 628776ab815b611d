// A realm that asks the program around the broker first, as the library's hooks have it: whom that lets in or turns away is
// settled, whom it leaves to others is judged by the inner realm. What the rules allow it can narrow, and not widen.

import type { Identity } from './identity.ts'
import { type Principal, provePrincipal, type TopicGrants } from './principal.ts'
import { type Access, type Authentication, deny, type EnhancedExchange, type Realm } from './realm.ts'
import { RealmAround } from './realm-around.ts'

export type ApplicationVerdict =
  | {
      readonly kind: 'allow'
      /** undefined for somebody who shall have no name. */
      readonly username: string | undefined
      /** What may be published on and received, and nothing else; undefined leaves that to the rules. */
      readonly topics: TopicGrants | undefined
    }
  | { readonly kind: 'deny'; readonly rule: string }
  | { readonly kind: 'defer' }

/** What the program says of clients. */
export interface Application {
  /** Never throws, and its promise is never rejected; undefined where the program leaves everybody to the inner realm. */
  readonly authenticate: ((identity: Identity) => ApplicationVerdict | Promise<ApplicationVerdict>) | undefined
  /** @returns an access that allows no more than the one it is given */
  narrow(access: Access, principal: Principal, clientId: string): Access
}

export function createApplicationRealm(inner: Realm, application: Application): Realm {
  return new ApplicationRealm(inner, application)
}

class ApplicationRealm extends RealmAround {
  readonly #application: Application

  constructor(inner: Realm, application: Application) {
    super(inner)
    this.#application = application
  }

  authenticate(identity: Identity): Authentication | Promise<Authentication> {
    const verdict = this.#application.authenticate?.(identity)
    if (verdict === undefined) return this.inner.authenticate(identity)
    return verdict instanceof Promise
      ? verdict.then(late => this.#concluded(late, identity))
      : this.#concluded(verdict, identity)
  }

  /** The program is asked with the password, which such a method does not show: it would be passed by. */
  beginExchange(method: string, identity: Identity): EnhancedExchange | undefined {
    return this.#application.authenticate === undefined ? this.inner.beginExchange(method, identity) : undefined
  }

  /** The program is asked at CONNECT alone; whom it does not want any more it disconnects. */
  stillAdmits(principal: Principal, clientId: string): boolean {
    if (principal.method === 'application') return this.#application.authenticate !== undefined
    return this.inner.stillAdmits(principal, clientId)
  }

  override knows(principal: Principal): boolean {
    return principal.method === 'application' || this.inner.knows(principal)
  }

  override get provesNames(): boolean {
    return this.#application.authenticate !== undefined || this.inner.provesNames
  }

  /** `explain` is by the rules alone: the program is not asked for an explanation. */
  override access(principal: Principal, clientId: string): Access {
    return this.#application.narrow(this.inner.access(principal, clientId), principal, clientId)
  }

  #concluded(verdict: ApplicationVerdict, identity: Identity): Authentication | Promise<Authentication> {
    if (verdict.kind === 'defer') return this.inner.authenticate(identity)
    if (verdict.kind === 'deny') return deny('not-authorized', verdict.rule)
    const { certificate, presharedKey } = identity
    const { username, topics } = verdict
    if (presharedKey !== undefined && !this.inner.admitsKey(presharedKey)) {
      return deny('not-authorized', 'psk_file changed since the handshake')
    }
    if (!this.inner.admitsCertificate({ certificate, username })) {
      return deny('not-authorized', 'certificate_username_match')
    }
    return { allowed: true, principal: provePrincipal(username, 'application', evidence, { topics }) }
  }
}

/** There is one program, and nothing of it to compare. */
const evidence = 'application'
