import assert from 'node:assert/strict'
import test from 'node:test'
import { deviceCertificate, fileRealm, hashOfPw, identity, lenientRealm } from '../../test/support/realms.ts'
import type { CertificateGrant } from './certificate-grants.ts'
import { type CertificateRealmOptions, createCertificateRealm } from './certificate-realm.ts'
import { parsePasswordFile } from './password-file.ts'
import { defaultDecoyHash } from './password-hash.ts'
import { type Principal, provePrincipal } from './principal.ts'
import { principalFrom, recordPrincipal } from './principal-record.ts'
import type { Realm } from './realm.ts'
import type { UserDirectory } from './user-directory.ts'

const device: CertificateGrant = { name: 'device', attribute: 'common-name', pattern: 'device *' }
const plant: CertificateGrant = { name: 'plant', attribute: 'subject.O', pattern: 'Example' }
const certificates = fileRealm({ certificateIdentity: 'common-name' })
const named = { ...deviceCertificate, commonName: 'device 7' }

function realm(options: Partial<CertificateRealmOptions> = {}): Realm {
  return createCertificateRealm({
    inner: certificates,
    roles: [device],
    groups: [plant],
    keepsCertificates: false,
    ...options,
  })
}

async function admitted(by: Realm, who = identity(undefined, undefined, named)): Promise<Principal> {
  const outcome = await by.authenticate(who)
  assert.ok(outcome.allowed)
  return outcome.principal
}

test('features K4: who shows a certificate has the roles and groups of the lines that it fits', async () => {
  const principal = await admitted(realm())
  assert.deepEqual([principal.username, principal.roles, principal.groups], ['device 7', ['device'], ['plant']])
  const other = { ...named, printedSubject: 'O=Other\nCN=gateway' }
  const { roles, groups } = await admitted(realm(), identity(undefined, undefined, other))
  assert.deepEqual([roles, groups], [[], []])
})

test('features K4, C7: a password beside a certificate counts for the name, and the certificate for the roles', async () => {
  const passwords = parsePasswordFile(`alice:${hashOfPw}\n`, 'f')
  const by = realm({ inner: fileRealm({ passwords }) })
  const principal = await admitted(by, identity('alice', 'pw', named))
  assert.deepEqual([principal.username, principal.method, principal.roles], ['alice', 'password', ['device']])
  assert.equal(by.stillAdmits(principal, 'c'), true)
  assert.deepEqual((await admitted(by, identity('alice', 'pw'))).roles, [], 'no certificate, no role')
  assert.equal((await by.authenticate(identity('alice', 'wrong', named))).allowed, false)
})

test('features K4: roles that were given otherwise stay before those of the certificate', async () => {
  const inner = lenientRealm({
    authenticate: () => ({
      allowed: true,
      principal: provePrincipal('u', 'token', 'e', { roles: ['first'], groups: ['team'], msLeft: () => 5 }),
    }),
    beginExchange: method => ({
      method,
      step: async () => ({ kind: 'success', data: undefined, principal: provePrincipal('u', 'token', 'e') }),
    }),
    access: (principal, clientId) => certificates.access(principal, clientId),
  })
  const by = realm({ inner })
  const principal = await admitted(by)
  assert.deepEqual(
    [principal.roles, principal.groups],
    [
      ['first', 'device'],
      ['team', 'plant'],
    ],
  )
  assert.equal(principal.msLeft, 5, 'a token ends when it did')
  const step = await by.beginExchange('JWT', identity(undefined, undefined, named))?.step(new Uint8Array())
  assert.ok(step?.kind === 'success')
  assert.deepEqual(step.principal.roles, ['device'])
})

test('features K4: a reload excludes those alone whose certificates are given something else', async () => {
  const before = realm()
  const [principal, other] = [
    await admitted(before),
    await admitted(before, identity(undefined, undefined, { ...named, printedSubject: 'O=Example\nCN=gateway' })),
  ]
  const standing = (by: Realm) => [principal, other].map(one => [by.stillAdmits(one, 'c'), by.knows(one)])
  assert.deepEqual(standing(before), [
    [true, true],
    [true, true],
  ])
  const unrelated: CertificateGrant = { name: 'x', attribute: 'san.dns', pattern: '*' }
  assert.deepEqual(standing(realm({ roles: [unrelated, device] })), [
    [true, true],
    [true, true],
  ])
  assert.deepEqual(standing(realm({ roles: [] })), [
    [false, true],
    [true, true],
  ])
})

test('features K4: after a restart what was given holds, as long as the lines would give it', async () => {
  const back = principalFrom(recordPrincipal(await admitted(realm())))
  assert.ok(back)
  assert.deepEqual([back.roles, back.groups], [['device'], ['plant']])
  assert.equal(realm().stillAdmits(back, 'c'), true)
  assert.equal(realm({ roles: [] }).stillAdmits(back, 'c'), false)
})

test('features K4: who was let in for a role alone is not let in without it, and the session waits for it to come back', async () => {
  let isThere = true
  const rights = { roles: [], allows: () => true, consult: () => assert.fail('nobody asks why') }
  const directory: UserDirectory = {
    version: 0,
    decoy: defaultDecoyHash(),
    user: () => undefined,
    rights: ({ roles }) => (isThere && roles.length > 0 ? rights : undefined),
  }
  const by = realm({ inner: fileRealm({ certificateIdentity: 'common-name', directory }) })
  const [given, other] = [await admitted(by), provePrincipal('x', 'certificate', 'common-name:')]
  const standing = () => [given, other].map(one => [by.stillAdmits(one, 'c'), by.knows(one)])
  assert.deepEqual(standing(), [
    [true, true],
    [false, false],
  ])
  isThere = false
  assert.deepEqual(standing(), [
    [false, true],
    [false, false],
  ])
})

test('certificates are kept with the proof where rules may ask for them, and nowhere else', async () => {
  const nothing = { roles: [], groups: [] }
  assert.equal((await admitted(realm(nothing))).certificate, undefined)
  assert.equal((await admitted(realm({ ...nothing, keepsCertificates: true }))).certificate?.identity, named)
  assert.equal((await admitted(realm())).certificate?.identity, named, 'they say what was given for')
})
