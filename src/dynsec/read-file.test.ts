import assert from 'node:assert/strict'
import test from 'node:test'
import { verifyPassword } from '../auth/password-hash.ts'
import { fileText } from './file-text.ts'
import { readState } from './read-file.ts'

// The password of both is "adminpw", as mosquitto_ctrl 2.0.11 has hashed it.
const hash = 'X4uYgVKiSN4BLHN0wT8nAntoQlpMSiD5gGaeMSyLdUukKk/RNeAXPDDj4rpHi1YUxJTob7NnVJsGqDz3nW2o3w=='
const salt = 'ERVH6TTqfJfkiGox'

function read(file: unknown) {
  return readState(Buffer.from(typeof file === 'string' ? file : JSON.stringify(file)), 'f.json')
}

const whole = {
  changeIndex: 7,
  defaultACLAccess: { publishClientSend: true, publishClientReceive: false, subscribe: true, unsubscribe: false },
  clients: [
    { username: 'a', clientid: 'c', textname: 'n', textdescription: 'd', disabled: true, roles: [{ rolename: 'r' }] },
    { username: 'b', password: hash, salt, iterations: 101, roles: [{ rolename: 'r', priority: 5 }] },
    { username: 'c', encoded_password: `$7$101$${salt}$${hash}` },
  ],
  groups: [
    {
      groupname: 'g',
      textname: 'gn',
      roles: [{ rolename: 'r', priority: 2 }],
      clients: [{ username: 'a', priority: 3 }],
    },
  ],
  anonymousGroup: 'g',
  roles: [
    {
      rolename: 'r',
      allowwildcardsubs: false,
      acls: [{ acltype: 'subscribePattern', topic: 'a/#', priority: 4, allow: true }],
    },
  ],
}

test('dynsec 2: everything that a file says is read, and written so that it reads the same', () => {
  const { state, warnings } = read(whole)
  assert.deepEqual(warnings, [])
  assert.equal(state.changeIndex, 7)
  assert.deepEqual(state.defaultAccess, whole.defaultACLAccess)
  assert.equal(state.anonymousGroup?.name, 'g')
  const [a, b] = ['a', 'b'].map(name => state.clients.get(name))
  assert.deepEqual([a?.clientId, a?.textName, a?.textDescription, a?.isDisabled], ['c', 'n', 'd', true])
  assert.deepEqual([b?.clientId, b?.textName, b?.isDisabled], [undefined, undefined, false])
  assert.deepEqual(
    [...(a?.groups ?? [])].map(([{ name }, priority]) => [name, priority]),
    [['g', 3]],
  )
  assert.equal(state.roles.get('r')?.allowWildcardSubs, false)
  const text = [...fileText(state)].join('')
  assert.equal([...fileText(read(text).state)].join(''), text)
})

test('dynsec 2: passwords of 2.0 and of 2.1 are read, and written as 2.0 can read them', async () => {
  const { state } = read(whole)
  for (const name of ['b', 'c']) {
    const password = state.clients.get(name)?.password
    assert.ok(password)
    assert.equal(await verifyPassword(password.hash, Buffer.from('adminpw')), true)
    assert.equal(await verifyPassword(password.hash, Buffer.from('adminpx')), false)
  }
  const { clients } = JSON.parse([...fileText(state)].join(''))
  assert.deepEqual(
    clients.map(({ password, salt: of, iterations }: Record<string, unknown>) => [password, of, iterations]),
    [
      [undefined, undefined, undefined],
      [hash, salt, 101],
      [hash, salt, 101],
    ],
  )
})

test('dynsec 2: a hash that 2.0 cannot hold is written in the form of 2.1', () => {
  const encoded = `$7$1000$${Buffer.alloc(64, 1).toString('base64')}$${hash}`
  const { state } = read({ clients: [{ username: 'a', encoded_password: encoded }] })
  assert.equal(JSON.parse([...fileText(state)].join('')).clients[0].encoded_password, encoded)
})

test('dynsec 2: without its part the default access is closed, and wildcard subscriptions are allowed', () => {
  const { state } = read({ roles: [{ rolename: 'r' }] })
  assert.deepEqual(Object.values(state.defaultAccess), [false, false, false, false])
  assert.equal(state.roles.get('r')?.allowWildcardSubs, true)
})

test('dynsec 2: the names of members are compared without regard to case', () => {
  const { state } = read({ Clients: [{ UserName: 'a', textName: 'Dynsec admin user' }] })
  assert.equal(state.clients.get('a')?.textName, 'Dynsec admin user')
})

test('dynsec 2: names that are empty or come again are passed over with a warning, and the first holds', () => {
  const clients = [{ username: '' }, { username: 'a', textname: '1' }, { username: 'a', textname: '2' }, {}, 5]
  const { state, warnings } = read({ clients })
  assert.deepEqual([state.clients.size, state.clients.get('a')?.textName], [1, '1'])
  assert.deepEqual(warnings, [
    'Warning: Dynamic security config: an entry without username.',
    'Warning: Dynamic security config: "a" a second time.',
    'Warning: Dynamic security config: an entry without username.',
  ])
})

test('nobody comes in by a password that cannot be checked, and a warning names the client', () => {
  const { state, warnings } = read({ clients: [{ username: 'a\n', password: 'x', salt: 'y', iterations: 1 }] })
  assert.equal(state.clients.get('a\n')?.password, undefined)
  assert.match(warnings[0] ?? '', /^Warning: .* client "a\\x0a" has a password that cannot be checked: /)
})

test('roles and clients that do not exist, and ACLs that match nothing, are warned about', () => {
  const { warnings } = read({
    clients: [{ username: 'a', roles: [{ rolename: 'no' }] }],
    groups: [{ groupname: 'g', clients: [{ username: 'no' }] }],
    roles: [{ rolename: 'r', acls: [{ acltype: 'publishClientSend', topic: 'a#', allow: true }] }],
  })
  assert.deepEqual(
    warnings.map(line => line.replace('Warning: Dynamic security config: ', '')),
    [
      'role "r" has a publishClientSend that matches nothing: "a#".',
      '"a" has a role that does not exist.',
      'group "g" has a client that does not exist.',
    ],
  )
})

test('a file that is wrong throughout does not fill the log', () => {
  const { warnings } = read({ clients: Array.from({ length: 1000 }, () => ({})) })
  assert.equal(warnings.length, 20)
})

test('what is no such file is refused, and nothing of it is quoted', () => {
  const refusals = {
    '{"clients": secret': 'it is not JSON',
    '[]': 'it holds no JSON object',
    '5': 'it holds no JSON object',
  }
  for (const [text, why] of Object.entries(refusals)) {
    assert.throws(() => read(text), {
      code: 'ERR_DYNSEC_FILE',
      message: `Error: Dynamic security config "f.json" cannot be used: ${why}.`,
    })
  }
  assert.throws(() => readState(Uint8Array.of(0x7b, 0xff, 0x7d), 'f.json'), /it is not UTF-8/)
})
