// The module `dynsec`: each command of dynamic security with the words that it takes.

import { escapeText } from '../../base/escape.ts'
import { type JsonObject, member } from '../../dynsec/json.ts'
import type { CtlCommand, CtlModule } from './command.ts'
import { CtlError } from './error.ts'
import { dynsecHelp } from './help.ts'
import {
  anonymousGroupLines,
  clientLines,
  defaultAccessLines,
  groupLines,
  memberLines,
  nameLines,
  roleLines,
} from './lines.ts'
import { choices, readOperands, wrongOperands } from './operands.ts'
import type { Prompts } from './prompts.ts'

const page = 'count? offset?'
const newClientSyntax = 'username -c:clientid? -p:password?'

const commands: Readonly<Record<string, CtlCommand>> = {
  getDefaultACLAccess: { syntax: '', lines: defaultAccessLines },
  setDefaultACLAccess: { syntax: 'defaultacltype access', given: defaultAccess },
  getAnonymousGroup: { syntax: '', lines: anonymousGroupLines },
  setAnonymousGroup: { syntax: 'groupname' },
  getDetails: { syntax: '', lines: memberLines },

  createClient: { syntax: newClientSyntax, given: newClient },
  deleteClient: { syntax: 'username' },
  getClient: { syntax: 'username', lines: clientLines },
  listClients: { syntax: page, lines: nameLines('clients') },
  enableClient: { syntax: 'username' },
  disableClient: { syntax: 'username' },
  setClientPassword: { syntax: 'username password?', given: newPassword },
  setClientId: { syntax: 'username clientid?' },
  addClientRole: { syntax: 'username rolename priority?' },
  removeClientRole: { syntax: 'username rolename' },
  modifyClient: { syntax: 'username field text', given: words => changedText('username', words) },

  createGroup: { syntax: 'groupname' },
  deleteGroup: { syntax: 'groupname' },
  getGroup: { syntax: 'groupname', lines: groupLines },
  listGroups: { syntax: page, lines: nameLines('groups') },
  addGroupRole: { syntax: 'groupname rolename priority?' },
  removeGroupRole: { syntax: 'groupname rolename' },
  addGroupClient: { syntax: 'groupname username priority?' },
  removeGroupClient: { syntax: 'groupname username' },
  modifyGroup: { syntax: 'groupname field text', given: words => changedText('groupname', words) },

  createRole: { syntax: 'rolename' },
  deleteRole: { syntax: 'rolename' },
  getRole: { syntax: 'rolename', lines: roleLines },
  listRoles: { syntax: page, lines: nameLines('roles') },
  addRoleACL: { syntax: 'rolename acltype topic access priority?', given: newAcl },
  removeRoleACL: { syntax: 'rolename acltype topic' },
  modifyRole: { syntax: 'rolename rolefield value', given: changedRole },
}

export const dynsecModule: CtlModule = { topic: '$CONTROL/dynamic-security/v1', commands, help: dynsecHelp }

function defaultAccess(words: readonly string[]): JsonObject {
  const { defaultacltype: acltype, access: allow } = readOperands('defaultacltype access', words)
  return { acls: [{ acltype, allow }] }
}

function newAcl(words: readonly string[]): JsonObject {
  const { access: allow, ...acl } = readOperands('rolename acltype topic access priority?', words)
  return { ...acl, allow }
}

/** Options stand behind the name. Without a password nobody comes in by one. */
async function newClient([username, ...words]: readonly string[], prompts: Prompts): Promise<JsonObject> {
  if (username === undefined || words.length % 2 !== 0) throw wrongOperands(newClientSyntax)
  let [clientid, password]: (string | undefined)[] = []
  for (let index = 0; index < words.length; index += 2) {
    const [option, value] = [words[index], words[index + 1]]
    if (option === '-c' || option === '-i') clientid = value
    else if (option === '-p') password = value
    else throw wrongOperands(newClientSyntax)
  }
  if (password === undefined) {
    prompts.say(`Press return for no password: ${escapeText(username)} cannot log in by one then.`)
    password = await prompts.newPassword(escapeText(username))
  }
  return { username, clientid, password }
}

async function newPassword(words: readonly string[], prompts: Prompts): Promise<JsonObject> {
  const given = readOperands('username password?', words)
  if (member(given, 'password') !== undefined) return given
  const password = await prompts.newPassword(escapeText(words[0] ?? ''))
  if (password === undefined) throw new CtlError('Error: Empty password.')
  return { ...given, password }
}

function changedText(nameKey: string, words: readonly string[]): JsonObject {
  const { field, text, ...given } = readOperands(`${nameKey} field text`, words)
  return { ...given, [fieldOf(field, 'field')]: text }
}

function changedRole(words: readonly string[]): JsonObject {
  const { rolefield, value, rolename } = readOperands('rolename rolefield value', words)
  const key = fieldOf(rolefield, 'rolefield')
  if (key !== 'allowwildcardsubs') return { rolename, [key]: value }
  const { boolean } = readOperands('boolean', [String(value)])
  return { rolename, [key]: boolean }
}

/** As the protocol writes it. */
function fieldOf(field: unknown, operand: 'field' | 'rolefield'): string {
  const known = choices[operand] ?? []
  const key = String(field).toLowerCase()
  if (known.some(one => one.toLowerCase() === key)) return key
  throw wrongOperands(`name ${known.join('|')} value`)
}
