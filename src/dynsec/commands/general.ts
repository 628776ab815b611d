// The commands about the whole: what holds where no role speaks, and how much there is.

import type { CommandArguments } from '../arguments.ts'
import type { Command, CommandContext } from '../command.ts'
import { CommandError } from '../errors.ts'
import { isObject, type JsonObject, member, textOf } from '../json.ts'
import { type DefaultAclType, defaultAclTypes } from '../model.ts'

export const generalCommands: Readonly<Record<string, Command>> = {
  setDefaultACLAccess: { changes: true, run: setDefaultAccess },
  getDefaultACLAccess: { changes: false, run: getDefaultAccess },
  getDetails: { changes: false, run: getDetails },
}

function setDefaultAccess(given: CommandArguments, context: CommandContext): undefined {
  const list = given.list('acls')
  if (list === undefined) throw new CommandError('Missing/invalid actions array')
  const { effects, state } = context
  const changed: Partial<Record<DefaultAclType, boolean>> = {}
  for (const entry of list) {
    if (!isObject(entry)) continue
    const type = defaultAclTypes.find(known => known === textOf(entry, 'acltype'))
    const allow = member(entry, 'allow')
    if (type === undefined || typeof allow !== 'boolean') continue
    changed[type] = allow
    context.audit({ acltype: type, allow })
  }
  // Once: all clients' rights are worked out anew.
  state.defaultAccess = { ...state.defaultAccess, ...changed }
  effects.reassessAll()
}

function getDefaultAccess(_given: CommandArguments, context: CommandContext): JsonObject {
  const { defaultAccess } = context.state
  context.audit()
  return { acls: defaultAclTypes.map(type => ({ acltype: type, allow: defaultAccess[type] })) }
}

function getDetails(_given: CommandArguments, context: CommandContext): JsonObject {
  const { changeIndex, clients, groups, roles } = context.state
  context.audit()
  return { clientCount: clients.size, groupCount: groups.size, roleCount: roles.size, changeIndex }
}
