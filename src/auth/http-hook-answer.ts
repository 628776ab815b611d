// The answer of the HTTP hook, read strictly: a member that is misspelt would leave a user with other rights than were meant.

import { escapeText } from '../base/escape.ts'
import { topicFilterFault } from '../topic/name.ts'
import type { ExternalAnswer, ExternalRights } from './external-service.ts'
import type { TopicGrants } from './principal.ts'

/** Bounds of an answer's lists and times. */
export const hookAnswerLimits = { roles: 64, topicFilters: 256, lifetimeSeconds: 86_400 } as const

const members = ['result', 'lifetime', 'roles', 'groups', 'publish', 'subscribe']

type Answer = Readonly<Record<string, unknown>>

/** @throws Error for everything that is not exactly an answer */
export function parseHookAnswer(text: string): ExternalAnswer {
  const answer = parseObject(text)
  const stranger = Object.keys(answer).find(name => !members.includes(name))
  if (stranger !== undefined) throw new Error(`the answer has a member "${escapeText(stranger, 32)}" that is not known`)
  switch (answer['result']) {
    case 'allow':
      return { kind: 'allow', rights: rightsIn(answer), lifetimeMs: lifetimeIn(answer) }
    case 'deny':
      return { kind: 'deny', rule: 'the HTTP hook says no' }
    case 'ignore':
      return { kind: 'defer', rule: 'the HTTP hook does not know the user' }
    default:
      throw new Error('the result of the answer is not "allow", "deny" or "ignore"')
  }
}

function parseObject(text: string): Answer {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The text of the error would show the answer.
    throw new Error('the answer is no JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('the answer is no object')
  return value as Answer
}

function lifetimeIn({ lifetime }: Answer): number | undefined {
  if (lifetime === undefined) return undefined
  const { lifetimeSeconds: most } = hookAnswerLimits
  if (typeof lifetime !== 'number' || !Number.isInteger(lifetime) || lifetime < 1 || lifetime > most) {
    throw new Error(`the lifetime of the answer is no whole number of seconds from 1 to ${most}`)
  }
  return lifetime * 1000
}

function rightsIn(answer: Answer): ExternalRights {
  const { roles: most } = hookAnswerLimits
  return { roles: names(answer, 'roles', most), groups: names(answer, 'groups', most), topics: topicsIn(answer) }
}

/** With one of the lists the other is empty, not left to somebody else. */
function topicsIn(answer: Answer): TopicGrants | undefined {
  if (answer['publish'] === undefined && answer['subscribe'] === undefined) return undefined
  return { publish: topicFilters(answer, 'publish'), subscribe: topicFilters(answer, 'subscribe') }
}

function topicFilters(answer: Answer, member: 'publish' | 'subscribe'): readonly string[] {
  const filters = names(answer, member, hookAnswerLimits.topicFilters)
  const fault = filters.map(topicFilterFault).find(found => found !== undefined)
  if (fault !== undefined) throw new Error(`"${member}" of the answer: ${fault}`)
  return filters
}

function names(answer: Answer, member: string, most: number): readonly string[] {
  const value = answer[member] ?? []
  if (!Array.isArray(value) || value.length > most || !value.every(isName)) {
    throw new Error(`"${member}" of the answer is no list of at most ${most} texts`)
  }
  return value
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.isWellFormed()
}
