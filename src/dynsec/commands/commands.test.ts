// What commands change and answer; `command-page.test.ts` has what they refuse and whom they disconnect, and `test/interop` compares
// both with Mosquitto.

import assert from 'node:assert/strict'
import test from 'node:test'
import { startSecurity } from '../../../test/support/security.ts'

test('dynsec 5: setDefaultACLAccess concerns everybody where they are', async () => {
  const { ask, changed } = startSecurity()
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
  const { ask } = startSecurity()
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
  const { ask } = startSecurity()
  await ask('createClient', { username: 'x' })
  await ask('createClient', { username: 'x' })
  assert.deepEqual((await ask('getDetails')).data, { clientCount: 4, groupCount: 2, roleCount: 2, changeIndex: 1 })
})

test('dynsec 5: a list begins at the offset, has one entry at least and all when the count is below 0', async () => {
  const { ask } = startSecurity()
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
  const { ask } = startSecurity()
  const groups = [{ groupname: 'h', priority: 2 }]
  await ask('modifyClient', { username: 'v', clientid: '', roles: [{ rolename: 's', priority: 1 }], groups })
  const { client } = (await ask('getClient', { username: 'v' })).data
  assert.deepEqual(client, { username: 'v', roles: [{ rolename: 's', priority: 1 }], groups, connections: [] })
  await ask('modifyClient', { username: 'u', password: '', clientid: 5 })
  assert.equal((await ask('getClient', { username: 'u' })).data.client.textname, 'n')
})

test('dynsec 2: priorities are kept within 100000 of 0', async () => {
  const { ask } = startSecurity()
  await ask('addClientRole', { username: 'v', rolename: 'r', priority: -200_000 })
  await ask('addClientRole', { username: 'v', rolename: 's', priority: 200_000 })
  assert.deepEqual((await ask('getClient', { username: 'v' })).data.client.roles, [
    { rolename: 's', priority: 100_000 },
    { rolename: 'r', priority: -100_000 },
  ])
})

test('dynsec 5: createRole passes over ACLs that are none, and of two for one topic the first counts', async () => {
  const { ask } = startSecurity()
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

test('dynsec 5: modifyGroup concerns those whom it takes out of a group of many, and those whom it leaves in it', async () => {
  const { ask, changed } = startSecurity()
  const names = Array.from({ length: 1200 }, (_, i) => `member-${i}`)
  for (const username of names) await ask('createClient', { username })
  const clients = names.map(username => ({ username }))
  await ask('modifyGroup', { groupname: 'g', clients: [...clients, { username: 'u' }, { username: 'v' }] })
  await ask('modifyGroup', { groupname: 'g', clients: [...clients, { username: 'v' }] })
  assert.deepEqual(changed.at(-1), { names: ['u', 'v'], disconnected: ['u', 'v'] })
  await ask('modifyGroup', { groupname: 'g', clients: [] })
  assert.deepEqual(changed.at(-1), { names: ['v'], disconnected: ['v'] })
})
