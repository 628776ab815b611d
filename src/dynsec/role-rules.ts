// One role, made ready to be asked: what it says of a topic, or that it says nothing.

import { TopicPattern } from '../auth/topic-pattern.ts'
import type { DirectoryAction, RightsSubject } from '../auth/user-directory.ts'
import { hasWildcard } from '../topic/name.ts'
import type { Acl, AclType } from './model.ts'

interface PatternRule {
  readonly pattern: TopicPattern
  readonly allow: boolean
}

interface ActionRules {
  /** Exact filters, with what is said of them. */
  readonly literals: ReadonlyMap<string, boolean>
  /** In the order in which they are asked. */
  readonly patterns: readonly PatternRule[]
}

export class RoleRules {
  readonly #rules: Readonly<Record<DirectoryAction, ActionRules>>
  readonly #allowsWildcards: boolean

  /** @param acls in the order of `Role.acls` */
  constructor(acls: readonly Acl[], allowsWildcards: boolean) {
    this.#allowsWildcards = allowsWildcards
    const of = (pattern: AclType, literal?: AclType) => ({
      literals: new Map(acls.filter(({ type }) => type === literal).map(({ topic, allow }) => [topic, allow])),
      patterns: acls
        .filter(({ type }) => type === pattern)
        .map(({ topic, allow }) => ({ pattern: new TopicPattern(topic), allow })),
    })
    this.#rules = {
      publish: of('publishClientSend'),
      receive: of('publishClientReceive'),
      subscribe: of('subscribePattern', 'subscribeLiteral'),
      unsubscribe: of('unsubscribePattern', 'unsubscribeLiteral'),
    }
  }

  /** @returns undefined when the role does not speak of the topic */
  decide(action: DirectoryAction, topic: string, subject: RightsSubject): boolean | undefined {
    if (action === 'subscribe' && !this.#allowsWildcards && hasWildcard(topic)) return false
    const { literals, patterns } = this.#rules[action]
    const literal = literals.get(topic)
    if (literal !== undefined) return literal
    for (let i = 0; i < patterns.length; i++) {
      const { pattern, allow } = patterns[i] as PatternRule
      if (pattern.covers(topic, allow ? subject.granted : subject.denied)) return allow
    }
    return undefined
  }
}
