// Every command with every error of dynsec 5, and what each changes; `test/interop` compares the same with Mosquitto.

import assert from 'node:assert/strict'
import test from 'node:test'
import type { RightsHolder } from '../../auth/user-directory.ts'
import { silentLog } from '../../base/log.ts'
import { DynamicSecurity } from '../dynamic-security.ts'
import { fileText } from '../file-text.ts'
import { readState } from '../read-file.ts'
import { commandTable } from './table.ts'

const initial = {
  defaultACLAccess: { publishClientSend: false, publishClientReceive: true, subscribe: false, unsubscribe: true },
  clients: [
    { username: 'u', textname: 'n', roles: [{ rolename: 'r' }] },
    { username: 'v', clientid: 'c' },
    { username: 'w', disabled: true },
  ],
  groups: [{ groupname: 'g', roles: [{ rolename: 'r' }], clients: [{ username: 'u' }] }, { groupname: 'h' }],
  anonymousGroup: 'h',
  roles: [
    { rolename: 'r', acls: [{ acltype: 'publishClientSend', topic: 't', allow: true }] },
    { rolename: 's', textname: 'n', allowwildcardsubs: false },
  ],
}

function start(file: unknown = initial) {
  const { state } = readState(Buffer.from(JSON.stringify(file)), 'f')
  const changed: { names: (string | undefined)[]; disconnected: (string | undefined)[] }[] = []
  const security = new DynamicSecurity({
    state,
    writer: { write: async () => {} },
    log: silentLog,
    disconnects: () => true,
  })
  const everybody = [...state.clients.values().map(({ name }) => name), undefined]
  security.host = {
    reassess: change => {
      const names = everybody.filter(name => change.concerns(holder(name)))
      // Of whoever asks, who is nobody here, there is nothing to tell.
      if (names.length > 0)
        changed.push({ names, disconnected: everybody.filter(name => change.disconnects(holder(name))) })
    },
    addresses: () => new Map([['u', ['192.0.2.1', '192.0.2.2']]]),
  }
  const ask = async (command: string, given: object = {}) => {
    const payload = Buffer.from(JSON.stringify({ commands: [{ command, ...given }] }))
    const answer = await security.handle({ payload, clientId: 'admin', username: 'root', isPermitted: () => true })
    answer.carryOut()
    return JSON.parse(Buffer.from(answer.payload).toString()).responses[0]
  }
  return { security, changed, ask, text: () => [...fileText(security.state)].join('') }
}

function holder(name: string | undefined): RightsHolder {
  return { username: name, roles: [], groups: [] }
}

type Refusals = Readonly<Record<string, readonly (readonly [given: object, error: string])[]>>

const control = '\u0001'
const username = [
  [{}, 'Invalid/missing username'],
  [{ username: 1 }, 'Invalid/missing username'],
  [{ username: control }, 'Username not valid UTF-8'],
] as const
const knownUser = [...username, [{ username: 'x', rolename: 'r', password: 'p' }, 'Client not found']] as const
const groupname = [
  [{}, 'Invalid/missing groupname'],
  [{ groupname: 1 }, 'Invalid/missing groupname'],
  [{ groupname: control }, 'Group name not valid UTF-8'],
] as const
const knownGroup = [...groupname, [{ groupname: 'x', username: 'u', rolename: 'r' }, 'Group not found']] as const
const rolename = [
  [{}, 'Invalid/missing rolename'],
  [{ rolename: 1 }, 'Invalid/missing rolename'],
  [{ rolename: control }, 'Role name not valid UTF-8'],
] as const
const badRoles = "'roles' not an array or missing/invalid rolename"
const noSuchGroup = "'groups' contains an object with a 'groupname' that does not exist"
const noSuchClient = "'clients' contains an object with a 'username' that does not exist"
const acl = { rolename: 'r', acltype: 'publishClientSend', topic: 't' }
const aclRefusals = [
  ...rolename,
  [{ ...acl, rolename: 'x' }, 'Role not found'],
  [{ rolename: 'r', topic: 't' }, 'Invalid/missing acltype'],
  [{ ...acl, acltype: 1 }, 'Invalid/missing acltype'],
  [{ ...acl, acltype: 'subscribe' }, 'Unknown acltype'],
  [{ rolename: 'r', acltype: 'publishClientSend' }, 'Invalid/missing topic'],
  [{ ...acl, topic: 1 }, 'Invalid/missing topic'],
  [{ ...acl, topic: control }, 'Topic not valid UTF-8'],
  [{ ...acl, topic: 'a#' }, 'Invalid ACL topic'],
  [{ ...acl, topic: '' }, 'Invalid ACL topic'],
] as const

