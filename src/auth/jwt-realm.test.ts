import assert from 'node:assert/strict'
import test from 'node:test'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { deviceCertificate, fileRealm, hashOfPw, identity, lenientRealm } from '../../test/support/realms.ts'
import { keySet, makeToken, signingKeys } from '../../test/support/tokens.ts'
import type { FileRealmOptions } from './file-realm.ts'
import { fixedKeys, type TokenKeySource } from './jwt-key-source.ts'
import { parseKeySet } from './jwt-keys.ts'
import { createTokenRealm, maximumTokenBytes, type TokenRealmOptions, tokenMethod } from './jwt-realm.ts'
import { type TokenRules, TokenVerifier } from './jwt-verifier.ts'
import { parsePasswordFile } from './password-file.ts'
import { defaultDecoyHash } from './password-hash.ts'
import type { Principal } from './principal.ts'
import { principalFrom, recordPrincipal } from './principal-record.ts'
import type { Authentication, Realm } from './realm.ts'
import type { DirectoryUser, UserDirectory } from './user-directory.ts'

const clock = fakeClock()
const { ES256: key, ES384: otherKey } = signingKeys
const keys = fixedKeys(parseKeySet(keySet({ one: key })))
const passwords = parsePasswordFile(`alice:${hashOfPw}\n`, 'f')

interface Parts extends Partial<Omit<TokenRealmOptions, 'verifier'>> {
  readonly files?: Partial<FileRealmOptions>
  readonly rules?: Partial<TokenRules>
  readonly keys?: TokenKeySource
}

function realm({ files, rules, keys: known = keys, ...parts }: Parts = {}): Realm {
  const defaults: TokenRules = {
    algorithms: ['ES256'],
    issuer: undefined,
    audience: undefined,
    skewSeconds: 0,
    usernameClaim: 'sub',
    clientIdClaim: undefined,
    rolesClaim: undefined,
    groupsClaim: undefined,
    aclClaim: undefined,
  }
  const verifier = new TokenVerifier({ rules: { ...defaults, ...rules }, keys: [known], wallClock: clock.now })
  return createTokenRealm({ inner: fileRealm(files), verifier, directory: undefined, mostPending: 10, ...parts })
}

function token(claims: object = {}): string {
  const exp = clock.now() / 1000 + 60
  return makeToken({ header: { alg: 'ES256' }, claims: { sub: 'alice', exp, ...claims } }, key.privateKey)
}

function told(outcome: Authentication): string {
  if (!outcome.allowed) return `${outcome.reason}: ${outcome.rule}`
  return `${outcome.principal.username ?? '-'} by ${outcome.principal.method}`
}

async function admitted(by: Realm, claims: object = {}): Promise<Principal> {
  const outcome = await by.authenticate(identity(undefined, token(claims)))
  assert.ok(outcome.allowed)
  return outcome.principal
}

const open = { allowAnonymous: true }

