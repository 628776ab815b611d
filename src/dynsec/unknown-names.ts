// Roles and groups that somebody was given and that there are not: each is told of once.

import type { RightsHolder } from '../auth/user-directory.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import type { SecurityState } from './state.ts'

/** Names that are told of: tokens can bring any number of them. */
const mostNames = 1000

export class UnknownNames {
  readonly #log: Log
  readonly #told = new Set<string>()

  constructor(log: Log) {
    this.#log = log
  }

  note({ roles, groups }: RightsHolder, state: Pick<SecurityState, 'roles' | 'groups'>): void {
    for (const name of roles) if (state.roles.get(name) === undefined) this.#tell('role', name)
    for (const name of groups) if (state.groups.get(name) === undefined) this.#tell('group', name)
  }

  #tell(kind: 'role' | 'group', name: string): void {
    const what = `${kind} "${escapeText(name)}"`
    if (this.#told.size >= mostNames || this.#told.has(what)) return
    this.#told.add(what)
    this.#log.write('notice', `Dynamic security: ${what}, which somebody was given, does not exist and gives nothing.`)
  }
}
