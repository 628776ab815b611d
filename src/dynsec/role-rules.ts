// One role, made ready to be asked: which of its rules speak of a topic, one after the other.

import { TopicPattern } from '../auth/topic-pattern.ts'
import type { DirectoryAction, RightsSubject } from '../auth/user-directory.ts'
import { hasWildcard } from '../topic/name.ts'
import type { Acl, AclType, Role } from './model.ts'

/** A rule as it is asked. */
export interface RoleRule {
  readonly allow: boolean
  /** In the order in which the rules for an action are asked, from 1. */
  readonly place: number
  /** undefined for the switch that refuses wildcards. */
  readonly acl: Acl | undefined
  /** Where the ACL stands in `Role.acls`, from 1. */
  readonly number: number
}

interface PatternRule extends RoleRule {
  readonly pattern: TopicPattern
}

interface ActionRules {
  readonly literals: ReadonlyMap<string, RoleRule>
  readonly patterns: readonly PatternRule[]
}

/** `allowwildcardsubs false`: goes before all that the role says. */
const noWildcards: RoleRule = { allow: false, place: 1, acl: undefined, number: 0 }
const literalPlace = 2
const firstPatternPlace = 3

export class RoleRules {
  readonly name: string
  readonly #rules: Readonly<Record<DirectoryAction, ActionRules>>
  readonly #allowsWildcards: boolean

  constructor({ name, acls, allowWildcardSubs }: Pick<Role, 'name' | 'acls' | 'allowWildcardSubs'>) {
    this.name = name
    this.#allowsWildcards = allowWildcardSubs
    const of = (pattern: AclType, literal?: AclType) => ({
      literals: literalRules(acls, literal),
      patterns: patternRules(acls, pattern),
    })
    this.#rules = {
      publish: of('publishClientSend'),
      receive: of('publishClientReceive'),
      subscribe: of('subscribePattern', 'subscribeLiteral'),
      unsubscribe: of('unsubscribePattern', 'unsubscribeLiteral'),
    }
  }

  /** How many rules there are for an action. */
  size(action: DirectoryAction): number {
    const { literals, patterns } = this.#rules[action]
    return literals.size + patterns.length + (action === 'subscribe' && !this.#allowsWildcards ? 1 : 0)
  }

  /**
   * The first rule that speaks of the topic: the switch for wildcards, then the literal, then patterns in their order.
   *
   * @param after the place behind which to look; 0 for all
   * @returns undefined when the role says nothing more of the topic
   */
  find(action: DirectoryAction, topic: string, subject: RightsSubject, after: number): RoleRule | undefined {
    const isRefused = action === 'subscribe' && !this.#allowsWildcards && hasWildcard(topic)
    if (isRefused && after < noWildcards.place) return noWildcards
    const { literals, patterns } = this.#rules[action]
    const literal = after < literalPlace ? literals.get(topic) : undefined
    if (literal !== undefined) return literal
    for (let i = Math.max(0, after - literalPlace); i < patterns.length; i++) {
      const rule = patterns[i] as PatternRule
      if (rule.pattern.covers(topic, rule.allow ? subject.granted : subject.denied)) return rule
    }
    return undefined
  }
}

/** Exact filters. */
function literalRules(acls: readonly Acl[], type: AclType | undefined): ReadonlyMap<string, RoleRule> {
  const rules = new Map<string, RoleRule>()
  acls.forEach((acl, index) => {
    if (acl.type === type) rules.set(acl.topic, { allow: acl.allow, place: literalPlace, acl, number: index + 1 })
  })
  return rules
}

/** In the order of the role's list, which is theirs: the highest priority first. */
function patternRules(acls: readonly Acl[], type: AclType): readonly PatternRule[] {
  const rules: PatternRule[] = []
  acls.forEach((acl, index) => {
    if (acl.type !== type) return
    const place = firstPatternPlace + rules.length
    rules.push({ allow: acl.allow, place, acl, number: index + 1, pattern: new TopicPattern(acl.topic) })
  })
  return rules
}
