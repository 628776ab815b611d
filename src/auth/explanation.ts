// Why the rules answer as they do: the sources in the order in which they are asked, and of each the rules that speak of what was
// asked. A decision is the first rule of that list, so the second is what would decide without it.

import { assert } from '../base/errors.ts'
import { topicNameFault } from '../topic/name.ts'
import { parseTopicFilter } from '../topic/shared.ts'
import type { DirectoryAction } from './user-directory.ts'

export const accessActions = [
  'publish',
  'receive',
  'subscribe',
  'unsubscribe',
] as const satisfies readonly DirectoryAction[]

/** What somebody wants to do. */
export interface AccessQuestion {
  readonly action: DirectoryAction
  /** A topic name, or for subscriptions the full filter, as rules see it: on the mount point. */
  readonly topic: string
  /** Whether what is published is a will, or to be retained; for the explanation, but that no will goes to `$CONTROL`. */
  readonly isWill: boolean
  readonly isRetained: boolean
}

/** A rule that speaks of what was asked. Its texts are as they were written: whoever shows them escapes them. */
export interface SpeakingRule {
  readonly allows: boolean
  /** Where it stands and what it says, for people. */
  readonly text: string
  /** The same for programs. */
  readonly details: Readonly<Record<string, string | number | boolean | undefined>>
  /** Whether it is a part of the program, which nobody can take away. */
  readonly isFixed?: boolean
}

/** What one source of rules says. */
export interface Source {
  readonly name: 'broker' | 'token' | 'dynamic security' | 'acl_file' | 'default'
  /** How many rules it has for this client. */
  readonly looked: number
  /** Those that speak, in the order in which they are asked; `mostRules` at most. */
  readonly rules: readonly SpeakingRule[]
  /** What is good to know: why it is not asked, what it allows to others. As raw as rules are. */
  readonly notes: readonly string[]
}

/** Rules that one source tells of: a role may have any number. */
export const mostRules = 100

export interface Explanation extends AccessQuestion {
  readonly allowed: boolean
  readonly decidedBy: SpeakingRule
  /** What would decide without that rule; undefined where it cannot be taken away. */
  readonly without: SpeakingRule | undefined
  /** In the order in which they are asked. */
  readonly sources: readonly Source[]
}

/** @param sources one of which has to speak */
export function explained(question: AccessQuestion, sources: readonly Source[]): Explanation {
  const [decidedBy, next] = sources.flatMap(({ rules }) => rules)
  assert(decidedBy !== undefined, 'there is a rule for everything')
  return {
    ...question,
    allowed: decidedBy.allows,
    decidedBy,
    without: decidedBy.isFixed ? undefined : next,
    sources,
  }
}

/** A source with nothing but the rule for whatever no other rule speaks of. */
export function byDefault(allows: boolean, text: string, details: SpeakingRule['details'] = {}): Source {
  return { name: 'default', looked: 0, rules: [{ allows, text, details, isFixed: true }], notes: [] }
}

/** Why nobody can ask this; undefined for a question that can be asked. */
export function questionFault({ action, topic }: Pick<AccessQuestion, 'action' | 'topic'>): string | undefined {
  if (action === 'publish' || action === 'receive') return topicNameFault(topic)
  const parsed = parseTopicFilter(topic)
  return 'fault' in parsed ? parsed.fault : undefined
}
