import assert from 'node:assert/strict'
import test from 'node:test'
import { provePrincipal } from './principal.ts'
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
  ]) {
    assert.equal(principalFrom(record), undefined, record)
  }
})
