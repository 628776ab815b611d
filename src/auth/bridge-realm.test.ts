import assert from 'node:assert/strict'
import test from 'node:test'
import { hashOfPw, fileRealm as realm } from '../../test/support/realms.ts'
import { parseAclFile } from './acl-file.ts'
import { createBridgeRealm } from './bridge-realm.ts'
import { parsePasswordFile } from './password-file.ts'
import type { Principal } from './principal.ts'
import { principalFrom, recordPrincipal } from './principal-record.ts'
import type { Realm } from './realm.ts'

const passwords = parsePasswordFile(`mover:${hashOfPw}\n`, 'f')
const { rules: acl } = parseAclFile('user mover\ntopic readwrite moved/#\n', 'a')
const inner = realm({ passwords, acl })

function principalOf(by: Realm): Principal {
  const outcome = by.authenticate({
    clientId: 'local.x',
    username: undefined,
    password: undefined,
    certificate: undefined,
    address: '',
  })
  assert.ok(!(outcome instanceof Promise) && outcome.allowed, 'refused')
  return outcome.principal
}

test('mosquitto-conf 5 local_username: without it a bridge may do everything but speak for the broker and control it', () => {
  const own = createBridgeRealm({ inner, username: undefined })
  const access = own.access(principalOf(own), 'local.x')
  assert.ok(access.publish({ topicName: 'any/topic' }))
  assert.ok(access.receive('any/topic') && access.subscribe('#'))
  assert.equal(access.publish({ topicName: '$SYS/broker/uptime' }), undefined)
  assert.equal(access.publish({ topicName: '$CONTROL/dynamic-security/v1' }), undefined)
  assert.equal(access.receive('$CONTROL/dynamic-security/v1/response'), false)
})

test('mosquitto-conf 5 local_username: with it a bridge may do what the rules allow that user', () => {
  const own = createBridgeRealm({ inner, username: 'mover' })
  const access = own.access(principalOf(own), 'local.x')
  assert.ok(access.publish({ topicName: 'moved/a' }) && access.receive('moved/a'))
  assert.equal(access.publish({ topicName: 'other' }), undefined)
  assert.equal(access.receive('other'), false)
})

test('mosquitto-conf 5 local_username: one whom the rules do not know is refused', () => {
  const outcome = createBridgeRealm({ inner, username: 'stranger' }).authenticate({
    clientId: 'local.x',
    username: undefined,
    password: undefined,
    certificate: undefined,
    address: '',
  })
  assert.ok(!(outcome instanceof Promise) && !outcome.allowed)
  assert.equal(outcome.reason, 'not-authorized')
})

test('mosquitto-conf 5 local_username: a user who is gone after a reload, or another one, is admitted no more', () => {
  const before = principalOf(createBridgeRealm({ inner, username: 'mover' }))
  const admits = (username: string | undefined, rules: Realm) =>
    createBridgeRealm({ inner: rules, username }).stillAdmits(before, 'local.x')
  assert.equal(admits('mover', inner), true)
  assert.equal(admits('mover', realm({ passwords: parsePasswordFile('', 'f'), acl })), false)
  assert.equal(admits(undefined, inner), false)
  assert.equal(createBridgeRealm({ inner, username: undefined }).knows(before), true, 'and what waits is kept')
})

test('features H4: what a bridge has belongs to no client, and survives a restart as its own', () => {
  const principal = principalOf(createBridgeRealm({ inner, username: 'mover' }))
  assert.notEqual(principal.owner, inner.recall('mover')?.owner)
  for (const username of ['mover', undefined]) {
    const own = createBridgeRealm({ inner, username })
    const again = principalFrom(recordPrincipal(principalOf(own)))
    assert.ok(again)
    assert.deepEqual([again.owner, own.stillAdmits(again, 'local.x')], [`bridge:${username ?? ''}`, true])
  }
})
