import assert from 'node:assert/strict'
import test from 'node:test'
import type { ExternalAnswer, ExternalQuestion } from './external-service.ts'
import type { LdapConnection, LdapEntry, LdapQuery } from './ldap-connection.ts'
import { createLdapService, type LdapRules, mostLdapGroups } from './ldap-service.ts'

const people = 'ou=people,dc=a'
const account = { dn: 'cn=broker,dc=a', password: 'of the broker' }
const byTemplate: LdapRules = {
  url: 'ldaps://ldap.example',
  user: { kind: 'template', dn: `uid=%u,${people}` },
  userAttribute: 'uid',
  userFilter: '(objectClass=person)',
  account: undefined,
  groups: undefined,
  timeoutMs: 60_000,
}
const bySearch: LdapRules = { ...byTemplate, user: { kind: 'base', base: people }, account }
const groups: NonNullable<LdapRules['groups']> = {
  base: 'ou=groups,dc=a',
  filter: '(member=%d)',
  roles: [
    { role: 'operator', group: 'cn=Ops, ou=groups, dc=a' },
    { role: 'reader', group: 'cn=all,ou=groups,dc=a' },
    { role: 'admin', group: 'cn=admins,ou=groups,dc=a' },
  ],
}

/** A directory in which searches find what the test says, and that writes down what is done. */
class TestDirectory implements LdapConnection {
  readonly done: string[] = []
  readonly passwords = new Map([
    [account.dn, account.password],
    [`uid=alice,${people}`, 'secret'],
  ])
  entries: readonly LdapEntry[] = [{ dn: `uid=alice,${people}`, values: ['alice'] }]
  groups: readonly string[] = []

  async bind(dn: string, password: string): Promise<boolean> {
    this.done.push(`bind ${dn}`)
    return this.passwords.get(dn) === password
  }

  async search({ base, scope, filter }: LdapQuery): Promise<readonly LdapEntry[]> {
    this.done.push(`search ${base} ${scope} ${filter}`)
    return base === groups.base ? this.groups.map(dn => ({ dn, values: [] })) : this.entries
  }

  async close(): Promise<void> {
    this.done.push('close')
  }
}

function ask(
  directory: TestDirectory,
  rules: LdapRules,
  more: Partial<ExternalQuestion> = {},
): Promise<ExternalAnswer> {
  const question: ExternalQuestion = {
    action: 'connect',
    username: 'alice',
    clientId: 'c',
    password: 'secret',
    address: '',
    certificate: undefined,
  }
  return createLdapService(rules, async () => directory).ask({ ...question, ...more })
}

function told(answer: ExternalAnswer): string {
  return answer.kind === 'allow' ? `allow ${answer.rights.roles.join(' ')}`.trim() : `${answer.kind}: ${answer.rule}`
}

const lookUp = `search ${people} sub (&(uid=alice)(objectClass=person))`
const lookAt = `search uid=alice,${people} base (&(uid=alice)(objectClass=person))`

test('features K6: LDAP: by a template: bound as the user, whose entry has to have the name', async () => {
  const directory = new TestDirectory()
  assert.equal(told(await ask(directory, byTemplate)), 'allow')
  assert.deepEqual(directory.done, [`bind uid=alice,${people}`, lookAt, 'close'])
})

test('features K6: LDAP: by a search: looked up by the account, then bound as the user', async () => {
  const directory = new TestDirectory()
  assert.equal(told(await ask(directory, bySearch)), 'allow')
  assert.deepEqual(directory.done, [`bind ${account.dn}`, lookUp, `bind uid=alice,${people}`, 'close'])
})

