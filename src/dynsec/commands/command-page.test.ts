// One idea, docs/dynamic-security-commands.md held to the broker: every command with every error of dynsec 1 and 5, read from the page as data
// so that an error without a case here fails, and whom it disconnects.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { startSecurity } from '../../../test/support/security.ts'
import { commandTable } from './table.ts'

type Refusals = Readonly<Record<string, readonly (readonly [given: object, error: string])[]>>

/** A text that is none in MQTT; JSON can write a surrogate without the other. */
const control = '\u0001'
const surrogate = '\ud800'

const badRoles = "'roles' not an array or missing/invalid rolename"
const badGroups = "'groups' contains an object with an invalid 'groupname'"
const badClients = "'clients' contains an object with an invalid 'username'"
const noSuchGroup = "'groups' contains an object with a 'groupname' that does not exist"
const noSuchClient = "'clients' contains an object with a 'username' that does not exist"
const acl = { rolename: 'r', acltype: 'publishClientSend', topic: 't' }
const aclRefusals = [
  [{ ...acl, rolename: 'x' }, 'Role not found'],
  [{ rolename: 'r', topic: 't' }, 'Invalid/missing acltype'],
  [{ ...acl, acltype: 1 }, 'Invalid/missing acltype'],
  [{ ...acl, acltype: 'subscribe' }, 'Unknown acltype'],
  [{ rolename: 'r', acltype: 'publishClientSend' }, 'Invalid/missing topic'],
  [{ ...acl, topic: 1 }, 'Invalid/missing topic'],
  [{ ...acl, topic: control }, 'Topic not valid UTF-8'],
  [{ ...acl, topic: surrogate }, 'Topic not valid UTF-8'],
  [{ ...acl, topic: 'a#' }, 'Invalid ACL topic'],
  [{ ...acl, topic: '' }, 'Invalid ACL topic'],
] as const

const noClient = [
  [{ username: 'x', groupname: 'g', rolename: 'r', password: 'p' }, 'Client not found'],
  [{ username: '', groupname: 'g', rolename: 'r', password: 'p' }, 'Client not found'],
] as const
const noGroup = [
  [{ groupname: 'x', username: 'u', rolename: 'r' }, 'Group not found'],
  [{ groupname: '', username: 'u', rolename: 'r' }, 'Group not found'],
] as const
const noRole = [[{ username: 'u', groupname: 'g', rolename: 'x' }, 'Role not found']] as const
const badTexts = [
  [{ username: 'x', groupname: 'x', rolename: 'x', textname: 1 }, 'Invalid/missing textname'],
  [{ username: 'x', groupname: 'x', rolename: 'x', textdescription: {} }, 'Invalid/missing textdescription'],
] as const
const badClientId = [
  [{ username: 'u', clientid: control }, 'Client ID not valid UTF-8'],
  [{ username: 'u', clientid: surrogate }, 'Client ID not valid UTF-8'],
] as const

