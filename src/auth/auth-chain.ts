// The ordered chain of those who know passwords (`auth_order`): each allows, denies or defers, and the first that does not defer
// decides. What each of them said is kept.

import { escapeText } from '../base/escape.ts'
import type { Identity } from './identity.ts'
import type { Authentication, TrailEntry } from './realm.ts'

/** In the order in which they are asked unless `auth_order` says otherwise. */
export const sourceNames = ['dynamic-security', 'password-file', 'http', 'ldap'] as const

export type SourceName = (typeof sourceNames)[number]

/** The user is not this source's matter: the next one is asked. */
export interface Deferral {
  readonly allowed: undefined
  readonly rule: string
  readonly trail?: readonly TrailEntry[]
}

export type SourceVerdict = Authentication | Deferral

export interface AuthSource {
  readonly name: SourceName
  /** @returns at once where the answer is known; a promise is never rejected */
  judge(username: string, identity: Identity): SourceVerdict | Promise<SourceVerdict>
}

export function defer(rule: string): Deferral {
  return { allowed: undefined, rule }
}

/** @returns sorted; those that the order does not name are left out */
export function inOrder<S extends { readonly name: SourceName }>(
  sources: readonly S[],
  order: readonly SourceName[],
): readonly S[] {
  return order.flatMap(name => sources.filter(source => source.name === name))
}

/**
 * Asks one after the other, those who come later only when all before have deferred.
 *
 * @returns with the trail; a deferral where all have deferred
 */
export function askInOrder(
  sources: readonly AuthSource[],
  username: string,
  identity: Identity,
): SourceVerdict | Promise<SourceVerdict> {
  return askFrom(0, sources, username, identity, [])
}

function askFrom(
  index: number,
  sources: readonly AuthSource[],
  username: string,
  identity: Identity,
  trail: readonly TrailEntry[],
): SourceVerdict | Promise<SourceVerdict> {
  const source = sources[index]
  if (source === undefined) return { ...defer('no source knows the user'), trail }
  const verdict = source.judge(username, identity)
  const goOn = (said: SourceVerdict) => {
    const longer = [...trail, entryOf(source.name, said)]
    return said.allowed === undefined
      ? askFrom(index + 1, sources, username, identity, longer)
      : { ...said, trail: longer }
  }
  return verdict instanceof Promise ? verdict.then(goOn) : goOn(verdict)
}

function entryOf(source: SourceName, verdict: SourceVerdict): TrailEntry {
  if (verdict.allowed === true) return { source, said: 'allowed', rule: undefined }
  return { source, said: verdict.allowed === false ? 'denied' : 'deferred', rule: verdict.rule }
}

/** For a line of the log: `dynamic-security deferred (no such user), http allowed`. */
export function describeTrail(trail: readonly TrailEntry[]): string {
  return trail
    .map(({ source, said, rule }) => `${source} ${said}${rule === undefined ? '' : ` (${escapeText(rule)})`}`)
    .join(', ')
}
