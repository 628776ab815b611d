import assert from 'node:assert/strict'
import test from 'node:test'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { hashOfPw, identity, fileRealm as realm } from '../../test/support/realms.ts'
import { allowed, deferred, denied, externalSource, TestService } from '../../test/support/services.ts'
import type { SourceName } from './auth-chain.ts'
import { describeTrail } from './auth-chain.ts'
import type { FileRealmOptions } from './file-realm.ts'
import { Leases } from './leases.ts'
import { parsePasswordEntry, parsePasswordFile } from './password-file.ts'
import { defaultDecoyHash } from './password-hash.ts'
import type { Principal } from './principal.ts'
import { principalFrom, recordPrincipal } from './principal-record.ts'
import type { Authentication, Realm } from './realm.ts'
import type { DirectoryUser, UserDirectory } from './user-directory.ts'

const clock = fakeClock()
/** alice, with the password "pw". */
const passwords = parsePasswordFile(`alice:${hashOfPw}\n`, 'f')
const entry = parsePasswordEntry(hashOfPw)

function directory(users: Readonly<Record<string, Partial<DirectoryUser>>>): UserDirectory {
  const nobody: DirectoryUser = { password: entry, isDisabled: false, clientId: undefined }
  return {
    version: 1,
    decoy: defaultDecoyHash(),
    user: username => {
      const user = users[username]
      return user && { ...nobody, ...user }
    },
    rights: () => undefined,
  }
}

interface Parts extends Partial<FileRealmOptions> {
  readonly http?: TestService['answer']
}

function chain({ http, ...options }: Parts): Realm {
  const external = http === undefined ? [] : [externalSource(new TestService(http), { clock })]
  return realm({ external, ...options })
}

function told(outcome: Authentication): string {
  const said = outcome.allowed ? `${outcome.principal.username ?? '-'} by ${outcome.principal.method}` : outcome.rule
  return outcome.trail === undefined ? said : `${said}: ${describeTrail(outcome.trail)}`
}

const unknown = 'unknown user or wrong password'
const reversed: readonly SourceName[] = ['http', 'password-file', 'dynamic-security']
const open = { allowAnonymous: true }

const cases: readonly (readonly [what: string, by: Realm, username: string | undefined, outcome: string])[] = [
  [
    'a user of the file is not the matter of services',
    chain({ passwords, http: denied }),
    'alice',
    'alice by password: password-file allowed',
  ],
  [
    'whom the file does not know, the hook decides about',
    chain({ passwords, http: allowed }),
    'bob',
    'bob by password: password-file deferred (no such user), http allowed',
  ],
  [
    'a service that does not answer ends the chain',
    chain({ passwords, http: new Error('gone'), order: reversed }),
    'alice',
    'there is no usable answer: http denied (there is no usable answer)',
  ],
  [
    'nobody knows the user, and there are passwords here',
    chain({ passwords, http: deferred }),
    'bob',
    `${unknown}: password-file deferred (no such user), http deferred (the service does not know the user)`,
  ],
  [
    'nobody knows the user, and there are none',
    chain({ http: deferred }),
    'bob',
    'no source knows the user: http deferred (the service does not know the user)',
  ],
  [
    'dynamic security goes first, also with a no',
    chain({ directory: directory({ bob: { isDisabled: true } }), http: allowed }),
    'bob',
    `${unknown}: dynamic-security denied (${unknown})`,
  ],
  [
    'the other way round the service goes first',
    chain({ passwords, http: denied, order: reversed }),
    'alice',
    'the service says no: http denied (the service says no)',
  ],
  [
    'and the file is asked about whom the service does not know',
    chain({ passwords, http: deferred, order: reversed }),
    'alice',
    'alice by password: http deferred (the service does not know the user), password-file allowed',
  ],
  [
    'a client without a name is anonymous where that is allowed',
    chain({ ...open, http: denied }),
    undefined,
    '- by anonymous',
  ],
  ['and refused where it is not', chain({ http: allowed }), undefined, 'allow_anonymous false'],
  [
    'a name has to be proven, also where everybody may come',
    chain({ ...open, http: deferred }),
    'bob',
    'no source knows the user: http deferred (the service does not know the user)',
  ],
]

