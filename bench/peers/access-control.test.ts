import assert from 'node:assert/strict'
import test from 'node:test'
import { largeAclFile, loadUser, passwordFile, smallAclFile } from '../access.ts'
import { AccessRules, Passwords } from './access-control.ts'

test('the right password of a known user passes, and nothing else', async () => {
  const passwords = new Passwords(passwordFile())
  assert.equal(await passwords.verify(loadUser.name, Buffer.from(loadUser.password)), true)
  assert.equal(await passwords.verify(loadUser.name, Buffer.from('guess')), false)
  assert.equal(await passwords.verify('nobody', Buffer.from(loadUser.password)), false)
})

test('rules grant what they name, by user, kind of access and wildcard', () => {
  const rules = new AccessRules('user a\ntopic read r/#\ntopic write w/+/x\ntopic e/f\n\nuser b\ntopic read b')
  assert.deepEqual([rules.permits('a', 'c', 'r/s', 'read'), rules.permits('a', 'c', 'r/s', 'write')], [true, false])
  assert.deepEqual(
    [rules.permits('a', 'c', 'w/1/x', 'write'), rules.permits('a', 'c', 'w/1/y', 'write')],
    [true, false],
  )
  assert.deepEqual([rules.permits('a', 'c', 'e/f', 'read'), rules.permits('a', 'c', 'e/f/g', 'read')], [true, false])
  assert.deepEqual([rules.permits('b', 'c', 'b', 'read'), rules.permits('b', 'c', 'r/s', 'read')], [true, false])
})

test('a denial beats what would grant', () => {
  const rules = new AccessRules('user a\ntopic readwrite t/#\ntopic deny t/secret')
  assert.deepEqual(
    [rules.permits('a', 'c', 't/open', 'read'), rules.permits('a', 'c', 't/secret', 'read')],
    [true, false],
  )
})

test('patterns hold for everybody, with their own names in them', () => {
  const rules = new AccessRules('pattern write c/%c/#\npattern read u/%u')
  assert.deepEqual(
    [rules.permits('a', 'me', 'c/me/x', 'write'), rules.permits('a', 'me', 'c/you/x', 'write')],
    [true, false],
  )
  assert.deepEqual([rules.permits('a', 'me', 'u/a', 'read'), rules.permits('a', 'me', 'u/b', 'read')], [true, false])
})

test('[MQTT-4.7.2-1] a wildcard at the front does not reach $SYS', () => {
  const rules = new AccessRules('user a\ntopic read #')
  assert.deepEqual([rules.permits('a', 'c', 'x', 'read'), rules.permits('a', 'c', '$SYS/x', 'read')], [true, false])
})

test('both lists grant the load what it needs, and no more', () => {
  for (const text of [smallAclFile(), largeAclFile()]) {
    const rules = new AccessRules(text)
    assert.equal(rules.permits(loadUser.name, 'bench-1', 'bench/a/b', 'write'), true)
    assert.equal(rules.permits(loadUser.name, 'bench-1', 'bench/a/b', 'read'), true)
    assert.equal(rules.permits(loadUser.name, 'bench-1', 'devices/device-1/1/x', 'write'), false)
  }
})

test('the large list has ten thousand rules', () => {
  assert.equal(largeAclFile().match(/^(topic|pattern) /gm)?.length, 10_000)
})
