// dynamic-security.json of Mosquitto 2.0 and 2.1, read into clients, groups and roles. What Mosquitto passes over is passed
// over here, with a word; what is no such file at all is refused.

import { isUtf8 } from 'node:buffer'
import { PasswordHashError } from '../auth/password-hash.ts'
import { escapeText } from '../base/escape.ts'
import { topicFilterFault } from '../topic/name.ts'
import { unusableFile } from './errors.ts'
import { booleanOf, isObject, type JsonObject, member, objectsOf, textOf } from './json.ts'
import { Client, defaultAclTypes, Group, noPriority, Role } from './model.ts'
import { readPassword } from './password-fields.ts'
import { priorityOf } from './priority.ts'
import { readAcls } from './read-acls.ts'
import { closedByDefault, SecurityState } from './state.ts'

export interface ReadState {
  readonly state: SecurityState
  /** For the log, type `warning`: bounded, see `mostWarnings`. */
  readonly warnings: readonly string[]
}

/** A file that is wrong throughout must not fill the log. */
const mostWarnings = 20

/** @throws {DynamicSecurityError} for what is not JSON, or no object */
export function readState(bytes: Uint8Array, path: string): ReadState {
  const reader = new Reader()
  reader.read(parse(bytes, path))
  return { state: reader.state, warnings: reader.warnings }
}

function parse(bytes: Uint8Array, path: string): JsonObject {
  if (!isUtf8(bytes)) throw unusableFile(path, 'it is not UTF-8')
  let content: unknown
  try {
    content = JSON.parse(Buffer.from(bytes).toString())
  } catch {
    // The parser's own words quote the text, and hashes are in it.
    throw unusableFile(path, 'it is not JSON')
  }
  if (!isObject(content)) throw unusableFile(path, 'it holds no JSON object')
  return content
}

class Reader {
  readonly state = new SecurityState()
  readonly warnings: string[] = []

  read(file: JsonObject): void {
    const changeIndex = member(file, 'changeIndex')
    // Not as other integers are read: what the log follows has to be told to the last one.
    if (typeof changeIndex === 'number' && Number.isSafeInteger(changeIndex))
      this.state.changeIndex = Math.max(0, changeIndex)
    this.#readDefaultAccess(file)
    for (const entry of objectsOf(file, 'roles')) this.#readRole(entry)
    for (const entry of objectsOf(file, 'clients')) this.#readClient(entry)
    for (const entry of objectsOf(file, 'groups')) this.#readGroup(entry)
    const anonymousGroup = textOf(file, 'anonymousGroup')
    if (anonymousGroup !== undefined) this.state.anonymousGroup = this.state.groups.get(anonymousGroup)
  }

  #readDefaultAccess(file: JsonObject): void {
    const given = member(file, 'defaultACLAccess')
    if (!isObject(given)) return
    const access = defaultAclTypes.map(type => [type, booleanOf(given, type, closedByDefault[type])])
    this.state.defaultAccess = Object.fromEntries(access)
  }

  #readRole(entry: JsonObject): void {
    const name = this.#nameOf(entry, 'rolename', this.state.roles)
    if (name === undefined) return
    const role = new Role(name)
    readTexts(role, entry)
    const acls = readAcls(entry)
    for (const { type, topic } of acls) {
      if (topicFilterFault(topic) !== undefined) {
        this.#warn(`role "${escapeText(name)}" has a ${type} that matches nothing: "${escapeText(topic)}"`)
      }
    }
    this.state.roles.add(role)
    this.state.setRules(role, acls, booleanOf(entry, 'allowwildcardsubs', true))
  }

  #readClient(entry: JsonObject): void {
    const name = this.#nameOf(entry, 'username', this.state.clients)
    if (name === undefined) return
    const client = new Client(name)
    readTexts(client, entry)
    client.clientId = textOf(entry, 'clientid') || undefined
    client.isDisabled = booleanOf(entry, 'disabled', false)
    client.passwordText = this.#passwordOf(entry, name)
    this.state.clients.add(client)
    this.#giveRoles(client, entry)
  }

  #readGroup(entry: JsonObject): void {
    const name = this.#nameOf(entry, 'groupname', this.state.groups)
    if (name === undefined) return
    const group = new Group(name)
    readTexts(group, entry)
    this.state.groups.add(group)
    this.#giveRoles(group, entry)
    for (const listed of objectsOf(entry, 'clients')) {
      const client = this.state.clients.get(textOf(listed, 'username') ?? '')
      if (client !== undefined) this.state.addMember(group, client, priorityOf(listed, noPriority))
      else this.#warn(`group "${escapeText(name)}" has a client that does not exist`)
    }
  }

  #giveRoles(holder: Client | Group, entry: JsonObject): void {
    for (const listed of objectsOf(entry, 'roles')) {
      const role = this.state.roles.get(textOf(listed, 'rolename') ?? '')
      if (role !== undefined) this.state.giveRole(holder, role, priorityOf(listed, noPriority))
      else this.#warn(`"${escapeText(holder.name)}" has a role that does not exist`)
    }
  }

  #nameOf(entry: JsonObject, key: string, taken: { get(name: string): unknown }): string | undefined {
    const name = textOf(entry, key)
    if (name !== undefined && name !== '' && taken.get(name) === undefined) return name
    this.#warn(name === undefined || name === '' ? `an entry without ${key}` : `"${escapeText(name)}" a second time`)
    return undefined
  }

  /** Nobody is let in by a hash that cannot be checked. */
  #passwordOf(entry: JsonObject, username: string): string | undefined {
    try {
      return readPassword(entry)
    } catch (error) {
      if (!(error instanceof PasswordHashError)) throw error
      this.#warn(`client "${escapeText(username)}" has a password that cannot be checked: ${error.message}`)
      return undefined
    }
  }

  #warn(what: string): void {
    if (this.warnings.length < mostWarnings) this.warnings.push(`Warning: Dynamic security config: ${what}.`)
  }
}

function readTexts(entry: Client | Group | Role, object: JsonObject): void {
  entry.textName = textOf(object, 'textname')
  entry.textDescription = textOf(object, 'textdescription')
}
