import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine } from '../../test/support/engine.ts'
import { parseAclFile } from '../auth/acl-file.ts'
import { provePrincipal } from '../auth/principal.ts'
import { recordForeign } from './foreign-source.ts'
import { isSource, recordSource, restoreSource } from './source-record.ts'

const anonymous = provePrincipal(undefined, 'anonymous', '')

function engineOn(port: number, acl?: string): Engine {
  return new Engine({
    listener: { port },
    ...(acl !== undefined && { realm: { acl: parseAclFile(acl, 'acl').rules } }),
  })
}

test('decision 7: who opened a session comes back, judged by the rules that its listener has now', () => {
  const record = recordSource(engineOn(1883).listener, anonymous)
  const { listener } = engineOn(1883, 'topic read open/#')
  const restored = restoreSource(record, 'c', [engineOn(1884).listener, listener])
  assert.equal(restored?.principal.owner, anonymous.owner)
  assert.deepEqual([restored?.access.receive('open/x'), restored?.access.receive('other')], [true, false])
  assert.equal(restored?.access.mayPublish('open/x'), false)
  assert.equal(restored?.access.standing, 'admitted')
  assert.deepEqual(restored?.access.source, record)
})

test('without its listener nothing is allowed, and the record stays as it is for when it comes back', () => {
  const record = recordSource(engineOn(1883).listener, anonymous)
  const access = restoreSource(record, 'c', [engineOn(1884).listener])?.access
  assert.deepEqual(
    [access?.receive('t'), access?.subscribe('t'), access?.publish({ topicName: 't' }), access?.mayPublish('t')],
    [false, false, undefined, false],
  )
  assert.equal(access?.standing, 'unproven')
  assert.deepEqual(access?.source, record)
})

test('what is no record is nobody’s', () => {
  const { listener } = engineOn(1883)
  for (const record of ['', ':1883', ':1883\n', ':1883\n["anonymous"]', ':1883\n["root",""]']) {
    assert.equal(restoreSource(Buffer.from(record), 'c', [listener]), undefined, record)
    assert.equal(isSource(Buffer.from(record)), false, record)
  }
})

test('a record is one whatever the rules say of whom it names', () => {
  assert.equal(isSource(recordSource(engineOn(1883).listener, anonymous)), true)
  assert.equal(isSource(recordForeign({ username: 'nobody' }, 1883)), true)
  assert.equal(isSource(Buffer.from('\n{}')), false)
})
