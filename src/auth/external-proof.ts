// The principals of users that a service outside has let in. The evidence says which service it was, and tells one proof from
// another: whatever else is added to a principal, what the service says later is about this one.

import type { ExternalRights, ExternalService } from './external-service.ts'
import { areEqual, type Principal, provePrincipal, type TopicGrants, withCertificate } from './principal.ts'

type Service = Pick<ExternalService, 'name' | 'fingerprint'>

/** @param proofId tells the proof from all others; without a colon */
export function proveExternal(username: string, service: Service, proofId: string, rights: ExternalRights): Principal {
  return provePrincipal(username, 'password', `${prefix(service)}${proofId}`, rights)
}

/** Whether a service of this name has let the principal in, be it this one or one that was there before. */
export function isOf(name: Service['name'], { method, evidence }: Principal): boolean {
  return method === 'password' && evidence.startsWith(`${name}:`)
}

/** Whether this very service has. */
export function isProvenBy(service: Service, { method, evidence }: Principal): boolean {
  return method === 'password' && evidence.startsWith(prefix(service))
}

/** Whether what came with both proofs is the same. */
export function haveSameRights(one: Principal, other: Principal): boolean {
  return (
    areEqual(one.roles, other.roles) && areEqual(one.groups, other.groups) && grantTheSame(one.topics, other.topics)
  )
}

/** A later proof of the same user, with what the client's certificate has given beside the earlier one. */
export function succeed(next: Principal, { certificate }: Principal): Principal {
  return certificate === undefined ? next : withCertificate(next, certificate)
}

/** The digest of a password entry, the evidence of other passwords, holds no colon. */
function prefix({ name, fingerprint }: Service): string {
  return `${name}:${fingerprint}:`
}

function grantTheSame(one: TopicGrants | undefined, other: TopicGrants | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  return areEqual(one.publish, other.publish) && areEqual(one.subscribe, other.subscribe)
}
