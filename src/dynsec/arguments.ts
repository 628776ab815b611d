// What a command was given, taken out by kind: what is missing or of another kind is refused in Mosquitto's words.

import { CommandError } from './errors.ts'
import { booleanOf, integerOf, isMqttText, isObject, type JsonObject, member, textOf } from './json.ts'
import { noPriority } from './model.ts'
import { priorityOf } from './priority.ts'

/** A name in a list, with its priority. */
export interface Listed {
  readonly name: string
  readonly priority: number
}

type NameKey = 'username' | 'groupname' | 'rolename'

const notUtf8: Readonly<Record<NameKey, string>> = {
  username: 'Username not valid UTF-8',
  groupname: 'Group name not valid UTF-8',
  rolename: 'Role name not valid UTF-8',
}

export class CommandArguments {
  readonly object: JsonObject

  constructor(object: JsonObject) {
    this.object = object
  }

  name(key: NameKey): string {
    const name = this.text(key, `Invalid/missing ${key}`)
    if (!isMqttText(name)) throw new CommandError(notUtf8[key])
    return name
  }

  /** Not empty: for whatever is to have the name. */
  newName(key: NameKey): string {
    const name = this.name(key)
    if (name === '') throw new CommandError(`Empty ${key}`)
    return name
  }

  text(key: string, refusal: string): string {
    const text = textOf(this.object, key)
    if (text === undefined) throw new CommandError(refusal)
    return text
  }

  /** @returns undefined when it is not there */
  optionalText(key: string, refusal: string): string | undefined {
    return this.any(key) === undefined ? undefined : this.text(key, refusal)
  }

  /** @returns undefined when it is not there, or no text at all */
  anyText(key: string): string | undefined {
    return textOf(this.object, key)
  }

  any(key: string): unknown {
    return member(this.object, key)
  }

  integer(key: string, fallback: number): number {
    return integerOf(this.object, key, fallback)
  }

  boolean(key: string, fallback: boolean): boolean {
    return booleanOf(this.object, key, fallback)
  }

  get priority(): number {
    return priorityOf(this.object, noPriority)
  }

  /** @returns undefined when it is no list */
  list(key: string): readonly unknown[] | undefined {
    const value = this.any(key)
    return Array.isArray(value) ? value : undefined
  }

  /**
   * The names of a list; of one that comes again the first counts.
   *
   * @returns undefined when it is not there
   * @throws CommandError with `refusal` when it is no list of named objects
   */
  names(key: 'roles' | 'groups' | 'clients', nameKey: NameKey, refusal: string): readonly Listed[] | undefined {
    if (this.any(key) === undefined) return undefined
    const listed = new Map<string, Listed>()
    const list = this.list(key)
    if (list === undefined) throw new CommandError(refusal)
    for (const entry of list) {
      const name = isObject(entry) ? textOf(entry, nameKey) : undefined
      if (name === undefined) throw new CommandError(refusal)
      if (!listed.has(name)) listed.set(name, { name, priority: priorityOf(entry as JsonObject, noPriority) })
    }
    return [...listed.values()]
  }
}
