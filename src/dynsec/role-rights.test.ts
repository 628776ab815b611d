import assert from 'node:assert/strict'
import test from 'node:test'
import { mostRules } from '../auth/explanation.ts'
import type { RightsHolder, RightsSubject } from '../auth/user-directory.ts'
import { readState } from './read-file.ts'

const subject: RightsSubject = {
  denied: { clientId: 'c1', username: 'u' },
  granted: { clientId: 'c1', username: 'u' },
}
const acl = (topic: string, rest: object = {}) => ({ acltype: 'publishClientSend', topic, allow: true, ...rest })

function stateOf(file: object) {
  return readState(Buffer.from(JSON.stringify(file)), 'file').state
}

function holder(given: Partial<RightsHolder>): RightsHolder {
  return { username: undefined, roles: [], groups: [], ...given }
}

test('dynsec 4: an explanation says by whose hand a role is held', () => {
  const state = stateOf({
    clients: [{ username: 'u', roles: [{ rolename: 'own' }] }],
    groups: [
      { groupname: 'members', roles: [{ rolename: 'b' }], clients: [{ username: 'u' }] },
      { groupname: 'outside', roles: [{ rolename: 'c' }] },
    ],
    roles: ['own', 'a', 'b', 'c'].map(rolename => ({ rolename, acls: [acl('t')] })),
  })
  const rights = state.rightsOf(holder({ username: 'u', roles: ['a'], groups: ['outside'] }))
  const [roles, rest] = rights?.consult('publish', 't', subject) ?? []
  const text = (role: string) => `role '${role}' acl #1 (priority 0): publishClientSend allow t`
  assert.deepEqual(
    roles?.rules.map(rule => rule.text),
    [
      text('own'),
      `${text('a')}  given with the login`,
      `${text('b')}  via group 'members'`,
      `${text('c')}  via group 'outside', given with the login`,
    ],
  )
  assert.deepEqual([roles?.looked, rest?.rules[0]?.text], [4, 'default access: publishClientSend deny'])
})

test('an explanation tells of a role once, by the way that counts, and of a hundred rules at most', () => {
  const many = Array.from({ length: mostRules + 1 }, (_, i) => acl('+/#', { topic: `${'+/'.repeat(i)}#` }))
  const state = stateOf({
    clients: [{ username: 'u', roles: [{ rolename: 'r' }] }],
    groups: [{ groupname: 'g', roles: [{ rolename: 'r' }], clients: [{ username: 'u' }] }],
    roles: [{ rolename: 'r', acls: many }],
  })
  const [roles] = state.rightsOf(holder({ username: 'u' }))?.consult('publish', 'a/'.repeat(200), subject) ?? []
  assert.deepEqual([roles?.looked, roles?.rules.length], [mostRules + 1, mostRules])
  const [few] = state.rightsOf(holder({ username: 'u' }))?.consult('publish', 'a', subject) ?? []
  assert.deepEqual(
    few?.rules.map(({ details }) => [details['topic'], details['group']]),
    [
      ['#', undefined],
      ['+/#', undefined],
    ],
  )
})

test('features 2a-17: where no rule speaks, an explanation says which names %c and %u grant nothing to', () => {
  const state = stateOf({
    clients: [{ username: 'a/b', roles: [{ rolename: 'r' }] }],
    roles: [{ rolename: 'r', acls: [acl('%u/#'), acl('known')] }],
  })
  const rights = state.rightsOf(holder({ username: 'a/b' }))
  const slashed = { denied: { clientId: 'c1', username: 'a/b' }, granted: { clientId: 'c1', username: undefined } }
  const notes = (topic: string) => rights?.consult('publish', topic, slashed)[0].notes
  assert.deepEqual(notes('a/b/c'), ["the user name 'a/b' is not the name of one level: nothing is granted by %u"])
  assert.deepEqual(notes('known'), [])
})
