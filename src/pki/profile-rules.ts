// What follows from a profile for one certificate: the names that it gets unasked, and when it begins and ends.

import type { JsonGeneralName } from '@peculiar/x509'
import { escapeText } from '../base/escape.ts'
import { seconds } from './ca-directory.ts'
import { PkiError } from './errors.ts'
import type { Issuer } from './issuer.ts'
import { alternativeName, isHostName } from './name-rules.ts'
import { backdateMs, type LeafProfile, maxBackdateMs } from './profiles.ts'

/** As `IssueOptions` have it. */
interface Life {
  readonly now: number
  readonly lifetimeDays?: number
  readonly backdateMs?: number
}

export function ownNames(profile: LeafProfile, name: string): JsonGeneralName[] {
  switch (profile.ownName) {
    case 'urn':
      return [{ type: 'url', value: `urn:device:${encodeURIComponent(name)}` }]
    case 'host':
      return [alternativeName(name)]
    case 'none':
      return []
  }
}

export function nameValue({ value }: JsonGeneralName): string {
  return value
}

/** Long host names are alternative names alone. */
export function hostCommonName(names: readonly JsonGeneralName[], first: string): string {
  const fitting = names.find(({ value }) => value.length <= 64)
  if (fitting === undefined) {
    throw new PkiError(`'${escapeText(first, 80)}' is too long for a CN (64 characters); name a shorter one, too`)
  }
  return isHostName(fitting.value) ? fitting.value.toLowerCase() : fitting.value
}

const dayMs = 24 * 60 * 60 * 1000

/** A leaf never outlives its issuer. */
export function validityOf(
  profile: LeafProfile,
  options: Life,
  issuer: Issuer,
): { notBefore: number; notAfter: number } {
  const { now, lifetimeDays = profile.lifetimeDays, backdateMs: backdate = backdateMs } = options
  if (!(lifetimeDays > 0 && lifetimeDays <= profile.maxLifetimeDays)) {
    throw new PkiError(`${lifetimeDays} days: the profile allows more than 0 and at most ${profile.maxLifetimeDays}`)
  }
  if (!(backdate >= 0 && backdate <= maxBackdateMs))
    throw new PkiError('a certificate is backdated by 36 hours at most')
  if (issuer.notAfter <= now) throw new PkiError(`the authority '${escapeText(issuer.name, 80)}' has expired`)
  const end = seconds(now + lifetimeDays * dayMs)
  return { notBefore: seconds(now - backdate), notAfter: Math.min(end, issuer.notAfter) }
}
