// The commands about roles and their ACLs.

import { topicFilterFault } from '../../topic/name.ts'
import type { CommandArguments } from '../arguments.ts'
import type { Command, CommandContext } from '../command.ts'
import { CommandError } from '../errors.ts'
import { isMqttText, type JsonObject } from '../json.ts'
import { type Acl, type AclType, Role } from '../model.ts'
import { priorityOf } from '../priority.ts'
import { aclTypeOf, readAcls } from '../read-acls.ts'
import { changedTexts, listCommand, newTexts, setTexts } from './lists.ts'

export const roleCommands: Readonly<Record<string, Command>> = {
  createRole: { changes: true, run: createRole },
  deleteRole: { changes: true, run: deleteRole },
  getRole: { changes: false, run: getRole },
  listRoles: listCommand(
    'roles',
    ({ state }) => state.roles,
    role => role.describe(),
  ),
  modifyRole: { changes: true, run: modifyRole },
  addRoleACL: { changes: true, run: addRoleAcl },
  removeRoleACL: { changes: true, run: removeRoleAcl },
}

function createRole(given: CommandArguments, context: CommandContext): undefined {
  const rolename = given.newName('rolename')
  const texts = newTexts(given)
  const wildcards = given.any('allowwildcardsubs')
  if (wildcards !== undefined && typeof wildcards !== 'boolean') throw new CommandError('Invalid allowwildcardsubs')
  const { state } = context
  if (state.roles.get(rolename) !== undefined) throw new CommandError('Role already exists')
  const role = new Role(rolename)
  setTexts(role, texts)
  state.roles.add(role)
  state.setRules(role, readAcls(given.object), wildcards ?? true)
  context.effects.create(role)
  context.audit({ rolename })
}

function deleteRole(given: CommandArguments, context: CommandContext): undefined {
  const role = context.role(given.name('rolename'))
  context.effects.disconnectHolders(role, context.state)
  context.state.deleteRole(role)
  context.audit({ rolename: role.name })
}

function getRole(given: CommandArguments, context: CommandContext): JsonObject {
  const role = context.role(given.name('rolename'))
  context.audit({ rolename: role.name })
  return { role: role.describe() }
}

function modifyRole(given: CommandArguments, context: CommandContext): undefined {
  const role = context.role(given.name('rolename'), 'Role does not exist')
  const allowWildcardSubs = given.boolean('allowwildcardsubs', role.allowWildcardSubs)
  const acls = given.list('acls') === undefined ? undefined : readAcls(given.object)
  setTexts(role, changedTexts(given))
  role.outdate()
  if (acls !== undefined || allowWildcardSubs !== role.allowWildcardSubs) {
    context.state.setRules(role, acls ?? role.acls, allowWildcardSubs)
    context.effects.disconnectHolders(role, context.state)
  }
  context.audit({ rolename: role.name })
}

function addRoleAcl(given: CommandArguments, context: CommandContext): undefined {
  const role = context.role(given.name('rolename'))
  const { type, topic } = aclOf(given)
  if (findAcl(role, type, topic) !== undefined) throw new CommandError('ACL with this topic already exists')
  const priority = priorityOf(given.object, 0)
  const allow = given.boolean('allow', false)
  context.state.setRules(role, [...role.acls, { type, topic, priority, allow }], role.allowWildcardSubs)
  context.effects.disconnectHolders(role, context.state)
  context.audit({ rolename: role.name, acltype: type, topic, priority, allow })
}

function removeRoleAcl(given: CommandArguments, context: CommandContext): undefined {
  const role = context.role(given.name('rolename'))
  const { type, topic } = aclOf(given)
  const removed = findAcl(role, type, topic)
  if (removed === undefined) throw new CommandError('ACL not found')
  const left = role.acls.filter(acl => acl !== removed)
  context.state.setRules(role, left, role.allowWildcardSubs)
  context.effects.disconnectHolders(role, context.state)
  context.audit({ rolename: role.name, acltype: type, topic })
}

function aclOf(given: CommandArguments): { readonly type: AclType; readonly topic: string } {
  const type = aclTypeOf(given.text('acltype', 'Invalid/missing acltype'))
  if (type === undefined) throw new CommandError('Unknown acltype')
  const topic = given.text('topic', 'Invalid/missing topic')
  if (!isMqttText(topic)) throw new CommandError('Topic not valid UTF-8')
  if (topicFilterFault(topic) !== undefined) throw new CommandError('Invalid ACL topic')
  return { type, topic }
}

function findAcl(role: Role, type: AclType, topic: string): Acl | undefined {
  return role.acls.find(acl => acl.type === type && acl.topic === topic)
}
