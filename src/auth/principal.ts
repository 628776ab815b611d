// The proof that somebody was authenticated. Only this room can make one: opening a session needs it.

import { assert } from '../base/errors.ts'
import type { CertificateIdentity } from '../x509/certificate-identity.ts'

export type AuthenticationMethod =
  | 'anonymous'
  | 'password'
  | 'certificate'
  | 'preshared-key'
  | 'SCRAM-SHA-256'
  | 'token'
  | 'application'
  | 'bridge'

/** What came with the proof beside the name: from a certificate, a token or a directory outside. */
export interface Given {
  /** Roles of dynamic security by name, in the order in which they are asked; names that it does not know give nothing. */
  readonly roles: readonly string[]
  /** Groups of dynamic security by name: their roles count, though the client is no member. */
  readonly groups: readonly string[]
  /** What a token allows by itself; undefined: that is for the rules to say. */
  readonly topics: TopicGrants | undefined
  /** undefined where the rules ask for nothing that is in it, too. */
  readonly certificate: ShownCertificate | undefined
}

/** Topic filters: what is not among them is not allowed. */
export interface TopicGrants {
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
}

/** A certificate that the client has shown, and what it was given for it: which is among `roles` and `groups`, too. */
export interface ShownCertificate extends Pick<Given, 'roles' | 'groups'> {
  readonly identity: CertificateIdentity
}

/** @see provePrincipal */
export interface ProofDetails extends Partial<Given> {
  /** Asked anew each time, see `Principal.msLeft`. */
  readonly msLeft?: () => number
}

const none: readonly string[] = []

class ProvenPrincipal implements Given {
  declare protected readonly proven: true
  /** undefined for an anonymous client. */
  readonly username: string | undefined
  readonly method: AuthenticationMethod
  /**
   * What was the evidence, compared when rules are reloaded: the password entry's digest, the name's place in the
   * certificate and the certificate's fingerprint, the pre-shared key's digest, or the digests of a token's rules and key.
   * Never the secret itself.
   */
  readonly evidence: string
  readonly roles: readonly string[]
  readonly groups: readonly string[]
  readonly topics: TopicGrants | undefined
  readonly certificate: ShownCertificate | undefined
  readonly #msLeft: (() => number) | undefined
  constructor(
    username: string | undefined,
    method: AuthenticationMethod,
    evidence: string,
    { roles, groups, topics, certificate, msLeft }: ProofDetails,
  ) {
    this.username = username
    this.method = method
    this.evidence = evidence
    this.roles = roles ?? none
    this.groups = groups ?? none
    this.topics = topics
    this.certificate = certificate
    this.#msLeft = msLeft
  }

  static withCertificate(principal: ProvenPrincipal, certificate: ShownCertificate): ProvenPrincipal {
    const { username, method, evidence, topics } = principal
    const msLeft = principal.#msLeft
    return new ProvenPrincipal(username, method, evidence, {
      roles: [...principal.roles, ...certificate.roles],
      groups: [...principal.groups, ...certificate.groups],
      topics,
      certificate,
      ...(msLeft !== undefined && { msLeft }),
    })
  }

  /** Milliseconds until a token is over, 0 or less afterwards; undefined for a proof that has no end of its own. */
  get msLeft(): number | undefined {
    return this.#msLeft?.()
  }

  /**
   * Who owns the sessions this principal opens (features H4). Users are told apart by name whatever proved it; all
   * anonymous clients are one owner, also those that give a name nobody asked them to prove. What a bridge has is no client's,
   * be it of the user whose rights the bridge has.
   */
  get owner(): string {
    if (this.method === 'bridge') return `bridge:${this.username ?? ''}`
    return this.method === 'anonymous' || this.username === undefined ? 'anonymous' : `user:${this.username}`
  }
}

export type Principal = ProvenPrincipal

/** Makes the proof. A repository test allows calls only inside `auth/`. */
export function provePrincipal(
  username: string | undefined,
  method: AuthenticationMethod,
  evidence: string,
  details: ProofDetails = {},
): Principal {
  return new ProvenPrincipal(username, method, evidence, details)
}

/** The same proof, and what is given for the certificate that came with it, behind what was given before. */
export function withCertificate(principal: Principal, certificate: ShownCertificate): Principal {
  return ProvenPrincipal.withCertificate(principal, certificate)
}

/** Whether two lists of what was given have the same names, or filters, in the same order. */
export function areEqual(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, index) => name === other[index])
}

declare const permitted: unique symbol

/** A value that the rules allow; only `auth/` makes one, so an unchecked PUBLISH does not compile. */
export type Permitted<T> = T & { readonly [permitted]: true }

/** What was permitted for a topic holds for every message on it, as long as the rules stay. */
export function permitAlike<T extends { readonly topicName: string }>(
  permit: Permitted<{ readonly topicName: string }>,
  value: T,
): Permitted<T> {
  assert(value.topicName === permit.topicName, 'a permit is for its own topic')
  return value as Permitted<T>
}

/** What the broker publishes itself (`$SYS`, log topics) needs no rule to allow it. */
export function permitOwn<T>(message: T): Permitted<T> {
  return message as Permitted<T>
}