const cases: readonly (readonly [what: string, by: Realm, who: ReturnType<typeof identity>, outcome: string])[] = [
  ['a token and no user name', realm(), identity(undefined, token()), 'alice by token'],
  ['a token and an empty user name', realm(), identity('', token()), 'alice by token'],
  ['a token and its user name', realm(), identity('alice', token()), 'alice by token'],
  ['a token of somebody else', realm(), identity('bob', token()), 'not-authorized: token of another user'],
  ['a token that is over', realm(), identity('alice', token({ exp: 1 })), 'not-authorized: token has expired'],
  [
    'a bad token where everybody may come: it is no anonymous client',
    realm({ files: open }),
    identity(undefined, `${token()}x`),
    'not-authorized: token with a wrong signature',
  ],
  [
    'a bad token beside a password file: it is no password',
    realm({ files: { passwords } }),
    identity('alice', token({ exp: 1 })),
    'not-authorized: token has expired',
  ],
  ['a password beside tokens', realm({ files: { passwords } }), identity('alice', 'pw'), 'alice by password'],
  [
    'a wrong password beside tokens',
    realm({ files: { passwords } }),
    identity('alice', 'wrong'),
    'not-authorized: unknown user or wrong password',
  ],
  [
    'a name without a token, also where everybody may come',
    realm({ files: open }),
    identity('alice', 'pw'),
    'not-authorized: the password is no token, and there is no password_file',
  ],
  ['no name where everybody may come', realm({ files: open }), identity(), '- by anonymous'],
  ['no name where nobody may', realm(), identity(), 'not-authorized: allow_anonymous false'],
  [
    'a token that is too long',
    realm(),
    identity('alice', token({ more: 'x'.repeat(maximumTokenBytes) })),
    'not-authorized: the password is no token, and there is no password_file',
  ],
  [
    'certificate_username_match: the name of the token is that of the certificate',
    realm({ files: { certificateMatch: 'common-name' } }),
    identity(undefined, token({ sub: 'device 7' }), deviceCertificate),
    'device 7 by token',
  ],
  [
    'certificate_username_match: it is another one',
    realm({ files: { certificateMatch: 'common-name' } }),
    identity('alice', token(), deviceCertificate),
    'not-authorized: certificate_username_match',
  ],
]

for (const [what, by, who, outcome] of cases) {
  test(`features K5: ${what}: ${outcome}`, async () => {
    assert.equal(told(await by.authenticate(who)), outcome)
  })
}

test('features K5: enhanced authentication by `JWT` takes the token as its data, other methods are those of the files', async () => {
  const by = realm()
  const exchange = by.beginExchange(tokenMethod, identity())
  const step = await exchange?.step(Buffer.from(token()))
  assert.ok(step?.kind === 'success')
  assert.equal(step.principal.username, 'alice')
  for (const data of ['', 'no token', `${token()}x`]) {
    const denied = await exchange?.step(Buffer.from(data))
    assert.ok(denied?.kind === 'denied')
    assert.equal(denied.denial.reason, 'not-authorized')
  }
  assert.equal(by.beginExchange('SCRAM-SHA-256', identity()), undefined)
  assert.equal(fileRealm().beginExchange(tokenMethod, identity()), undefined)
})

test('features K5: a principal says how much of its token is left, and is the same owner as the user by a password', async () => {
  const principal = await admitted(realm())
  assert.equal(principal.msLeft, 60_000)
  assert.equal(principal.owner, 'user:alice')
})

test('features K5: after a restart a session is still its user’s: record and evidence hold no token', async () => {
  const by = realm()
  const text = token()
  const principal = await admitted(by)
  const record = recordPrincipal(principal)
  for (const part of text.split('.')) assert.equal(record.includes(part), false)
  const restored = principalFrom(record)
  assert.ok(restored !== undefined)
  assert.deepEqual([restored.owner, restored.evidence], [principal.owner, principal.evidence])
  assert.equal(by.stillAdmits(restored, 'c'), true)
})

test('features K5: a reload that takes away the key, the issuer or tokens ends who came by them; a wider list does not', async () => {
  const principal = await admitted(realm())
  const algorithms = ['ES256', 'RS256'] as const
  assert.equal(realm({ rules: { algorithms } }).stillAdmits(principal, 'c'), true)
  const rotated = fixedKeys(parseKeySet(keySet({ two: otherKey })))
  for (const by of [
    realm({ keys: rotated }),
    realm({ rules: { issuer: 'i' } }),
    realm({ rules: { audience: 'a' } }),
    realm({ rules: { usernameClaim: 'name' } }),
    realm({ rules: { clientIdClaim: 'cid' } }),
    fileRealm({ passwords }),
    fileRealm(open),
  ]) {
    assert.equal(by.stillAdmits(principal, 'c'), false)
  }
  assert.equal(realm({ keys: rotated }).knows(principal), true, 'what waits for the user is kept')
})