for (const [what, by, username, outcome] of cases) {
  test(`features K6: chain: ${what}`, async () => {
    assert.equal(told(await by.authenticate(identity(username, 'pw'))), outcome)
  })
}

test('features K6: the order says also whose password of two is the one', async () => {
  const other = directory({ alice: { password: undefined } })
  const first = realm({ passwords, directory: other })
  assert.equal(
    told(await first.authenticate(identity('alice', 'pw'))),
    `${unknown}: dynamic-security denied (${unknown})`,
  )
  const by = realm({ passwords, directory: other, order: ['password-file', 'dynamic-security'] })
  const outcome = await by.authenticate(identity('alice', 'pw'))
  assert.ok(outcome.allowed)
  assert.equal(by.stillAdmits(outcome.principal, 'c'), true)
  assert.equal(first.stillAdmits(outcome.principal, 'c'), false)
})

async function admitted(by: Realm): Promise<Principal> {
  const outcome = await by.authenticate(identity('bob', 'x'))
  assert.ok(outcome.allowed)
  return outcome.principal
}

test('features K6: who was let in by a service stays while it is asked, and goes with it; his session waits', async () => {
  const by = chain({ http: allowed })
  const principal = await admitted(by)
  assert.deepEqual([by.stillAdmits(principal, 'c'), by.knows(principal)], [true, true])
  const file = realm({ passwords })
  assert.deepEqual([file.stillAdmits(principal, 'c'), file.knows(principal)], [false, false])
  const elsewhere = realm({ external: [externalSource(new TestService(allowed, 'other'), { clock })] })
  assert.deepEqual([elsewhere.stillAdmits(principal, 'c'), elsewhere.knows(principal)], [false, true])
})

test('features K6: a restart knows who was let in by a service', async () => {
  const by = chain({ http: allowed })
  const restored = principalFrom(recordPrincipal(await admitted(by)))
  assert.ok(restored)
  assert.equal(by.stillAdmits(restored, 'c'), true)
})

test('features K6: whom dynamic security has disabled, no service lets in', async () => {
  const users = { bob: { isDisabled: true } }
  const by = chain({ directory: directory(users), http: allowed, order: reversed })
  assert.equal(by.stillAdmits(await admitted(by), 'c'), false)
})

test('features K6: the end of a lease is the end of the proof', async () => {
  const leases = new Leases(clock)
  const by = realm({ external: [externalSource(new TestService(allowed), { clock, leases })] })
  const principal = await admitted(by)
  clock.advance(61_000)
  leases.advance(clock.now())
  assert.equal(by.stillAdmits(principal, 'c'), false)
})

test('features K6: another broker cannot say whom a service has let in', () => {
  assert.equal(chain({ http: allowed }).recall('bob'), undefined)
})

/** user, with the password "pencil". */
const scram =
  'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU='

const exchanges: readonly (readonly [order: readonly SourceName[], isOffered: boolean])[] = [
  [['dynamic-security', 'password-file', 'http'], true],
  [['password-file', 'http', 'dynamic-security'], true],
  [['http', 'dynamic-security', 'password-file'], false],
  [['dynamic-security', 'http', 'password-file'], false],
]

for (const [order, isOffered] of exchanges) {
  test(`features K6: SCRAM, which shows no password, ${isOffered ? 'is' : 'is not'} offered in the order ${order.join(', ')}`, () => {
    const parts = { passwords: parsePasswordFile(`user:${scram}\n`, 'f'), directory: directory({}), http: denied }
    const exchange = chain({ ...parts, order }).beginExchange('SCRAM-SHA-256', identity('user'))
    assert.equal(exchange !== undefined, isOffered)
  })
}