const refusals: Refusals = {
  setDefaultACLAccess: [
    [{}, 'Missing/invalid actions array'],
    [{ acls: {} }, 'Missing/invalid actions array'],
  ],
  getDefaultACLAccess: [],
  getDetails: [],
  createClient: [
    ...username,
    [{ username: '' }, 'Empty username'],
    [{ username: 'x', password: 1 }, 'Invalid/missing password'],
    [{ username: 'x', clientid: 1 }, 'Invalid/missing client id'],
    [{ username: 'x', clientid: control }, 'Client ID not valid UTF-8'],
    [{ username: 'x', textname: 1 }, 'Invalid/missing textname'],
    [{ username: 'x', textdescription: 1 }, 'Invalid/missing textdescription'],
    [{ username: 'u' }, 'Client already exists'],
    [{ username: 'x', roles: [{ rolename: 'x' }] }, 'Role not found'],
    [{ username: 'x', roles: {} }, badRoles],
    [{ username: 'x', roles: [{}] }, badRoles],
    [{ username: 'x', groups: [{ groupname: 'x' }] }, 'Group not found'],
    [{ username: 'x', groups: [{}] }, 'Group not found'],
  ],
  deleteClient: knownUser,
  enableClient: knownUser,
  disableClient: knownUser,
  getClient: knownUser,
  listClients: [],
  modifyClient: [
    ...knownUser,
    [{ username: 'u', clientid: control }, 'Client ID not valid UTF-8'],
    [{ username: 'u', roles: [{ rolename: 'x' }] }, 'Role not found'],
    [{ username: 'u', roles: 1 }, badRoles],
    [{ username: 'u', roles: [{ rolename: 1 }] }, badRoles],
    [{ username: 'u', groups: [{ groupname: 'x' }] }, noSuchGroup],
    [{ username: 'u', groups: [{ groupname: 1 }] }, "'groups' contains an object with an invalid 'groupname'"],
  ],
  setClientId: [
    ...knownUser,
    [{ username: 'u', clientid: 1 }, 'Invalid/missing client ID'],
    [{ username: 'u', clientid: control }, 'Client ID not valid UTF-8'],
  ],
  setClientPassword: [
    ...knownUser,
    [{ username: 'u' }, 'Invalid/missing password'],
    [{ username: 'u', password: 1 }, 'Invalid/missing password'],
    [{ username: 'u', password: '' }, 'Empty password is not allowed'],
  ],
  addClientRole: [
    ...knownUser,
    [{ username: 'u' }, 'Invalid/missing rolename'],
    [{ username: 'u', rolename: control }, 'Role name not valid UTF-8'],
    [{ username: 'u', rolename: 'x' }, 'Role not found'],
    [{ username: 'u', rolename: 'r' }, 'Internal error'],
  ],
  removeClientRole: [
    ...knownUser,
    [{ username: 'u' }, 'Invalid/missing rolename'],
    [{ username: 'u', rolename: 'x' }, 'Role not found'],
  ],
  addGroupClient: [
    ...knownGroup,
    [{ groupname: 'g' }, 'Invalid/missing username'],
    [{ groupname: 'g', username: 'x' }, 'Client not found'],
    [{ groupname: 'g', username: 'u' }, 'Client is already in this group'],
  ],
  removeGroupClient: [
    ...knownGroup,
    [{ groupname: 'g' }, 'Invalid/missing username'],
    [{ groupname: 'g', username: 'x' }, 'Client not found'],
  ],
  createGroup: [
    ...groupname,
    [{ groupname: '' }, 'Empty groupname'],
    [{ groupname: 'x', textname: 1 }, 'Invalid/missing textname'],
    [{ groupname: 'x', textdescription: 1 }, 'Invalid/missing textdescription'],
    [{ groupname: 'g' }, 'Group already exists'],
    [{ groupname: 'x', roles: [{ rolename: 'x' }] }, 'Role not found'],
    [{ groupname: 'x', roles: 1 }, 'Internal error'],
    [{ groupname: 'x', roles: [1] }, 'Internal error'],
  ],
  deleteGroup: [...knownGroup, [{ groupname: 'h' }, 'Deleting the anonymous group is forbidden']],
  getGroup: knownGroup,
  listGroups: [],
  modifyGroup: [
    ...knownGroup,
    [{ groupname: 'g', roles: [{ rolename: 'x' }] }, 'Role not found'],
    [{ groupname: 'g', roles: 1 }, badRoles],
    [{ groupname: 'g', clients: [{ username: 'x' }] }, noSuchClient],
    [{ groupname: 'g', clients: [1] }, "'clients' contains an object with an invalid 'username'"],
  ],
  addGroupRole: [
    ...knownGroup,
    [{ groupname: 'g' }, 'Invalid/missing rolename'],
    [{ groupname: 'g', rolename: 'x' }, 'Role not found'],
    [{ groupname: 'g', rolename: 'r' }, 'Group is already in this role'],
  ],
  removeGroupRole: [
    ...knownGroup,
    [{ groupname: 'g' }, 'Invalid/missing rolename'],
    [{ groupname: 'g', rolename: 'x' }, 'Role not found'],
  ],
  setAnonymousGroup: knownGroup,
  getAnonymousGroup: [],
  createRole: [
    ...rolename,
    [{ rolename: '' }, 'Empty rolename'],
    [{ rolename: 'x', textname: 1 }, 'Invalid/missing textname'],
    [{ rolename: 'x', textdescription: 1 }, 'Invalid/missing textdescription'],
    [{ rolename: 'x', allowwildcardsubs: 1 }, 'Invalid allowwildcardsubs'],
    [{ rolename: 'r' }, 'Role already exists'],
  ],
  getRole: [...rolename, [{ rolename: 'x' }, 'Role not found']],
  listRoles: [],
  modifyRole: [...rolename, [{ rolename: 'x' }, 'Role does not exist']],
  deleteRole: [...rolename, [{ rolename: 'x' }, 'Role not found']],
  addRoleACL: [...aclRefusals, [acl, 'ACL with this topic already exists']],
  removeRoleACL: [...aclRefusals, [{ ...acl, topic: 'x' }, 'ACL not found']],
}

