// What one user may do: its roles in their order, then the default. The first that speaks of a topic decides.

import { isControlTopic } from '../auth/access.ts'
import type { DirectoryAction, Rights, RightsSubject } from '../auth/user-directory.ts'
import type { DefaultAccess, DefaultAclType } from './model.ts'
import type { RoleRules } from './role-rules.ts'

const defaultTypes = {
  publish: 'publishClientSend',
  receive: 'publishClientReceive',
  subscribe: 'subscribe',
  unsubscribe: 'unsubscribe',
} as const satisfies Record<DirectoryAction, DefaultAclType>

export class RoleRights implements Rights {
  readonly #roles: readonly RoleRules[]
  readonly #defaultAccess: DefaultAccess

  /** @param roles the user's own by priority, then those of its groups */
  constructor(roles: readonly RoleRules[], defaultAccess: DefaultAccess) {
    this.#roles = roles
    this.#defaultAccess = defaultAccess
  }

  allows(action: DirectoryAction, topic: string, subject: RightsSubject): boolean {
    const roles = this.#roles
    for (let i = 0; i < roles.length; i++) {
      const decision = (roles[i] as RoleRules).decide(action, topic, subject)
      if (decision !== undefined) return decision
    }
    // Control of the broker is granted by name or not at all.
    return this.#defaultAccess[defaultTypes[action]] && !isControlTopic(topic)
  }
}
