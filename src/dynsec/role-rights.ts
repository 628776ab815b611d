// What one user may do: its roles in their order, then the default. The first rule that speaks of a topic decides.

import { isControlTopic } from '../auth/access.ts'
import { byDefault, mostRules, type Source, type SpeakingRule } from '../auth/explanation.ts'
import type { DirectoryAction, Rights, RightsSubject } from '../auth/user-directory.ts'
import type { DefaultAccess, DefaultAclType } from './model.ts'
import type { RoleRule, RoleRules } from './role-rules.ts'

const defaultTypes = {
  publish: 'publishClientSend',
  receive: 'publishClientReceive',
  subscribe: 'subscribe',
  unsubscribe: 'unsubscribe',
} as const satisfies Record<DirectoryAction, DefaultAclType>

/** Roles that come from the same hand, in the order in which they are asked. */
export interface HeldRoles {
  readonly roles: readonly RoleRules[]
  /** By which group; undefined for roles that are held without one. */
  readonly group: string | undefined
  /** Whether roles or group came with the proof of who it is. */
  readonly isGiven: boolean
}

export class RoleRights implements Rights {
  readonly #held: readonly HeldRoles[]
  readonly #defaultAccess: DefaultAccess
  /** Made when it is first asked for. */
  #roles: readonly string[] | undefined = undefined

  /** @param held in the order in which they are asked */
  constructor(held: readonly HeldRoles[], defaultAccess: DefaultAccess) {
    this.#held = held
    this.#defaultAccess = defaultAccess
  }

  get roles(): readonly string[] {
    this.#roles ??= this.#held.flatMap(({ roles }) => roles.map(({ name }) => name))
    return this.#roles
  }

  allows(action: DirectoryAction, topic: string, subject: RightsSubject): boolean {
    const held = this.#held
    for (let i = 0; i < held.length; i++) {
      const { roles } = held[i] as HeldRoles
      for (let j = 0; j < roles.length; j++) {
        const rule = (roles[j] as RoleRules).find(action, topic, subject, 0)
        if (rule !== undefined) return rule.allow
      }
    }
    return this.#allowsByDefault(action, topic)
  }

  consult(action: DirectoryAction, topic: string, subject: RightsSubject): readonly [roles: Source, rest: Source] {
    const rules: SpeakingRule[] = []
    const seen = new Set<RoleRules>()
    let looked = 0
    for (const held of this.#held) {
      for (const role of held.roles) {
        // What a role says counts where it is held first; whoever takes a rule from it takes it from all places.
        if (seen.has(role)) continue
        seen.add(role)
        looked += role.size(action)
        let rule = role.find(action, topic, subject, 0)
        while (rule !== undefined && rules.length < mostRules) {
          rules.push(speaking(rule, role.name, held))
          rule = role.find(action, topic, subject, rule.place)
        }
      }
    }
    const notes = rules.length === 0 ? namesWithoutGrants(subject) : []
    return [{ name: 'dynamic security', looked, rules, notes }, this.#default(action, topic)]
  }

  #default(action: DirectoryAction, topic: string): Source {
    const acltype = defaultTypes[action]
    const allows = this.#allowsByDefault(action, topic)
    const isCovered = allows === this.#defaultAccess[acltype]
    const text = isCovered
      ? `default access: ${acltype} ${allows ? 'allow' : 'deny'}`
      : 'default access: never for $CONTROL, which is granted by name or not at all'
    return byDefault(allows, text, { acltype })
  }

  /** Control of the broker is granted by name or not at all. */
  #allowsByDefault(action: DirectoryAction, topic: string): boolean {
    return this.#defaultAccess[defaultTypes[action]] && !isControlTopic(topic)
  }
}

function speaking({ allow, acl, number }: RoleRule, role: string, { group, isGiven }: HeldRoles): SpeakingRule {
  const by = [...(group === undefined ? [] : [`via group '${group}'`]), ...(isGiven ? ['given with the login'] : [])]
  const via = by.length === 0 ? '' : `  ${by.join(', ')}`
  const held = { role, group, given: isGiven || undefined }
  if (acl === undefined) {
    const text = `role '${role}' allowwildcardsubs false: no filter with + or #${via}`
    return { allows: allow, text, details: { ...held, allowwildcardsubs: false } }
  }
  const { type, topic, priority } = acl
  const text = `role '${role}' acl #${number} (priority ${priority}): ${type} ${allow ? 'allow' : 'deny'} ${topic}${via}`
  return { allows: allow, text, details: { ...held, acl: number, acltype: type, topic, priority, allow } }
}

/** Why a rule with `%c` or `%u` that seems to fit does not. */
function namesWithoutGrants({ granted, denied }: RightsSubject): readonly string[] {
  const fault = 'is not the name of one level: nothing is granted by'
  const notes = []
  if (granted.clientId !== denied.clientId) notes.push(`the client id '${denied.clientId}' ${fault} %c`)
  if (granted.username !== denied.username) notes.push(`the user name '${denied.username}' ${fault} %u`)
  return notes
}
