import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { startSecurity } from '../../test/support/security.ts'
import { verifyPassword } from '../auth/password-hash.ts'
import type { LoggedCommand } from './change-record.ts'
import { fileText } from './file-text.ts'
import { hashPassword } from './first-start.ts'
import { loggedCommand, redo } from './logged-command.ts'
import { readState } from './read-file.ts'
import { SecurityState } from './state.ts'

function text(state: SecurityState): string {
  return [...fileText(state)].join('')
}

test('dynsec 2: what is logged of a command has the hash of its password, and nothing that could pass for another', async () => {
  const password = await hashPassword('geheim')
  const given = {
    USERNAME: 'u',
    Password: 'geheim',
    encoded_password: '$7$1$AAAA$AAAA',
    correlationData: 'x',
    command: 'y',
  }
  const logged = loggedCommand('createClient', given, password)
  assert.doesNotMatch(JSON.stringify(logged), /geheim|\$7\$1\$/)
  assert.deepEqual(Object.keys(logged), ['command', 'USERNAME', 'encoded_password'])
  const state = new SecurityState()
  assert.deepEqual(redo(state, [logged]), [])
  const hash = state.clients.get('u')?.password?.hash
  assert.ok(hash && (await verifyPassword(hash, Buffer.from('geheim'))))
  assert.deepEqual(Object.keys(loggedCommand('createClient', given, undefined)), ['command', 'USERNAME'])
})

test('dynsec 2: what cannot be done again is told by its number, and the next goes on behind it', () => {
  const state = new SecurityState()
  state.changeIndex = 4
  const create = { command: 'createClient', username: 'a' }
  assert.deepEqual(redo(state, [create, create, { command: 'nope' }, { command: 'deleteClient', username: 'a' }]), [
    '6 (createClient): Client already exists',
    '7 (nope): Unknown command',
  ])
  assert.equal(state.changeIndex, 8)
  assert.equal(state.clients.size, 0)
})

const name = fc.constantFrom('u', 'v', 'w', 'x')
const group = fc.constantFrom('g', 'h', 'i')
const role = fc.constantFrom('r', 's', 't')
const priority = fc.integer({ min: -2, max: 2 })
const roles = fc.array(fc.record({ rolename: role, priority }), { maxLength: 3 })
const groups = fc.array(fc.record({ groupname: group, priority }), { maxLength: 2 })
const members = fc.array(fc.record({ username: name, priority }), { maxLength: 3 })
const acltype = fc.constantFrom('publishClientSend', 'subscribeLiteral', 'subscribePattern', 'bogus')
const acl = fc.record({ acltype, topic: fc.constantFrom('a', 'b/#', '+/c', ''), priority, allow: fc.boolean() })
const texts = { textname: fc.constantFrom('n', ''), textdescription: fc.constant('d') }
const optional = { requiredKeys: [] }

/** Each that changes something, with what it may be given; many are refused. */
const command = fc.oneof(
  sent('createClient', { username: name, clientid: fc.constantFrom('', 'c'), roles, groups, ...texts }),
  sent('modifyClient', { username: name, clientid: fc.constantFrom('', 'c'), roles, groups, ...texts }),
  sent('deleteClient', { username: name }),
  sent('disableClient', { username: name }),
  sent('enableClient', { username: name }),
  sent('setClientId', { username: name, clientid: fc.constantFrom('', 'd') }),
  sent('addClientRole', { username: name, rolename: role, priority }),
  sent('removeClientRole', { username: name, rolename: role }),
  sent('createGroup', { groupname: group, roles, ...texts }),
  sent('modifyGroup', { groupname: group, roles, clients: members, ...texts }),
  sent('deleteGroup', { groupname: group }),
  sent('addGroupClient', { groupname: group, username: name, priority }),
  sent('removeGroupClient', { groupname: group, username: name }),
  sent('addGroupRole', { groupname: group, rolename: role, priority }),
  sent('removeGroupRole', { groupname: group, rolename: role }),
  sent('setAnonymousGroup', { groupname: group }),
  sent('createRole', {
    rolename: role,
    acls: fc.array(acl, { maxLength: 4 }),
    allowwildcardsubs: fc.boolean(),
    ...texts,
  }),
  sent('modifyRole', { rolename: role, acls: fc.array(acl, { maxLength: 4 }), allowwildcardsubs: fc.boolean() }),
  sent('deleteRole', { rolename: role }),
  sent('addRoleACL', { rolename: role, acltype, topic: fc.constantFrom('a', 'b/#'), priority, allow: fc.boolean() }),
  sent('removeRoleACL', { rolename: role, acltype, topic: fc.constantFrom('a', 'b/#') }),
  sent('setDefaultACLAccess', {
    acls: fc.array(fc.record({ acltype: fc.constantFrom('subscribe', 'unsubscribe'), allow: fc.boolean() })),
  }),
)

function sent(commandName: string, given: Record<string, fc.Arbitrary<unknown>>) {
  return fc.record(given, optional).map(values => ({ command: commandName, ...values }))
}

test('dynsec 2: carried out again on the file as it was, the log of any commands makes what they have made', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 40 }), async commands => {
      const log: LoggedCommand[] = []
      const { send, security, text: textNow } = startSecurity(undefined, commands => void log.push(...commands))
      const before = textNow()
      await send(JSON.stringify({ commands }))
      const { state } = readState(Buffer.from(before), 'f')
      // As it comes from the disk.
      assert.deepEqual(redo(state, JSON.parse(JSON.stringify(log))), [])
      assert.equal(text(state), text(security.state))
      assert.equal(state.changeIndex, log.length)
    }),
    { numRuns: 300 },
  )
})