test('features K5: where tokens come to be asked for, whoever only gave a name goes', async () => {
  const outcome = await fileRealm(open).authenticate(identity('alice', 'x'))
  const nameless = await fileRealm(open).authenticate(identity())
  assert.ok(outcome.allowed && nameless.allowed)
  const by = realm({ files: open })
  assert.equal(by.stillAdmits(outcome.principal, 'c'), false)
  assert.equal(by.knows(outcome.principal), false)
  assert.equal(by.stillAdmits(nameless.principal, 'c'), true)
  assert.equal(by.provesNames, true)
  assert.equal(by.recall('alice'), undefined)
  assert.equal(by.recall(undefined)?.method, 'anonymous')
  assert.equal(realm({ files: { passwords } }).recall('alice')?.method, 'password')
})

test('features G6: dynamic security keeps out the disabled and other client ids, whatever the token says', async () => {
  const users = new Map<string, DirectoryUser>()
  const directory: UserDirectory = {
    version: 0,
    decoy: defaultDecoyHash(),
    user: username => users.get(username),
    rights: () => undefined,
  }
  const by = realm({ directory, files: { directory } })
  const principal = await admitted(by)
  const user = { password: undefined, isDisabled: false, clientId: undefined }
  assert.equal(by.stillAdmits(principal, 'c'), true, 'not known to it')
  users.set('alice', user)
  assert.equal(by.stillAdmits(principal, 'c'), true)
  users.set('alice', { ...user, clientId: 'other' })
  assert.equal(by.stillAdmits(principal, 'c'), false)
  users.set('alice', { ...user, isDisabled: true })
  assert.equal(by.stillAdmits(principal, 'c'), false)
})

const rightsClaims = { rolesClaim: 'roles', groupsClaim: 'groups' }
const acl = { publish: ['a/+'], subscribe: ['b/#', '$SYS/#'] }

test('features K5: roles and groups of a token are its principal’s, and a token with others is refused', async () => {
  const by = realm({ rules: rightsClaims })
  const { roles, groups } = await admitted(by, { roles: ['r', 's'], groups: ['g'] })
  assert.deepEqual([roles, groups], [['r', 's'], ['g']])
  const bare = await admitted(by)
  assert.deepEqual([bare.roles, bare.groups, bare.topics], [[], [], undefined])
  const outcome = await by.authenticate(identity(undefined, token({ roles: { r: true } })))
  assert.equal(told(outcome), 'not-authorized: token with roles that cannot be read (jwt_roles_claim)')
  assert.deepEqual((await admitted(realm(), { roles: ['r'] })).roles, [], 'no claim is read that no option names')
})

test('features K5: what a token lists is allowed, and nothing else, whatever other rules say', async () => {
  const by = realm({ rules: { aclClaim: 'acl' } })
  const access = by.access(await admitted(by, { acl }), 'c')
  const mayPublish = (topicName: string) => access.publish({ topicName }) !== undefined
  assert.deepEqual(['a/b', 'a', 'a/b/c', 'b/c', '$SYS/a', '$CONTROL/x'].map(mayPublish), [
    true,
    false,
    false,
    false,
    false,
    false,
  ])
  const received = ['b', 'b/c/d', 'a/b', '$SYS/a', '$CONTROL/x'].map(topic => access.receive(topic))
  assert.deepEqual(received, [true, true, false, true, false])
  const filters = ['b/#', 'b/+/c', '$share/g/b/#', '#', 'b', '+/b', '$share/g/#', 'a/b', '$share/g']
  assert.deepEqual(
    filters.map(filter => access.subscribe(filter)),
    [true, true, true, false, true, false, false, false, false],
  )
  assert.equal(access.unsubscribe('anything'), true)
  const open = by.access(await admitted(realm()), 'c')
  assert.notEqual(open.publish({ topicName: 'x' }), undefined, 'without a list the other rules decide')
})

test('features K5: nobody speaks for the broker, whatever the token lists', async () => {
  const by = realm({ rules: { aclClaim: 'acl' } })
  const access = by.access(await admitted(by, { acl: { publish: ['$SYS/#', '#'] } }), 'c')
  assert.equal(access.publish({ topicName: '$SYS/broker/uptime' }), undefined)
  assert.notEqual(access.publish({ topicName: 'x' }), undefined)
})

