// What a service outside the broker is asked about a client, and what it answers: the interface that the HTTP hook and LDAP
// implement.

import type { CertificateIdentity } from '../x509/certificate-identity.ts'
import type { TopicGrants } from './principal.ts'

export interface ExternalQuestion {
  /** `renew` asks about somebody who is connected: there is no password any more. */
  readonly action: 'connect' | 'renew'
  readonly username: string
  readonly clientId: string
  /** undefined in a renewal, and where CONNECT had none. */
  readonly password: string | undefined
  /** Textual IP address, or `''` on a unix socket. */
  readonly address: string
  readonly certificate: CertificateIdentity | undefined
}

/** What the user may do beside what the broker's own rules say. */
export interface ExternalRights {
  /** Roles and groups of dynamic security, by name. */
  readonly roles: readonly string[]
  readonly groups: readonly string[]
  /** What may be published on and received, and nothing else; undefined leaves that to the broker's own rules. */
  readonly topics: TopicGrants | undefined
}

/** Who is connected is nobody else's matter: in a renewal `defer` ends the session as `deny` does. */
export type ExternalAnswer =
  | {
      readonly kind: 'allow'
      readonly rights: ExternalRights
      /** How long it counts, where the service says so, in milliseconds. */
      readonly lifetimeMs: number | undefined
    }
  | { readonly kind: 'deny'; readonly rule: string }
  | { readonly kind: 'defer'; readonly rule: string }

export interface ExternalService {
  readonly name: 'http' | 'ldap'
  /** A digest of what says who its users are: another service, other users. Gives nothing away. */
  readonly fingerprint: string
  /** Whether it can be asked about somebody whose password is not at hand. */
  readonly renews: boolean
  /**
   * Asks within its own limits of time and size.
   *
   * @throws Error for anything that is no answer; its message holds no secret
   */
  ask(question: ExternalQuestion): Promise<ExternalAnswer>
}
