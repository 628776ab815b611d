// The commands about groups, and about the group of clients without a name.

import type { CommandArguments, Listed } from '../arguments.ts'
import type { Command, CommandContext } from '../command.ts'
import { CommandError } from '../errors.ts'
import type { JsonObject } from '../json.ts'
import { type Client, Group, listOf, textsOf } from '../model.ts'
import { replaceRoles } from './clients.ts'
import { changedTexts, listCommand, newTexts, setTexts } from './lists.ts'

const badRoles = "'roles' not an array or missing/invalid rolename"
const unknownClient = "'clients' contains an object with a 'username' that does not exist"
const badClients = "'clients' contains an object with an invalid 'username'"

export const groupCommands: Readonly<Record<string, Command>> = {
  addGroupClient: { changes: true, run: addGroupClient },
  removeGroupClient: { changes: true, run: removeGroupClient },
  createGroup: { changes: true, run: createGroup },
  deleteGroup: { changes: true, run: deleteGroup },
  getGroup: { changes: false, run: getGroup },
  listGroups: listCommand('groups', ({ state }) => state.groups, describe),
  modifyGroup: { changes: true, run: modifyGroup },
  addGroupRole: { changes: true, run: addGroupRole },
  removeGroupRole: { changes: true, run: removeGroupRole },
  setAnonymousGroup: { changes: true, run: setAnonymousGroup },
  getAnonymousGroup: { changes: false, run: getAnonymousGroup },
}

function addGroupClient(given: CommandArguments, context: CommandContext): undefined {
  const { client, group } = clientAndGroup(given, context)
  if (group.clients.has(client)) throw new CommandError('Client is already in this group')
  const { priority } = given
  context.state.addMember(group, client, priority)
  context.effects.disconnect(client)
  context.audit({ groupname: group.name, username: client.name, priority })
}

function removeGroupClient(given: CommandArguments, context: CommandContext): undefined {
  const { client, group } = clientAndGroup(given, context)
  context.state.removeMember(group, client)
  context.effects.disconnect(client)
  context.audit({ groupname: group.name, username: client.name })
}

function clientAndGroup(given: CommandArguments, context: CommandContext) {
  const [groupname, username] = [given.name('groupname'), given.name('username')]
  return { client: context.client(username), group: context.group(groupname) }
}

function createGroup(given: CommandArguments, context: CommandContext): undefined {
  const groupname = given.newName('groupname')
  const texts = newTexts(given)
  const { state } = context
  if (state.groups.get(groupname) !== undefined) throw new CommandError('Group already exists')
  const roles = context.roles(given.names('roles', 'rolename', 'Internal error') ?? [])
  const group = new Group(groupname)
  setTexts(group, texts)
  state.groups.add(group)
  for (const [role, priority] of roles) state.giveRole(group, role, priority)
  context.effects.create(group)
  context.audit({ groupname })
}

function deleteGroup(given: CommandArguments, context: CommandContext): undefined {
  const group = context.group(given.name('groupname'))
  const { state } = context
  if (group === state.anonymousGroup) throw new CommandError('Deleting the anonymous group is forbidden')
  context.effects.disconnectMembers(group, state)
  state.deleteGroup(group)
  context.audit({ groupname: group.name })
}

function getGroup(given: CommandArguments, context: CommandContext): JsonObject {
  const group = context.group(given.name('groupname'))
  context.audit({ groupname: group.name })
  return { group: describe(group) }
}

function describe(group: Group): JsonObject {
  return {
    groupname: group.name,
    ...textsOf(group),
    clients: group.members().map(([{ name }]) => ({ username: name })),
    roles: listOf(group.roles, 'rolename'),
  }
}

function modifyGroup(given: CommandArguments, context: CommandContext): undefined {
  const group = context.group(given.name('groupname'))
  const { effects, state } = context
  const listedRoles = given.names('roles', 'rolename', badRoles)
  const roles = listedRoles && context.roles(listedRoles)
  const listedClients = given.names('clients', 'username', badClients)
  const clients = listedClients && members(listedClients, context)
  effects.disconnectMembers(group, state)
  setTexts(group, changedTexts(given))
  group.outdate()
  if (roles !== undefined) replaceRoles(group, roles, context)
  if (clients !== undefined) replaceMembers(group, clients, context)
  effects.disconnectMembers(group, state)
  context.audit({ groupname: group.name })
}

function members(listed: readonly Listed[], { state }: CommandContext): ReadonlyMap<Client, number> {
  return new Map(
    listed.map(({ name, priority }) => {
      const client = state.clients.get(name)
      if (client === undefined) throw new CommandError(unknownClient)
      return [client, priority]
    }),
  )
}

function replaceMembers(group: Group, clients: ReadonlyMap<Client, number>, { effects, state }: CommandContext): void {
  for (const client of [...group.clients.keys()]) {
    if (!clients.has(client)) effects.disconnect(client)
    state.removeMember(group, client)
  }
  for (const [client, priority] of clients) state.addMember(group, client, priority)
}

function addGroupRole(given: CommandArguments, context: CommandContext): undefined {
  const [groupname, rolename] = [given.name('groupname'), given.name('rolename')]
  const group = context.group(groupname)
  const role = context.role(rolename)
  if (group.roles.has(role)) throw new CommandError('Group is already in this role')
  const { priority } = given
  context.state.giveRole(group, role, priority)
  context.effects.disconnectMembers(group, context.state)
  context.audit({ groupname, rolename, priority })
}

function removeGroupRole(given: CommandArguments, context: CommandContext): undefined {
  const [groupname, rolename] = [given.name('groupname'), given.name('rolename')]
  const group = context.group(groupname)
  context.state.takeRole(group, context.role(rolename))
  context.effects.disconnectMembers(group, context.state)
  context.audit({ groupname, rolename })
}

function setAnonymousGroup(given: CommandArguments, context: CommandContext): undefined {
  const group = context.group(given.name('groupname'))
  context.state.anonymousGroup = group
  context.effects.disconnectAnonymous()
  context.audit({ groupname: group.name })
}

function getAnonymousGroup(_given: CommandArguments, context: CommandContext): JsonObject {
  context.audit()
  return { group: { groupname: context.state.anonymousGroup?.name ?? '' } }
}