/** Beside the names, which are refused alike everywhere. */
const refusals: Refusals = {
  setDefaultACLAccess: [
    [{}, 'Missing/invalid actions array'],
    [{ acls: {} }, 'Missing/invalid actions array'],
    [{ acls: 'x' }, 'Missing/invalid actions array'],
  ],
  getDefaultACLAccess: [],
  getDetails: [],
  createClient: [
    [{ username: '' }, 'Empty username'],
    [{ username: 'x', password: 1 }, 'Invalid/missing password'],
    [{ username: 'x', password: null }, 'Invalid/missing password'],
    [{ username: 'x', clientid: 1 }, 'Invalid/missing client id'],
    [{ username: 'x', clientid: control }, 'Client ID not valid UTF-8'],
    ...badTexts,
    [{ username: 'u' }, 'Client already exists'],
    [{ username: 'x', roles: [{ rolename: 'x' }] }, 'Role not found'],
    [{ username: 'x', roles: [{ rolename: 'r' }, { rolename: 'x' }] }, 'Role not found'],
    [{ username: 'x', roles: {} }, badRoles],
    [{ username: 'x', roles: [{}] }, badRoles],
    [{ username: 'x', roles: [{ rolename: 1 }] }, badRoles],
    [{ username: 'x', groups: [{ groupname: 'x' }] }, 'Group not found'],
    [{ username: 'x', groups: [{}] }, 'Group not found'],
  ],
  deleteClient: noClient,
  enableClient: noClient,
  disableClient: noClient,
  getClient: noClient,
  listClients: [],
  modifyClient: [
    ...noClient,
    ...badClientId,
    [{ username: 'u', roles: [{ rolename: 'x' }] }, 'Role not found'],
    [{ username: 'u', roles: 1 }, badRoles],
    [{ username: 'u', roles: [{ rolename: 1 }] }, badRoles],
    [{ username: 'u', groups: [{ groupname: 'x' }] }, noSuchGroup],
    [{ username: 'u', groups: 1 }, badGroups],
    [{ username: 'u', groups: [{ groupname: 1 }] }, badGroups],
    [{ username: 'u', textname: 'y', clientid: 'y', password: 'y', roles: [{ rolename: 'x' }] }, 'Role not found'],
  ],
  setClientId: [...noClient, [{ username: 'u', clientid: 1 }, 'Invalid/missing client ID'], ...badClientId],
  setClientPassword: [
    ...noClient,
    [{ username: 'u' }, 'Invalid/missing password'],
    [{ username: 'u', password: 1 }, 'Invalid/missing password'],
    [{ username: 'u', password: '' }, 'Empty password is not allowed'],
  ],
  addClientRole: [...noClient, ...noRole, [{ username: 'u', rolename: 'r' }, 'Internal error']],
  removeClientRole: [...noClient, ...noRole],
  addGroupClient: [...noGroup, ...noClient, [{ groupname: 'g', username: 'u' }, 'Client is already in this group']],
  removeGroupClient: [...noGroup, ...noClient],
  createGroup: [
    [{ groupname: '' }, 'Empty groupname'],
    ...badTexts,
    [{ groupname: 'g' }, 'Group already exists'],
    [{ groupname: 'x', roles: [{ rolename: 'x' }] }, 'Role not found'],
    [{ groupname: 'x', roles: 1 }, 'Internal error'],
    [{ groupname: 'x', roles: [1] }, 'Internal error'],
    [{ groupname: 'x', roles: [{}] }, 'Internal error'],
  ],
  deleteGroup: [...noGroup, [{ groupname: 'h' }, 'Deleting the anonymous group is forbidden']],
  getGroup: noGroup,
  listGroups: [],
  modifyGroup: [
    ...noGroup,
    [{ groupname: 'g', roles: [{ rolename: 'x' }] }, 'Role not found'],
    [{ groupname: 'g', roles: 1 }, badRoles],
    [{ groupname: 'g', roles: [{}] }, badRoles],
    [{ groupname: 'g', clients: [{ username: 'x' }] }, noSuchClient],
    [{ groupname: 'g', clients: 1 }, badClients],
    [{ groupname: 'g', clients: [1] }, badClients],
    [{ groupname: 'g', clients: [{ username: 1 }] }, badClients],
    [{ groupname: 'g', textname: 'y', roles: [], clients: [{ username: 'x' }] }, noSuchClient],
  ],
  addGroupRole: [...noGroup, ...noRole, [{ groupname: 'g', rolename: 'r' }, 'Group is already in this role']],
  removeGroupRole: [...noGroup, ...noRole],
  setAnonymousGroup: noGroup,
  getAnonymousGroup: [],
  createRole: [
    [{ rolename: '' }, 'Empty rolename'],
    ...badTexts,
    [{ rolename: 'x', allowwildcardsubs: 1 }, 'Invalid allowwildcardsubs'],
    [{ rolename: 'x', allowwildcardsubs: 'true' }, 'Invalid allowwildcardsubs'],
    [{ rolename: 'r' }, 'Role already exists'],
  ],
  getRole: noRole,
  listRoles: [],
  modifyRole: [
    [{ rolename: 'x' }, 'Role does not exist'],
    [{ rolename: '' }, 'Role does not exist'],
  ],
  deleteRole: noRole,
  addRoleACL: [...aclRefusals, [acl, 'ACL with this topic already exists']],
  removeRoleACL: [
    ...aclRefusals,
    [{ ...acl, topic: 'x' }, 'ACL not found'],
    [{ ...acl, acltype: 'subscribeLiteral' }, 'ACL not found'],
  ],
}

type Name = keyof typeof notUtf8
const notUtf8 = {
  username: 'Username not valid UTF-8',
  groupname: 'Group name not valid UTF-8',
  rolename: 'Role name not valid UTF-8',
} as const

const page = readFileSync(join(import.meta.dirname, '../../../docs/dynamic-security-commands.md'), 'utf8')

interface Row {
  /** The names without which it is refused. */
  readonly names: readonly Name[]
  /** What the answer has in it. */
  readonly answered: readonly string[]
  readonly errors: readonly string[]
  readonly disconnectsSomebody: boolean
}