for (const rules of [byTemplate, bySearch]) {
  const way = rules.user.kind
  test(`features K6: LDAP: by ${way}: a wrong password, and an empty one, which a server would take for no proof at all`, async () => {
    const directory = new TestDirectory()
    directory.passwords.set(`uid=alice,${people}`, '')
    assert.equal(told(await ask(directory, rules)), 'deny: unknown user or wrong password')
    directory.done.length = 0
    for (const password of ['', undefined]) {
      assert.equal(told(await ask(directory, rules, { password })), 'deny: an empty password')
    }
    assert.deepEqual(directory.done, [], 'nobody is asked')
  })

  test(`features K6: LDAP: by ${way}: a name that is syntax is a value`, async () => {
    const directory = new TestDirectory()
    const username = '*)(uid=alice,ou=admins'
    await ask(directory, rules, { username })
    const own = `uid=*)(uid\\3dalice\\2cou\\3dadmins,${people}`
    const escaped = '(&(uid=\\2a\\29\\28uid=alice,ou=admins)(objectClass=person))'
    if (way === 'template') assert.deepEqual(directory.done, [`bind ${own}`, 'close'])
    else assert.equal(directory.done[1], `search ${people} sub ${escaped}`)
  })

  test(`features K6: LDAP: by ${way}: a name that the directory spells otherwise is another one for the rules`, async () => {
    const directory = new TestDirectory()
    directory.passwords.set(`uid=ALICE,${people}`, 'secret')
    assert.notEqual((await ask(directory, rules, { username: 'ALICE' })).kind, 'allow')
  })
}

test('features K6: LDAP: whom the directory does not know, it leaves to others; of whom there are two, it lets in neither', async () => {
  const directory = new TestDirectory()
  directory.entries = []
  assert.equal(told(await ask(directory, bySearch)), 'defer: no such user')
  assert.equal(told(await ask(directory, bySearch, { username: 'a'.repeat(257) })), 'defer: no such user')
  directory.entries = ['b', 'c'].map(ou => ({ dn: `uid=alice,ou=${ou}`, values: ['alice'] }))
  assert.equal(told(await ask(directory, bySearch)), 'deny: several entries have this name')
})

test('features K6: LDAP: groups give their roles, in the order of the lines, whatever other groups there are', async () => {
  const directory = new TestDirectory()
  directory.groups = ['cn=all,ou=groups,dc=a', 'cn=others,ou=groups,dc=a', 'CN=ops,OU=groups,DC=a']
  for (const rules of [byTemplate, bySearch]) {
    assert.equal(told(await ask(directory, { ...rules, groups })), 'allow operator reader')
  }
  assert.ok(directory.done.includes(`search ou=groups,dc=a sub (member=uid=alice,${people})`))
})

test('features K6: LDAP: of more groups than are looked at, one might take a right away', async () => {
  const directory = new TestDirectory()
  directory.groups = Array.from({ length: mostLdapGroups }, (_, index) => `cn=g${index},ou=groups,dc=a`)
  await assert.rejects(ask(directory, { ...bySearch, groups }), /256 groups or more/)
})

test('features K6: LDAP: who is connected is looked up without a password; who is gone is let in no more', async () => {
  const directory = new TestDirectory()
  const renewal = { action: 'renew', password: undefined } as const
  assert.equal(told(await ask(directory, bySearch, renewal)), 'allow')
  assert.deepEqual(directory.done, [`bind ${account.dn}`, lookUp, 'close'])
  directory.entries = []
  assert.equal(told(await ask(directory, bySearch, renewal)), 'defer: no such user')
})

test('features K6: LDAP: only with an account can somebody be looked up again', () => {
  const renews = (rules: LdapRules) => createLdapService(rules, async () => new TestDirectory()).renews
  assert.deepEqual([renews(byTemplate), renews(bySearch), renews({ ...byTemplate, account })], [false, true, true])
})

test('features K6: LDAP: an account that is not let in, a server that fails or is silent: there is no answer, and no connection left', async () => {
  const directory = new TestDirectory()
  directory.passwords.clear()
  await assert.rejects(ask(directory, bySearch), /ldap_bind_dn is not let in/)
  assert.equal(directory.done.at(-1), 'close')
  directory.bind = async () => {
    throw new Error('unavailable')
  }
  await assert.rejects(ask(directory, byTemplate), /unavailable/)
  directory.bind = () => new Promise(() => {})
  await assert.rejects(ask(directory, { ...byTemplate, timeoutMs: 20 }), /no answer within 20 ms/)
  assert.equal(directory.done.filter(what => what === 'close').length, 3)
})
