import assert from 'node:assert/strict'
import test from 'node:test'
import { deviceCertificate } from '../../test/support/realms.ts'
import { provePrincipal, withCertificate } from './principal.ts'
import { principalFrom, recordPrincipal } from './principal-record.ts'

test('decision 7: a principal comes back with its owner, its method and its evidence', () => {
  for (const principal of [
    provePrincipal(undefined, 'anonymous', ''),
    provePrincipal('name "of" a guest\n', 'anonymous', ''),
    provePrincipal('ö', 'password', 'fingerprint'),
    provePrincipal('cn', 'certificate', 'subject:01'),
    provePrincipal('u', 'SCRAM-SHA-256', 'fingerprint'),
  ]) {
    const back = principalFrom(recordPrincipal(principal))
    assert.deepEqual(
      [back?.owner, back?.username, back?.method, back?.evidence],
      [principal.owner, principal.username, principal.method, principal.evidence],
    )
  }
})

test('features K4: what came with the proof comes back with the principal', () => {
  for (const username of [undefined, 'u']) {
    for (const given of [
      { roles: ['r', 's'] },
      { groups: ['g'] },
      { roles: ['r'], groups: ['g'] },
      { topics: { publish: ['a/#'], subscribe: [] } },
    ]) {
      const method = username === undefined ? 'anonymous' : 'password'
      const back = principalFrom(recordPrincipal(provePrincipal(username, method, 'e', given)))
      assert.deepEqual([back?.username, back?.method, back?.evidence], [username, method, 'e'])
      assert.deepEqual([back?.roles, back?.groups, back?.topics], [given.roles ?? [], given.groups ?? [], given.topics])
    }
  }
})

test('features K4: a certificate that was shown comes back with the principal, and the names that were given for it', () => {
  const shown = { identity: deviceCertificate, roles: ['device'], groups: ['g'] }
  for (const identity of [deviceCertificate, { ...deviceCertificate, commonName: undefined }]) {
    const principal = withCertificate(provePrincipal('u', 'password', 'e', { roles: ['r'] }), { ...shown, identity })
    const back = principalFrom(recordPrincipal(principal))
    assert.deepEqual([back?.roles, back?.groups], [['r', 'device'], ['g']])
    assert.deepEqual(JSON.stringify(back?.certificate), JSON.stringify({ ...shown, identity }))
  }
})

test('a principal to whom nothing was given is written as brokers from before could read it', () => {
  assert.equal(recordPrincipal(provePrincipal('u', 'password', 'e')), '["password","e","u"]')
  assert.equal(recordPrincipal(provePrincipal(undefined, 'anonymous', '')), '["anonymous",""]')
})

test('a record that was not written here proves nobody', () => {
  for (const record of [
    '',
    '{}',
    '[]',
    '["password"]',
    // Only the anonymous have no name.
    '["password","evidence"]',
    '["kerberos","evidence","u"]',
    '["password",1,"u"]',
    '["password","evidence","u"',
    '["password","evidence",null,{"roles":["r"]}]',
    '["password","evidence","u",null]',
    '["password","evidence","u",{"roles":"r"}]',
    '["password","evidence","u",{"groups":[1]}]',
    '["password","evidence","u",{"topics":{"publish":[]}}]',
    '["password","evidence","u",{"topics":[]}]',
    '["password","evidence","u",{"certificate":{"roles":[],"groups":[]}}]',
    '["password","evidence","u",{"certificate":{"roles":[],"groups":[],"identity":{}}}]',
  ]) {
    assert.equal(principalFrom(record), undefined, record)
  }
})