const rows = new Map(
  page.split('\n').flatMap((line): [string, Row][] => {
    const [, command, given = '', answered = '', errors = '', disconnected = ''] =
      /^\| `(\w+)` \|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|$/.exec(line) ?? []
    if (command === undefined) return []
    const names = quoted(given).filter(name => name in notUtf8) as Name[]
    // Behind a colon stands what is in it.
    const inAnswer = quoted(answered.split(':')[0] ?? '')
    const disconnectsSomebody = disconnected.trim() !== ''
    return [[command, { names, answered: inAnswer, errors: quoted(errors), disconnectsSomebody }]]
  }),
)

function quoted(cell: string): readonly string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text as string)
}

test('dynsec 5: the page lists every command there is, and no other', () => {
  assert.deepEqual([...rows.keys()].toSorted(), Object.keys(commandTable).toSorted())
  assert.deepEqual(Object.keys(refusals).toSorted(), Object.keys(commandTable).toSorted())
})

for (const [command, { errors, names }] of rows) {
  const cases = refusals[command] ?? []

  test(`dynsec 5: each error of ${command} on the page has a case, and each case an error`, () => {
    assert.deepEqual([...new Set(cases.map(([, error]) => error))].toSorted(), errors.toSorted())
  })

  test(`dynsec 5: ${command} refuses in Mosquitto's words, changes nothing, and disturbs nobody`, async () => {
    const { ask, text, changed } = startSecurity()
    const before = text()
    for (const [given, error] of [...names.flatMap(name => badNames(name, names)), ...cases]) {
      assert.deepEqual(await ask(command, given), { command, error }, JSON.stringify(given))
      assert.equal(text(), before, JSON.stringify(given))
    }
    assert.deepEqual(changed, [])
  })
}

/** One name wrong in each way, the others as they have to be. */
function badNames(name: Name, names: readonly Name[]): readonly (readonly [given: object, error: string])[] {
  const known = { username: 'u', groupname: 'g', rolename: 'r' }
  const { [name]: _, ...others } = Object.fromEntries(names.map(other => [other, known[other]]))
  return [
    [others, `Invalid/missing ${name}`],
    ...[1, null, true, ['u'], {}].map(value => [{ ...others, [name]: value }, `Invalid/missing ${name}`] as const),
    ...[control, surrogate].map(value => [{ ...others, [name]: value }, notUtf8[name]] as const),
  ]
}

const many = JSON.stringify({ commands: Array.from({ length: 10_001 }, () => ({ command: 'getDetails' })) })

/** Behind each a command that has to be done, or not to be. */
const envelopes: readonly (readonly [payload: string, error: string, goesOn?: true])[] = [
  ['{"commands":', 'Payload not valid JSON'],
  ['', 'Payload not valid JSON'],
  ['[]', 'Invalid/missing commands'],
  ['{}', 'Invalid/missing commands'],
  ['{"commands":{"command":"getDetails"}}', 'Invalid/missing commands'],
  [many, 'Too many commands'],
  ['{"commands":[5,{"command":"createRole","rolename":"x"}]}', 'Command not an object'],
  ['{"commands":[[],{"command":"createRole","rolename":"x"}]}', 'Command not an object'],
  ['{"commands":[{},{"command":"createRole","rolename":"x"}]}', 'Missing command'],
  ['{"commands":[{"command":5},{"command":"createRole","rolename":"x"}]}', 'Missing command'],
  [
    '{"commands":[{"command":"getDetails","correlationData":5},{"command":"createRole","rolename":"x"}]}',
    'Invalid correlationData data type.',
  ],
  ['{"commands":[{"command":"nope"},{"command":"createRole","rolename":"x"}]}', 'Unknown command', true],
]

/** Held in `dynamic-security.test.ts`: it takes an answer of that size. */
const elsewhere = ['Answer too large']

