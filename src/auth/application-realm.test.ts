import assert from 'node:assert/strict'
import test from 'node:test'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { silentLog } from '../base/log.ts'
import { type Application, type ApplicationVerdict, createApplicationRealm } from './application-realm.ts'
import { createFileRealm, type FileRealmOptions } from './file-realm.ts'
import type { Identity } from './identity.ts'
import { PasswordVerifier, passwordVerifierDefaults } from './password-verifier.ts'
import { provePrincipal } from './principal.ts'
import { principalFrom, recordPrincipal } from './principal-record.ts'

const ann: Identity = { clientId: 'c', username: 'ann', password: undefined, certificate: undefined, address: '' }

function realm(verdict: ApplicationVerdict | undefined, options: Partial<FileRealmOptions> = {}) {
  const inner = createFileRealm({
    allowAnonymous: true,
    passwords: undefined,
    acl: undefined,
    clientIdPrefixes: undefined,
    certificateIdentity: 'none',
    verifier: new PasswordVerifier(passwordVerifierDefaults, fakeClock()),
    log: silentLog,
    ...options,
  })
  const application: Application = { authenticate: verdict && (() => verdict), narrow: access => access }
  return createApplicationRealm(inner, application)
}

const allow = { kind: 'allow', username: 'bob', topics: undefined } as const

test('allow: the program says who it is, and the principal is its own', async () => {
  const outcome = await realm(allow).authenticate(ann)
  assert.ok(outcome.allowed)
  const { username, method, owner } = outcome.principal
  assert.deepEqual([username, method, owner], ['bob', 'application', 'user:bob'])
})

test('deny: nobody else is asked', async () => {
  const outcome = await realm({ kind: 'deny', rule: 'the hook' }).authenticate(ann)
  assert.deepEqual(outcome, { allowed: false, reason: 'not-authorized', rule: 'the hook' })
})

test('defer: the inner realm decides, as it does where the program is not asked', async () => {
  for (const verdict of [{ kind: 'defer' } as const, undefined]) {
    const outcome = await realm(verdict).authenticate(ann)
    assert.ok(outcome.allowed)
    assert.deepEqual([outcome.principal.username, outcome.principal.method], ['ann', 'anonymous'])
    assert.equal((await realm(verdict, { allowAnonymous: false }).authenticate(ann)).allowed, false)
  }
})

test('features C7: what the certificate has to match, a program cannot say otherwise', async () => {
  const outcome = await realm(allow, { certificateMatch: 'common-name' }).authenticate(ann)
  assert.deepEqual(outcome, { allowed: false, reason: 'not-authorized', rule: 'certificate_username_match' })
})

test('a granted list of topics is all that is allowed', async () => {
  const topics = { publish: ['up/#'], subscribe: ['down/#'] }
  const judge = realm({ ...allow, topics })
  const outcome = await judge.authenticate(ann)
  assert.ok(outcome.allowed)
  const access = judge.access(outcome.principal, 'c')
  const may = ['up/x', 'down/x'].map(topicName => [
    access.publish({ topicName }) !== undefined,
    access.receive(topicName),
  ])
  assert.deepEqual(may, [
    [true, false],
    [false, true],
  ])
})

test('a session that the program let in stays while there is a program to ask, and is found again after a restart', () => {
  for (const username of ['bob', undefined]) {
    const principal = principalFrom(recordPrincipal(provePrincipal(username, 'application', 'application')))
    assert.ok(principal !== undefined)
    assert.equal(realm(allow).stillAdmits(principal, 'c'), true)
    assert.equal(realm(undefined).stillAdmits(principal, 'c'), false)
    assert.equal(realm(undefined).knows(principal), true)
  }
})

test('no enhanced authentication passes the program by', () => {
  assert.equal(realm(allow).beginExchange('SCRAM-SHA-256', ann), undefined)
})
