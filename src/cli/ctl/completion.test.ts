import assert from 'node:assert/strict'
import test from 'node:test'
import { type CompletionSource, completions } from './completion.ts'

const syntaxes: Readonly<Record<string, string>> = {
  help: 'command?',
  exit: '',
  getClient: 'username',
  getRole: 'rolename',
  createRole: 'rolename',
  addGroupClient: 'groupname username priority?',
  addRoleACL: 'rolename acltype access priority? topic',
  modifyRole: 'rolename rolefield value',
}

function source(names: Partial<Record<string, readonly string[]>> = {}): CompletionSource & { asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    commands: Object.keys(syntaxes),
    syntaxOf: command => syntaxes[command],
    names: async things => {
      asked.push(things)
      return names[things] ?? []
    },
  }
}

test('dynsec 6: Tab offers commands, and after help too, whatever their case; one that is left has a blank behind it', async () => {
  assert.deepEqual(await completions('', source()), [Object.keys(syntaxes), ''])
  assert.deepEqual(await completions('GET', source()), [['getClient', 'getRole'], 'GET'])
  assert.deepEqual(await completions('getc', source()), [['getClient '], 'getc'])
  assert.deepEqual(await completions('help add', source()), [['addGroupClient', 'addRoleACL'], 'add'])
  assert.deepEqual(await completions('nope', source()), [[], 'nope'])
})

test('dynsec 6: Tab offers the users, groups and roles that the broker has, each where it belongs', async () => {
  const names = { clients: ['alice', 'bob'], groups: ['all'], roles: ['admin', 'reader'] }
  assert.deepEqual(await completions('getClient a', source(names)), [['alice '], 'a'])
  assert.deepEqual(await completions('GETROLE ', source(names)), [['admin', 'reader'], ''])
  assert.deepEqual(await completions('addGroupClient a', source(names)), [['all '], 'a'])
  assert.deepEqual(await completions('addGroupClient all b', source(names)), [['bob '], 'b'])
  const asked = source(names)
  for (const line of ['addGroupClient all bob ', 'createRole ', 'exit ', 'nope ', 'getClient alice ']) {
    assert.deepEqual(await completions(line, asked), [[], ''], line)
  }
  assert.deepEqual(asked.asked, [], 'nobody is asked for what cannot be completed')
})

test('dynsec 6: Tab offers the words that an argument can be', async () => {
  assert.deepEqual((await completions('addRoleACL r subscribe', source()))[0], ['subscribeLiteral', 'subscribePattern'])
  assert.deepEqual((await completions('addRoleACL r subscribeLiteral ', source()))[0], ['allow', 'deny'])
  assert.deepEqual((await completions('modifyRole r allow', source()))[0], ['allowWildcardSubs '])
})

test('a name that would move the cursor, or has to be quoted, is not offered', async () => {
  const roles = ['ok', 'a b', 'a"', '\u001b[2Jevil', 'x\u202ey', "it's"]
  assert.deepEqual((await completions('getRole ', source({ roles })))[0], ['ok '])
})
