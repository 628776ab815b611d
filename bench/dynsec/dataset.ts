// A file of dynamic security as large as the largest sites have it, in the form that Mosquitto 2.0 reads.

import { pbkdf2Sync, randomBytes } from 'node:crypto'

export interface Size {
  readonly clients: number
  readonly roles: number
  readonly groups: number
}

export const administrator = { username: 'admin', password: 'adminpw' } as const
/** The client whose messages are counted. */
export const publisher = { username: 'client-000000', password: 'publisherpw' } as const
/** Held by every client. */
export const commonRole = 'common'
/** Every client may publish and subscribe below it. */
export const commonTopic = 'common'

const iterations = 101
const saltBytes = 12
const hashBytes = 64
const control = '$CONTROL/dynamic-security/#'

/**
 * Each client has the common role and one of the others, and is in one group; each group has a role.
 *
 * @param isShared whether there is a group of all clients, too
 */
export function fileOf(size: Size, isShared: boolean): string {
  const clients = range(size.clients).map(index => ({
    username: clientName(index),
    textname: `Device ${index}`,
    ...(index === 0 ? hashed(publisher.password) : random()),
    roles: [{ rolename: commonRole }, { rolename: roleName(index % size.roles) }],
  }))
  const groups = range(size.groups).map(index => ({
    groupname: groupName(index),
    roles: [{ rolename: roleName(index % size.roles) }],
    clients: membersOf(index, size),
  }))
  const all = { groupname: 'everybody', roles: [], clients: clients.map(({ username }) => ({ username })) }
  const roles = range(size.roles).map(index => ({ rolename: roleName(index), acls: aclsFor(`role/${index}/#`) }))
  return JSON.stringify({
    defaultACLAccess: { publishClientSend: false, publishClientReceive: true, subscribe: false, unsubscribe: true },
    clients: [
      { username: administrator.username, ...hashed(administrator.password), roles: [{ rolename: 'admin' }] },
      ...clients,
    ],
    groups: isShared ? [all, ...groups] : groups,
    roles: [
      { rolename: 'admin', acls: aclsFor(control) },
      { rolename: commonRole, acls: aclsFor(`${commonTopic}/#`) },
      ...roles,
    ],
  })
}

export function clientName(index: number): string {
  return `client-${padded(index)}`
}

export function groupName(index: number): string {
  return `group-${padded(index)}`
}

export function roleName(index: number): string {
  return `role-${padded(index)}`
}

/** The clients whose number ends so. */
export function membersOf(group: number, { clients, groups }: Size): readonly { readonly username: string }[] {
  return range(Math.ceil((clients - group) / groups)).map(turn => ({ username: clientName(turn * groups + group) }))
}

export function aclsFor(topic: string) {
  const types = ['publishClientSend', 'publishClientReceive', 'subscribePattern']
  return types.map(acltype => ({ acltype, topic, priority: 0, allow: true }))
}

function hashed(password: string) {
  const salt = randomBytes(saltBytes)
  const hash = pbkdf2Sync(password, salt, iterations, hashBytes, 'sha512')
  return { password: hash.toString('base64'), salt: salt.toString('base64'), iterations }
}

/** As long as a hash, and nobody's. */
function random() {
  const [password, salt] = [randomBytes(hashBytes), randomBytes(saltBytes)]
  return { password: password.toString('base64'), salt: salt.toString('base64'), iterations }
}

function padded(index: number): string {
  return String(index).padStart(6, '0')
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}