test('features K5: `%c` and `%u` in a token stand for nobody', async () => {
  const by = realm({ rules: { aclClaim: 'acl' } })
  const access = by.access(await admitted(by, { acl: { publish: ['%u/#', '%c'] } }), 'c')
  const tried = ['alice/x', 'c', '%u/x', '%c'].map(topicName => access.publish({ topicName }))
  assert.deepEqual(tried, [undefined, undefined, undefined, undefined])
})

test('features K5: whom dynamic security keeps out, what a token lists does not help', async () => {
  let isDisabled = false
  let version = 0
  const directory: UserDirectory = {
    get version() {
      return version
    },
    decoy: defaultDecoyHash(),
    user: () => ({ password: undefined, isDisabled, clientId: undefined }),
    rights: () => assert.fail('no role is asked'),
  }
  const by = realm({ directory, files: { directory }, rules: { aclClaim: 'acl' } })
  const access = by.access(await admitted(by, { acl }), 'c')
  assert.equal(access.receive('b'), true)
  isDisabled = true
  version++
  assert.equal(access.receive('b'), false)
})

test('features K5: what a token gave is known after a restart, and does not hold where the options name other claims', async () => {
  const rules = { ...rightsClaims, aclClaim: 'acl' }
  const by = realm({ rules })
  const claims = { roles: ['r'], groups: ['g'], acl }
  const back = principalFrom(recordPrincipal(await admitted(by, claims)))
  assert.ok(back)
  assert.deepEqual([back.roles, back.groups, back.topics], [['r'], ['g'], acl])
  assert.equal(by.stillAdmits(back, 'c'), true)
  assert.equal(by.access(back, 'c').receive('b/c'), true)
  for (const changed of ['rolesClaim', 'groupsClaim', 'aclClaim']) {
    for (const claim of ['other', undefined]) {
      assert.equal(realm({ rules: { ...rules, [changed]: claim } }).stillAdmits(back, 'c'), false, changed)
    }
  }
  const plain = principalFrom(recordPrincipal(await admitted(realm())))
  assert.ok(plain)
  assert.equal(by.stillAdmits(plain, 'c'), false, 'it never said what it may do')
})

test('max_pending_authentications: more tokens at once are refused as busy, and those before are judged', async () => {
  const by = realm({ mostPending: 2 })
  const outcomes = [1, 2, 3].map(() => by.authenticate(identity(undefined, token())))
  assert.deepEqual((await Promise.all(outcomes)).map(told), [
    'alice by token',
    'alice by token',
    'busy: max_pending_authentications',
  ])
  assert.equal(told(await by.authenticate(identity(undefined, token()))), 'alice by token')
})

test('features K5: while the keys cannot be known nobody is let in, and nothing is counted as a guess', async () => {
  const unknown: TokenKeySource = {
    find: () => Promise.reject(new Error('jwt_jwks_url cannot be fetched')),
    holds: () => false,
  }
  const outcome = await realm({ keys: unknown }).authenticate(identity(undefined, token()))
  assert.equal(told(outcome), 'busy: jwt_jwks_url cannot be fetched')
})

test('features C8: a pre-shared key that has gone since the handshake keeps a token out', async () => {
  const inner = lenientRealm({
    authenticate: () => ({ allowed: false, reason: 'banned', rule: '' }),
    beginExchange: () => undefined,
    access: (principal, clientId) => fileRealm().access(principal, clientId),
    admitsKey: ({ fingerprint }) => fingerprint === 'good',
  })
  const who = { ...identity(undefined, token()), presharedKey: { identity: 'i', fingerprint: 'bad' } }
  assert.equal(told(await realm({ inner }).authenticate(who)), 'not-authorized: psk_file changed since the handshake')
  const good = { ...who, presharedKey: { identity: 'i', fingerprint: 'good' } }
  assert.equal(told(await realm({ inner }).authenticate(good)), 'alice by token')
})