test('dynsec 1: each error of a message on the page has a case, and each case an error', () => {
  const listed = [...page.matchAll(/^\| `([^`]+)` \| [^|]+ \|$/gm)].map(([, error]) => error)
  const cases = new Set(envelopes.map(([, error]) => error))
  assert.deepEqual(listed.toSorted(), [...cases, ...elsewhere].toSorted())
})

for (const [payload, error, goesOn] of envelopes) {
  test(`dynsec 1: ${payload.slice(0, 80)} is answered with ${error}`, async () => {
    const { send, security } = startSecurity()
    const [response] = await send(payload)
    const isNamed = error === 'Unknown command' || error === 'Invalid correlationData data type.'
    const command = isNamed ? JSON.parse(payload).commands[0].command : 'Unknown command'
    assert.deepEqual(response, { command, error })
    assert.equal(security.state.roles.get('x') !== undefined, goesOn === true)
  })
}

/** Who is disconnected, by the table of the specification; undefined stands for whoever has no name. */
const kicks: readonly (readonly [command: string, given: object, disconnected: readonly (string | undefined)[]])[] = [
  ['setDefaultACLAccess', { acls: [] }, []],
  ['createClient', { username: 'x' }, []],
  ['deleteClient', { username: 'u' }, ['u']],
  ['enableClient', { username: 'w' }, []],
  ['disableClient', { username: 'u' }, ['u']],
  ['modifyClient', { username: 'u', textname: 'x' }, ['u']],
  ['setClientId', { username: 'u', clientid: 'x' }, ['u']],
  ['setClientPassword', { username: 'u', password: 'x' }, ['u']],
  ['addClientRole', { username: 'u', rolename: 's' }, ['u']],
  ['removeClientRole', { username: 'u', rolename: 'r' }, ['u']],
  ['addGroupClient', { groupname: 'g', username: 'v' }, ['v']],
  ['removeGroupClient', { groupname: 'g', username: 'u' }, ['u']],
  ['createGroup', { groupname: 'x' }, []],
  ['deleteGroup', { groupname: 'g' }, ['u']],
  ['modifyGroup', { groupname: 'g', clients: [{ username: 'v' }] }, ['u', 'v']],
  ['modifyGroup', { groupname: 'h', roles: [{ rolename: 'r' }] }, [undefined]],
  ['addGroupRole', { groupname: 'g', rolename: 's' }, ['u']],
  ['addGroupRole', { groupname: 'h', rolename: 's' }, [undefined]],
  ['removeGroupRole', { groupname: 'g', rolename: 'r' }, ['u']],
  ['setAnonymousGroup', { groupname: 'g' }, [undefined]],
  ['createRole', { rolename: 'x' }, []],
  ['modifyRole', { rolename: 'r', textname: 'x' }, []],
  ['modifyRole', { rolename: 'r', allowwildcardsubs: false }, ['u']],
  ['modifyRole', { rolename: 'r', acls: [] }, ['u']],
  ['deleteRole', { rolename: 'r' }, ['u']],
  ['addRoleACL', { rolename: 'r', acltype: 'publishClientSend', topic: 'x' }, ['u']],
  ['removeRoleACL', { rolename: 'r', acltype: 'publishClientSend', topic: 't' }, ['u']],
]

for (const [command, given, disconnected] of kicks) {
  test(`dynsec 5: ${command} ${JSON.stringify(given)} disconnects whom it says, and nobody else`, async () => {
    const { ask, changed, security } = startSecurity()
    assert.deepEqual(await ask(command, given), { command })
    assert.deepEqual(
      changed.flatMap(change => change.disconnected),
      disconnected,
    )
    assert.equal(security.state.changeIndex, 1)
  })
}

test('dynsec 5: whom a command disconnects is on the page where it disconnects anybody', async () => {
  const disconnecting = new Set(kicks.filter(([, , names]) => names.length > 0).map(([command]) => command))
  const listed = [...rows].filter(([, row]) => row.disconnectsSomebody).map(([command]) => command)
  assert.deepEqual(listed.toSorted(), [...disconnecting].toSorted())
})

/** What only asks; with what is on the page for it, answered. */
const questions: readonly (readonly [command: string, given: object])[] = [
  ['getDefaultACLAccess', {}],
  ['getDetails', {}],
  ['getClient', { username: 'u' }],
  ['listClients', {}],
  ['listClients', { verbose: true, count: 1, offset: 1 }],
  ['getGroup', { groupname: 'g' }],
  ['listGroups', {}],
  ['listGroups', { verbose: true }],
  ['getAnonymousGroup', {}],
  ['getRole', { rolename: 'r' }],
  ['listRoles', {}],
  ['listRoles', { verbose: true }],
]

for (const [command, given] of questions) {
  test(`dynsec 5: ${command} ${JSON.stringify(given)} answers what the page says, changes nothing, and disturbs nobody`, async () => {
    const { ask, changed, security, text } = startSecurity()
    const before = text()
    const { data, ...rest } = await ask(command.toUpperCase(), { ...given, correlationData: 'x' })
    assert.deepEqual(rest, { command: command.toUpperCase(), correlationData: 'x' })
    assert.deepEqual(Object.keys(data), rows.get(command)?.answered)
    assert.deepEqual([text(), changed, security.state.changeIndex], [before, [], 0])
  })
}

test('dynsec 5: each command has been carried out', () => {
  const carriedOut = new Set([...kicks, ...questions].map(([command]) => command))
  assert.deepEqual([...carriedOut].toSorted(), [...rows.keys()].toSorted())
})
