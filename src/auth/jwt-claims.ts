// What a token says of rights, in the claims that the options name: roles and groups of dynamic security, and topics. A claim that
// is there and is not what it should be refuses the token: half of it would be a guess.

import type { JWTPayload } from 'jose'
import { topicFilterFault } from '../topic/name.ts'
import { isDeceptive } from '../x509/certificate-name.ts'
import type { Given, TopicGrants } from './principal.ts'

export interface ClaimRules {
  /** undefined: tokens give none. */
  readonly rolesClaim: string | undefined
  readonly groupsClaim: string | undefined
  /** undefined: tokens say nothing of topics. */
  readonly aclClaim: string | undefined
}

export type ClaimedRights = Pick<Given, 'roles' | 'groups' | 'topics'>

/** Roles, and groups, in one token. */
export const mostClaimedNames = 64

/** Characters of the name of a role or a group. */
export const longestClaimedName = 256

/** Topic filters of one token for each of `publish` and `subscribe`. */
export const mostClaimedFilters = 128

/** @returns what the token gives, or why it cannot be used, in words that hold nothing of the token */
export function claimedRights(claims: JWTPayload, rules: ClaimRules): ClaimedRights | { readonly fault: string } {
  const { rolesClaim, groupsClaim, aclClaim } = rules
  const roles = rolesClaim === undefined ? [] : namesIn(claims[rolesClaim])
  if (roles === undefined) return { fault: 'token with roles that cannot be read (jwt_roles_claim)' }
  const groups = groupsClaim === undefined ? [] : namesIn(claims[groupsClaim])
  if (groups === undefined) return { fault: 'token with groups that cannot be read (jwt_groups_claim)' }
  if (aclClaim === undefined) return { roles, groups, topics: undefined }
  if (claims[aclClaim] === undefined) return { fault: 'token without the claim of jwt_acl_claim' }
  const topics = topicsIn(claims[aclClaim])
  if (topics === undefined) return { fault: 'token with topics that cannot be read (jwt_acl_claim)' }
  return { roles, groups, topics }
}

/** A single name may stand without a list; none where the token has no such claim. */
function namesIn(claim: unknown): readonly string[] | undefined {
  if (claim === undefined) return []
  const names: unknown = typeof claim === 'string' ? [claim] : claim
  return Array.isArray(names) && names.length <= mostClaimedNames && names.every(isName) ? names : undefined
}

function isName(value: unknown): value is string {
  if (typeof value !== 'string' || value === '' || value.length > longestClaimedName) return false
  return value.isWellFormed() && !isDeceptive(value)
}

/** `{"publish": […], "subscribe": […]}`; a list that is left out is empty. */
function topicsIn(claim: unknown): TopicGrants | undefined {
  if (typeof claim !== 'object' || claim === null || Array.isArray(claim)) return undefined
  const { publish = [], subscribe = [], ...others } = claim as Readonly<Record<string, unknown>>
  if (Object.keys(others).length > 0 || !areFilters(publish) || !areFilters(subscribe)) return undefined
  return { publish, subscribe }
}

function areFilters(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= mostClaimedFilters && value.every(isFilter)
}

function isFilter(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed() && topicFilterFault(value) === undefined
}
