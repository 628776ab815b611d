// Certificate policies, where an authority demands that there be one (RFC 5280 §6.1.3 (d) to (f), §6.1.4, §6.1.5): each below it
// must have a policy that those above it have, or have mapped to it. Which one does not matter: no option of the broker names one.

import type { X509Certificate } from 'node:crypto'
import { extensionOf } from './certificate-extension.ts'
import { type DerCursor, DerError, derTag } from './der.ts'
import type { Issuer } from './issuer.ts'

/** The contents of their OBJECT IDENTIFIERs. */
const certificatePolicies = Buffer.from([0x55, 0x1d, 0x20])
const policyMappings = Buffer.from([0x55, 0x1d, 0x21])
const policyConstraints = Buffer.from([0x55, 0x1d, 0x24])
const inhibitAnyPolicy = Buffer.from([0x55, 0x1d, 0x36])
/** 2.5.29.32.0, as hex like all policies here. */
const anyPolicy = '551d2000'

/** Context tags of PolicyConstraints. */
const requireExplicitPolicy = 0x80
const inhibitPolicyMapping = 0x81

/** Policies that hold for one certificate of a chain, each with those that the next one may have for it. */
type Level = Map<string, ReadonlySet<string>>

/** How many more certificates may come before something holds; 0 when it does. */
interface Skips {
  /** There has to be a policy. */
  explicit: number
  /** No policy is mapped to another. */
  mapping: number
  /** anyPolicy means none in particular. */
  any: number
}

/** Whether an authority's certificate can demand policies of those below. */
export function demandsPolicy(authority: X509Certificate): boolean {
  try {
    return extensionOf(authority.raw, policyConstraints) !== undefined
  } catch (error) {
    if (error instanceof DerError) return true
    throw error
  }
}

/** @returns why the chain does not have the policies that an authority of it demands */
export function policyFault(leaf: X509Certificate, issuer: Issuer): string | undefined {
  if (!issuer.demandsPolicy) return undefined
  const chain = [leaf]
  for (let at = issuer; at.parent !== undefined; at = at.parent) chain.unshift(at.certificate)
  try {
    return hasPolicy(chain) ? undefined : 'an authority above it demands a policy, and its chain has none in common'
  } catch (error) {
    if (error instanceof DerError) return 'its chain has policies that do not decode'
    throw error
  }
}

/** @param chain without the trust anchor, the leaf last */
function hasPolicy(chain: readonly X509Certificate[]): boolean {
  let level: Level = new Map([[anyPolicy, new Set([anyPolicy])]])
  const most = chain.length + 1
  const skips: Skips = { explicit: most, mapping: most, any: most }
  for (const [index, certificate] of chain.entries()) {
    const isLast = index === chain.length - 1
    const isSelfIssued = certificate.subject === certificate.issuer
    level = nextLevel(level, policiesOf(certificate), skips.any > 0 || (isSelfIssued && !isLast))
    if (skips.explicit === 0 && level.size === 0) return false
    if (!isLast && !map(level, mappingsOf(certificate), skips.mapping > 0)) return false
    if (isLast || !isSelfIssued) countDown(skips)
    constrain(skips, certificate)
  }
  return skips.explicit > 0 || level.size > 0
}

/** @param policies undefined when the certificate names none @param takesAny whether anyPolicy among them counts */
function nextLevel(level: Level, policies: ReadonlySet<string> | undefined, takesAny: boolean): Level {
  const next: Level = new Map()
  if (policies === undefined) return next
  const expected = new Set([...level.values()].flatMap(each => [...each]))
  for (const policy of policies) {
    if (policy !== anyPolicy && (level.has(anyPolicy) || expected.has(policy))) next.set(policy, new Set([policy]))
  }
  if (!policies.has(anyPolicy) || !takesAny) return next
  for (const policy of expected) if (!next.has(policy)) next.set(policy, new Set([policy]))
  return next
}

/** @returns false for a mapping that must not be: from or to anyPolicy */
function map(level: Level, mappings: ReadonlyMap<string, ReadonlySet<string>>, isAllowed: boolean): boolean {
  for (const [from, to] of mappings) {
    if (from === anyPolicy || to.has(anyPolicy)) return false
    if (!isAllowed) level.delete(from)
    else if (level.has(from) || level.has(anyPolicy)) level.set(from, to)
  }
  return true
}

function countDown(skips: Skips): void {
  skips.explicit = Math.max(skips.explicit - 1, 0)
  skips.mapping = Math.max(skips.mapping - 1, 0)
  skips.any = Math.max(skips.any - 1, 0)
}

function constrain(skips: Skips, { raw }: X509Certificate): void {
  const constraints = extensionOf(raw, policyConstraints)
  if (constraints !== undefined) {
    eachInside(constraints, cursor => {
      if (cursor.tag === requireExplicitPolicy) skips.explicit = Math.min(skips.explicit, numberAt(cursor))
      if (cursor.tag === inhibitPolicyMapping) skips.mapping = Math.min(skips.mapping, numberAt(cursor))
    })
  }
  const inhibit = extensionOf(raw, inhibitAnyPolicy)
  if (inhibit === undefined) return
  inhibit.expect(derTag.integer, inhibit.start, inhibit.end, 'inhibitAnyPolicy')
  skips.any = Math.min(skips.any, numberAt(inhibit))
}

function policiesOf({ raw }: X509Certificate): ReadonlySet<string> | undefined {
  const extension = extensionOf(raw, certificatePolicies)
  if (extension === undefined) return undefined
  const policies = new Set<string>()
  eachInside(extension, cursor => {
    cursor.expect(derTag.oid, cursor.start, cursor.end, 'a policy')
    policies.add(hexAt(cursor))
  })
  return policies
}

function mappingsOf({ raw }: X509Certificate): ReadonlyMap<string, ReadonlySet<string>> {
  const mappings = new Map<string, Set<string>>()
  const extension = extensionOf(raw, policyMappings)
  if (extension === undefined) return mappings
  eachInside(extension, cursor => {
    const { end } = cursor
    cursor.expect(derTag.oid, cursor.start, end, 'a policy')
    const from = hexAt(cursor)
    cursor.expect(derTag.oid, cursor.end, end, 'a policy')
    const known = mappings.get(from)
    if (known === undefined) mappings.set(from, new Set([hexAt(cursor)]))
    else known.add(hexAt(cursor))
  })
  return mappings
}

/** Calls for each element of the sequence that an extension's value is. */
function eachInside(cursor: DerCursor, visit: (cursor: DerCursor) => void): void {
  cursor.expect(derTag.sequence, cursor.start, cursor.end, 'an extension')
  const { end } = cursor
  for (let at = cursor.start; at < end; ) {
    cursor.read(at, end)
    at = cursor.end
    visit(cursor)
  }
}

/** Of an INTEGER, whatever its tag: never negative; one of more than four bytes is as good as without a limit. */
function numberAt({ bytes, start, end }: DerCursor): number {
  if (start === end || (bytes[start] as number) >= 0x80) throw new DerError('a number of certificates is negative')
  return end - start > 4
    ? Number.POSITIVE_INFINITY
    : Number.parseInt(Buffer.from(bytes.subarray(start, end)).toString('hex'), 16)
}

function hexAt({ bytes, start, end }: DerCursor): string {
  return Buffer.from(bytes.subarray(start, end)).toString('hex')
}
