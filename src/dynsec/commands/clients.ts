// The commands about clients.

import type { CommandArguments, Listed } from '../arguments.ts'
import type { Command, CommandContext } from '../command.ts'
import { CommandError } from '../errors.ts'
import { isMqttText, type JsonObject } from '../json.ts'
import { Client, type Group, listOf, type Role } from '../model.ts'
import { changedTexts, listCommand, newTexts, setTexts } from './lists.ts'

const badRoles = "'roles' not an array or missing/invalid rolename"
const unknownGroup = "'groups' contains an object with a 'groupname' that does not exist"
const badGroups = "'groups' contains an object with an invalid 'groupname'"

export const clientCommands: Readonly<Record<string, Command>> = {
  createClient: { changes: true, takesPassword: true, run: createClient },
  deleteClient: { changes: true, run: deleteClient },
  enableClient: { changes: true, run: enableClient },
  disableClient: { changes: true, run: disableClient },
  getClient: { changes: false, run: getClient },
  listClients: listCommand('clients', ({ state }) => state.clients, describe),
  modifyClient: { changes: true, takesPassword: true, run: modifyClient },
  setClientId: { changes: true, run: setClientId },
  setClientPassword: { changes: true, takesPassword: true, run: setClientPassword },
  addClientRole: { changes: true, run: addClientRole },
  removeClientRole: { changes: true, run: removeClientRole },
}

function createClient(given: CommandArguments, context: CommandContext): undefined {
  const username = given.newName('username')
  given.optionalText('password', 'Invalid/missing password')
  const clientId = optionalClientId(given, 'Invalid/missing client id')
  const texts = newTexts(given)
  const { state, password } = context
  if (state.clients.get(username) !== undefined) throw new CommandError('Client already exists')
  const roles = context.roles(given.names('roles', 'rolename', badRoles) ?? [])
  const groups = context.groups(namedGroups(given), 'Group not found')
  const client = new Client(username)
  client.clientId = clientId || undefined
  client.password = password
  setTexts(client, texts)
  state.clients.add(client)
  for (const [role, priority] of roles) state.giveRole(client, role, priority)
  for (const [group, priority] of groups) state.addMember(group, client, priority)
  // Somebody of that name may have come in by another source, which is asked no more.
  context.effects.reassess(client)
  context.audit({ username, password: password === undefined ? 'no password' : '*****' })
}

/** Mosquitto takes no notice of groups that are no list. */
function namedGroups(given: CommandArguments): readonly Listed[] {
  return given.list('groups') === undefined ? [] : (given.names('groups', 'groupname', 'Group not found') ?? [])
}

function optionalClientId(given: CommandArguments, refusal: string): string | undefined {
  const clientId = given.optionalText('clientid', refusal)
  if (clientId !== undefined && !isMqttText(clientId)) throw new CommandError('Client ID not valid UTF-8')
  return clientId
}

function deleteClient(given: CommandArguments, context: CommandContext): undefined {
  const client = context.client(given.name('username'))
  context.effects.end(client)
  context.state.deleteClient(client)
  context.audit({ username: client.name })
}

function enableClient(given: CommandArguments, context: CommandContext): undefined {
  const client = context.client(given.name('username'))
  client.isDisabled = false
  client.outdate()
  context.effects.reassess(client)
  context.audit({ username: client.name })
}

function disableClient(given: CommandArguments, context: CommandContext): undefined {
  const client = context.client(given.name('username'))
  client.isDisabled = true
  client.outdate()
  context.effects.disconnect(client)
  context.audit({ username: client.name })
}

function getClient(given: CommandArguments, context: CommandContext): JsonObject {
  const client = context.client(given.name('username'))
  context.audit({ username: client.name })
  return { client: describe(client, context) }
}

function describe(client: Client, { addressesOf }: CommandContext): JsonObject {
  return {
    ...client.describe(),
    groups: listOf(client.groups, 'groupname'),
    connections: addressesOf(client.name).map(address => ({ address })),
  }
}

function modifyClient(given: CommandArguments, context: CommandContext): undefined {
  const client = context.client(given.name('username'))
  const clientId = given.anyText('clientid')
  if (clientId !== undefined && !isMqttText(clientId)) throw new CommandError('Client ID not valid UTF-8')
  const listedRoles = given.names('roles', 'rolename', badRoles)
  const roles = listedRoles && context.roles(listedRoles)
  const listedGroups = given.names('groups', 'groupname', badGroups)
  const groups = listedGroups && context.groups(listedGroups, unknownGroup)
  if (clientId !== undefined) client.clientId = clientId || undefined
  if (context.password !== undefined) client.password = context.password
  setTexts(client, changedTexts(given))
  client.outdate()
  if (roles !== undefined) replaceRoles(client, roles, context)
  if (groups !== undefined) replaceGroups(client, groups, context)
  context.effects.disconnect(client)
  context.audit({ username: client.name })
}

export function replaceRoles(
  holder: Client | Group,
  roles: ReadonlyMap<Role, number>,
  { state }: CommandContext,
): void {
  for (const role of [...holder.roles.keys()]) state.takeRole(holder, role)
  for (const [role, priority] of roles) state.giveRole(holder, role, priority)
}

function replaceGroups(client: Client, groups: ReadonlyMap<Group, number>, { state }: CommandContext): void {
  for (const group of [...client.groups.keys()]) state.removeMember(group, client)
  for (const [group, priority] of groups) state.addMember(group, client, priority)
}

function setClientId(given: CommandArguments, context: CommandContext): undefined {
  const username = given.name('username')
  const clientId = optionalClientId(given, 'Invalid/missing client ID')
  const client = context.client(username)
  client.clientId = clientId || undefined
  client.outdate()
  context.effects.disconnect(client)
  context.audit({ username, clientid: clientId ?? '(null)' })
}

function setClientPassword(given: CommandArguments, context: CommandContext): undefined {
  const username = given.name('username')
  const password = given.text('password', 'Invalid/missing password')
  if (password === '') throw new CommandError('Empty password is not allowed')
  const client = context.client(username)
  if (context.password === undefined) throw new CommandError('Internal error')
  client.password = context.password
  client.outdate()
  context.effects.disconnect(client)
  context.audit({ username, password: '******' })
}

function addClientRole(given: CommandArguments, context: CommandContext): undefined {
  const [username, rolename] = [given.name('username'), given.name('rolename')]
  const client = context.client(username)
  const role = context.role(rolename)
  if (client.roles.has(role)) throw new CommandError('Internal error')
  const { priority } = given
  context.state.giveRole(client, role, priority)
  context.effects.disconnect(client)
  context.audit({ username, rolename, priority })
}

function removeClientRole(given: CommandArguments, context: CommandContext): undefined {
  const [username, rolename] = [given.name('username'), given.name('rolename')]
  const client = context.client(username)
  context.state.takeRole(client, context.role(rolename))
  context.effects.disconnect(client)
  context.audit({ username, rolename })
}
