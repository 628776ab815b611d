// What every command of dynamic security has: what it is given, what it may change, and what it answers.

import type { PasswordEntry } from '../auth/password-file.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import type { CommandArguments, Listed } from './arguments.ts'
import type { Effects } from './effects.ts'
import { CommandError } from './errors.ts'
import type { JsonObject } from './json.ts'
import type { Client, Group, Role } from './model.ts'
import type { Named, NameTable } from './name-table.ts'
import type { SecurityState } from './state.ts'

/** What stands in the response as `data`; undefined for nothing. */
export type CommandData = JsonObject | undefined

export interface Command {
  /** Whether it changes something: it is counted, and written down before it is answered. */
  readonly changes: boolean
  /** Whether it is given a password to keep. */
  readonly takesPassword?: true
  /** @throws CommandError when it cannot be carried out; nothing was changed then */
  run(given: CommandArguments, context: CommandContext): CommandData
}

export interface ContextParts {
  readonly state: SecurityState
  readonly effects: Effects
  readonly log: Log
  /** Who asks: client id and user name, as the log names them. */
  readonly requester: string
  /** The hash of the command's password; undefined when it has none. */
  readonly password: PasswordEntry | undefined
  /** Where the user is connected from. */
  readonly addressesOf: (username: string) => readonly string[]
}

/** One command as it is carried out. */
export class CommandContext {
  readonly state: SecurityState
  readonly effects: Effects
  readonly password: PasswordEntry | undefined
  readonly addressesOf: (username: string) => readonly string[]
  readonly #log: Log
  readonly #requester: string
  readonly #command: string

  constructor(parts: ContextParts, command: string) {
    this.state = parts.state
    this.effects = parts.effects
    this.password = parts.password
    this.addressesOf = parts.addressesOf
    this.#log = parts.log
    this.#requester = parts.requester
    this.#command = command
  }

  client(name: string): Client {
    return found(this.state.clients, name, 'Client not found')
  }

  group(name: string): Group {
    return found(this.state.groups, name, 'Group not found')
  }

  role(name: string, refusal = 'Role not found'): Role {
    return found(this.state.roles, name, refusal)
  }

  /** All of them, or none. */
  roles(listed: readonly Listed[]): ReadonlyMap<Role, number> {
    return new Map(listed.map(({ name, priority }) => [this.role(name), priority]))
  }

  groups(listed: readonly Listed[], refusal: string): ReadonlyMap<Group, number> {
    return new Map(listed.map(({ name, priority }) => [found(this.state.groups, name, refusal), priority]))
  }

  /** Tells the log what was done, in Mosquitto's form; values that nobody may see are left to the caller to mask. */
  audit(details: Readonly<Record<string, string | number | boolean>> = {}): void {
    if (!this.#log.enabled('information')) return
    const fields = Object.entries(details).map(([key, value]) => ` | ${key}=${escapeText(String(value))}`)
    this.#log.write('information', `dynsec: ${this.#requester} | ${this.#command}${fields.join('')}`)
  }
}

function found<T extends Named>(table: NameTable<T>, name: string, refusal: string): T {
  const entry = table.get(name)
  if (entry === undefined) throw new CommandError(refusal)
  return entry
}
