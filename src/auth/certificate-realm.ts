// A realm that gives roles and groups for certificates, whatever proves the name: a certificate alone, a password or token beside
// it. What is given is decided at the proof, and holds as long as the lines would give the same.

import type { CertificateIdentity } from '../x509/certificate-identity.ts'
import { type CertificateGrant, namesGiven } from './certificate-grants.ts'
import type { Identity } from './identity.ts'
import { areEqual, type Principal, type ShownCertificate, withCertificate } from './principal.ts'
import type { Authentication, EnhancedExchange, ExchangeStep, Realm } from './realm.ts'
import { RealmAround } from './realm-around.ts'

export interface CertificateRealmOptions {
  readonly inner: Realm
  readonly roles: readonly CertificateGrant[]
  readonly groups: readonly CertificateGrant[]
  /** Whether certificates are kept with the proof: patterns may ask for what is in them. */
  readonly keepsCertificates: boolean
}

export function createCertificateRealm(options: CertificateRealmOptions): Realm {
  return new CertificateRealm(options)
}

type GivenNames = Pick<ShownCertificate, 'roles' | 'groups'>

class CertificateRealm extends RealmAround {
  readonly #options: CertificateRealmOptions
  /** A client is asked about at each step of its CONNECT, and all of them at each change; the lines stay as they are. */
  readonly #names = new WeakMap<CertificateIdentity, GivenNames>()

  constructor(options: CertificateRealmOptions) {
    super(options.inner)
    this.#options = options
  }

  authenticate(identity: Identity): Authentication | Promise<Authentication> {
    const outcome = this.inner.authenticate(identity)
    return outcome instanceof Promise
      ? outcome.then(late => this.#completed(late, identity))
      : this.#completed(outcome, identity)
  }

  beginExchange(method: string, identity: Identity): EnhancedExchange | undefined {
    const exchange = this.inner.beginExchange(method, identity)
    if (exchange === undefined || identity.certificate === undefined) return exchange
    return {
      method,
      step: data => {
        const step = exchange.step(data)
        return step instanceof Promise
          ? step.then(late => this.#completedStep(late, identity))
          : this.#completedStep(step, identity)
      },
    }
  }

  stillAdmits(principal: Principal, clientId: string): boolean {
    return this.#stillGives(principal) && this.inner.stillAdmits(principal, clientId)
  }

  #completed(outcome: Authentication, identity: Identity): Authentication {
    return outcome.allowed ? { ...outcome, principal: this.#withNames(outcome.principal, identity) } : outcome
  }

  #completedStep(step: ExchangeStep, identity: Identity): ExchangeStep {
    return step.kind === 'success' ? { ...step, principal: this.#withNames(step.principal, identity) } : step
  }

  #withNames(principal: Principal, { certificate }: Identity): Principal {
    if (certificate === undefined) return principal
    const { roles, groups } = this.#namesFor(certificate)
    const isNeeded = this.#options.keepsCertificates || roles.length > 0 || groups.length > 0
    return isNeeded ? withCertificate(principal, { identity: certificate, roles, groups }) : principal
  }

  #namesFor(certificate: CertificateIdentity): GivenNames {
    let names = this.#names.get(certificate)
    if (names === undefined) {
      const { roles, groups } = this.#options
      names = { roles: namesGiven(roles, certificate), groups: namesGiven(groups, certificate) }
      this.#names.set(certificate, names)
    }
    return names
  }

  /** After a reload, lines may give more or less than they gave. */
  #stillGives({ certificate }: Principal): boolean {
    if (certificate === undefined) return true
    const { roles, groups } = this.#namesFor(certificate.identity)
    return areEqual(roles, certificate.roles) && areEqual(groups, certificate.groups)
  }
}
