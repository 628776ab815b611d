// What is printed of an answer of dynamic security: mosquitto_ctrl's lines, which scripts read. Texts of a broker are escaped.

import { escapeText } from '../../base/escape.ts'
import { integerOf, type JsonObject, member, objectOf, objectsOf, textOf } from '../../dynsec/json.ts'

type Lines = readonly string[]

/** The names of a list, one a line. */
export function nameLines(key: string): (data: JsonObject) => Lines {
  return data => {
    const names = member(data, key)
    return Array.isArray(names) ? names.filter(name => typeof name === 'string').map(name => escapeText(name)) : []
  }
}

export function clientLines(data: JsonObject): Lines {
  const client = objectOf(data, 'client')
  const connections = objectsOf(client, 'connections').map(connection => shown(connection, 'address'))
  return [
    `Username: ${shown(client, 'username')}`,
    `Clientid: ${shown(client, 'clientid')}`.trimEnd(),
    ...(member(client, 'disabled') === true ? ['Disabled: true'] : []),
    ...column('Roles:    ', withPriorities(client, 'roles', 'rolename')),
    ...column('Groups:   ', withPriorities(client, 'groups', 'groupname')),
    ...column('Connections: ', connections),
  ]
}

export function groupLines(data: JsonObject): Lines {
  const group = objectOf(data, 'group')
  return [
    `Groupname: ${shown(group, 'groupname')}`,
    ...column('Roles:     ', withPriorities(group, 'roles', 'rolename')),
    ...column(
      'Clients:   ',
      objectsOf(group, 'clients').map(client => shown(client, 'username')),
    ),
  ]
}

export function roleLines(data: JsonObject): Lines {
  const role = objectOf(data, 'role')
  const acls = objectsOf(role, 'acls').map(
    acl => `${access(acl).padEnd(28)} : ${shown(acl, 'topic')} (priority: ${integerOf(acl, 'priority', 0)})`,
  )
  return [`Rolename: ${shown(role, 'rolename')}`, ...column('ACLs:     ', acls)]
}

export function defaultAccessLines(data: JsonObject): Lines {
  return objectsOf(data, 'acls').map(access)
}

/** The group of whoever has no name; an empty line for none. */
export function anonymousGroupLines(data: JsonObject): Lines {
  return [shown(objectOf(data, 'group'), 'groupname')]
}

/** Each member in a line of its own. */
export function memberLines(data: JsonObject): Lines {
  return Object.entries(data).map(([name, value]) => `${escapeText(name)}: ${escapeText(String(value))}`)
}

function access(acl: JsonObject): string {
  return `${shown(acl, 'acltype').padEnd(20)} : ${member(acl, 'allow') === true ? 'allow' : 'deny'}`
}

function withPriorities(object: JsonObject, key: string, nameKey: string): Lines {
  return objectsOf(object, key).map(entry => `${shown(entry, nameKey)} (priority: ${integerOf(entry, 'priority', -1)})`)
}

/** The first beside the heading, the others below it; nothing for none. */
export function column(heading: string, entries: Lines): Lines {
  return entries.map((entry, index) => `${index === 0 ? heading : ' '.repeat(heading.length)}${entry}`)
}

export function shown(object: JsonObject, key: string): string {
  return escapeText(textOf(object, key) ?? '', 65_535)
}