test('dynsec 5: every command of the specification is there, and no other', () => {
  assert.deepEqual(Object.keys(commandTable).toSorted(), Object.keys(refusals).toSorted())
})

for (const [command, cases] of Object.entries(refusals)) {
  test(`dynsec 5: ${command} refuses in Mosquitto's words, changes nothing, and disturbs nobody`, async () => {
    const { ask, text, changed } = start()
    const before = text()
    for (const [given, error] of cases) {
      assert.deepEqual(await ask(command, given), { command, error }, JSON.stringify(given))
      assert.equal(text(), before, JSON.stringify(given))
    }
    assert.deepEqual(changed, [])
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
  ['addRoleACL', { ...acl, topic: 'x' }, ['u']],
  ['removeRoleACL', acl, ['u']],
]

for (const [command, given, disconnected] of kicks) {
  test(`dynsec 5: ${command} ${JSON.stringify(given)} disconnects whom it says, and nobody else`, async () => {
    const { ask, changed, security } = start()
    assert.deepEqual(await ask(command, given), { command })
    assert.deepEqual(
      changed.flatMap(change => change.disconnected),
      disconnected,
    )
    assert.equal(security.state.changeIndex, 1)
  })
}

test('dynsec 5: setDefaultACLAccess concerns everybody where they are', async () => {
  const { ask, changed } = start()
  await ask('setDefaultACLAccess', { acls: [{ acltype: 'publishClientReceive', allow: false }, { acltype: 'x' }, 5] })
  assert.deepEqual(changed, [{ names: ['u', 'v', 'w', undefined], disconnected: [] }])
  const { data } = await ask('getDefaultACLAccess')
  assert.deepEqual(
    data.acls.map(({ acltype, allow }: Record<string, unknown>) => [acltype, allow]),
    [
      ['publishClientSend', false],
      ['publishClientReceive', false],
      ['subscribe', false],
      ['unsubscribe', true],
    ],
  )
})

test('dynsec 5: getClient tells all that is known but the password, and where the user is connected from', async () => {
  const { ask } = start()
  assert.deepEqual((await ask('getClient', { username: 'u' })).data, {
    client: {
      username: 'u',
      textname: 'n',
      roles: [{ rolename: 'r' }],
      groups: [{ groupname: 'g' }],
      connections: [{ address: '192.0.2.1' }, { address: '192.0.2.2' }],
    },
  })
  const { client } = (await ask('getClient', { username: 'w' })).data
  assert.deepEqual([client.disabled, client.connections], [true, []])
})

test('dynsec 5: getDetails counts, and knows how many commands have changed something', async () => {
  const { ask } = start()
  await ask('createClient', { username: 'x' })
  await ask('createClient', { username: 'x' })
  assert.deepEqual((await ask('getDetails')).data, { clientCount: 4, groupCount: 2, roleCount: 2, changeIndex: 1 })
})

test('dynsec 5: a list begins at the offset, has one entry at least and all when the count is below 0', async () => {
  const { ask } = start()
  const list = async (given: object) => (await ask('listClients', given)).data.clients
  assert.deepEqual(await list({}), ['u', 'v', 'w'])
  assert.deepEqual(await list({ count: 2 }), ['u', 'v'])
  assert.deepEqual(await list({ count: 0, offset: 1 }), ['v'])
  assert.deepEqual(await list({ offset: -3, count: -7 }), ['u', 'v', 'w'])
  assert.deepEqual(await list({ offset: 3 }), [])
  assert.deepEqual((await ask('listRoles', { verbose: true, offset: 1 })).data.roles, [
    { rolename: 's', textname: 'n', allowwildcardsubs: false, acls: [] },
  ])
})

test('dynsec 5: modifyClient replaces lists, clears the client id with "", and leaves what it is not given', async () => {
  const { ask } = start()
  const groups = [{ groupname: 'h', priority: 2 }]
  await ask('modifyClient', { username: 'v', clientid: '', roles: [{ rolename: 's', priority: 1 }], groups })
  const { client } = (await ask('getClient', { username: 'v' })).data
  assert.deepEqual(client, { username: 'v', roles: [{ rolename: 's', priority: 1 }], groups, connections: [] })
  await ask('modifyClient', { username: 'u', password: '', clientid: 5 })
  assert.equal((await ask('getClient', { username: 'u' })).data.client.textname, 'n')
})

test('dynsec 2: priorities are kept within 100000 of 0', async () => {
  const { ask } = start()
  await ask('addClientRole', { username: 'v', rolename: 'r', priority: -200_000 })
  await ask('addClientRole', { username: 'v', rolename: 's', priority: 200_000 })
  assert.deepEqual((await ask('getClient', { username: 'v' })).data.client.roles, [
    { rolename: 's', priority: 100_000 },
    { rolename: 'r', priority: -100_000 },
  ])
})

test('dynsec 5: createRole passes over ACLs that are none, and of two for one topic the first counts', async () => {
  const { ask } = start()
  const acls = [
    { acltype: 'publishClientSend', topic: 'a', allow: true },
    { acltype: 'publishClientSend', topic: 'a', allow: false },
    { acltype: 'publishClientSend', topic: '' },
    { acltype: 'bogus', topic: 'a' },
    { topic: 'a' },
    5,
    { acltype: 'publishClientSend', topic: 'b', priority: 1 },
  ]
  await ask('createRole', { rolename: 'x', acls })
  assert.deepEqual((await ask('getRole', { rolename: 'x' })).data.role.acls, [
    { acltype: 'publishClientSend', topic: 'b', priority: 1, allow: false },
    { acltype: 'publishClientSend', topic: 'a', priority: 0, allow: true },
  ])
})
