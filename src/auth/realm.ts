// What one listener's clients are judged by: the interface between the rules and the broker. A realm is immutable; a
// reload makes a new one.

import type { AccessQuestion, Explanation } from './explanation.ts'
import type { Identity, ProvenKey } from './identity.ts'
import type { Given, Permitted, Principal } from './principal.ts'
import type { PresharedKey } from './psk-file.ts'
import type { RightsHolder } from './user-directory.ts'

/** Why somebody is not let in, in words of this room; `broker/reason-code.ts` maps them to what a peer sees. */
export type DenialReason =
  | 'not-authorized'
  | 'bad-user-name-or-password'
  | 'client-identifier-not-valid'
  | 'bad-authentication-method'
  | 'banned'
  | 'busy'

/** What one source of a chain (`auth_order`) said, for log and explanation; holds no secret. */
export interface TrailEntry {
  readonly source: string
  readonly said: 'allowed' | 'denied' | 'deferred'
  /** Why; undefined where there is nothing to say about it. */
  readonly rule: string | undefined
}

export interface Denial {
  readonly allowed: false
  readonly reason: DenialReason
  /** The rule that decided, for log and audit; never shown to the peer and never holding a secret. */
  readonly rule: string
  /** The sources that were asked, in their order; left out where there is no chain. */
  readonly trail?: readonly TrailEntry[]
}

export function deny(reason: DenialReason, rule: string): Denial {
  return { allowed: false, reason, rule }
}

export interface Admission {
  readonly allowed: true
  readonly principal: Principal
  /** As in a denial. */
  readonly trail?: readonly TrailEntry[]
}

export type Authentication = Admission | Denial

/** One round of MQTT 5 enhanced authentication (§4.12). */
export type ExchangeStep =
  | { readonly kind: 'continue'; readonly data: Uint8Array }
  | { readonly kind: 'success'; readonly data: Uint8Array | undefined; readonly principal: Principal }
  | { readonly kind: 'denied'; readonly denial: Denial }

export interface EnhancedExchange {
  readonly method: string
  /** @param data the peer's Authentication Data, empty when absent */
  step(data: Uint8Array): ExchangeStep | Promise<ExchangeStep>
}

/**
 * What one principal may do under one client id, prepared at CONNECT and again when rules change. Answers come from
 * memory and allocate nothing.
 */
export interface Access {
  /** Names of the roles of dynamic security that hold for the client, in the order in which they are asked; absent: none. */
  readonly roles?: readonly string[]
  /** The same object, proven allowed, or undefined when the rules refuse it. */
  publish<T extends { readonly topicName: string }>(message: T): Permitted<T> | undefined
  /** Whether a message on this topic may be delivered to the client. */
  receive(topicName: string): boolean
  /**
   * Whether the client may make this subscription (ACL files let all through and filter each delivery, features F7).
   *
   * @param fullFilter `$share/…` included
   */
  subscribe(fullFilter: string): boolean
  /** Whether the client may give this subscription up. */
  unsubscribe(fullFilter: string): boolean
}

/** Somebody who is asked about: a principal, or whoever might be one. */
export type Candidate = RightsHolder & Partial<Pick<Given, 'topics'>>

export interface Realm {
  /** May hash a password off the event loop, hence the promise; anonymous and certificate clients are answered at once. */
  authenticate(identity: Identity): Authentication | Promise<Authentication>
  /** undefined when this listener does not offer the method (0x8C). */
  beginExchange(method: string, identity: Identity): EnhancedExchange | undefined
  /**
   * Whether a client that was let in under older rules would still be, with this client id; never asks for the secret
   * again.
   */
  stillAdmits(principal: Principal, clientId: string): boolean
  /** Whether the user exists here at all; one whose password was changed does, and keeps what waits in its sessions. */
  knows(principal: Principal): boolean
  /** Whether a user name has to be proven here; where not, it is only a word, and all clients are one owner. */
  readonly provesNames: boolean
  /**
   * Whom another broker, with these same rules, has let in: for sessions and retained messages that are taken over from it.
   *
   * @param username undefined for an anonymous client
   * @returns undefined where nobody of that name would be let in
   */
  recall(username: string | undefined): Principal | undefined
  /** The key of a client that begins a TLS handshake with this identity; undefined when nobody here has that identity. */
  presharedKey(identity: string): PresharedKey | undefined
  /** Whether a key that a handshake has proven is still the one of its identity. */
  admitsKey(key: ProvenKey): boolean
  /** Whether the certificate that a client has shown still goes with its user name (`certificate_username_match`). */
  admitsCertificate(who: Pick<Identity, 'certificate' | 'username'>): boolean
  /** Whether this client id may be used here (`clientid_prefixes`). */
  admitsClientId(clientId: string): boolean
  access(principal: Principal, clientId: string): Access
  /** How `access` decides, and why; also for somebody who has proven nothing, whom it therefore gives no access. */
  explain(candidate: Candidate, clientId: string, question: AccessQuestion): Explanation
}
