import assert from 'node:assert/strict'
import test from 'node:test'
import { provePrincipal } from '../auth/principal.ts'
import { RestoredSources } from './restored-sources.ts'
import { recordSource } from './source-record.ts'

/** Of a listener that is gone: what can be told of whose a record is does not need it. */
const listener = { name: '1883' } as Parameters<typeof recordSource>[0]

test('restored sources: the same record of the same client is one object, another record or client another', () => {
  const sources = new RestoredSources([])
  const ann = recordSource(listener, provePrincipal('ann', 'password', 'proof'))
  const bob = recordSource(listener, provePrincipal('bob', 'password', 'proof'))
  const first = sources.find(ann, 'client')
  assert.equal(first?.principal.username, 'ann')
  assert.equal(sources.find(Buffer.from(ann), 'client'), first)
  assert.notEqual(sources.find(ann, 'other'), first)
  assert.equal(sources.find(bob, 'client')?.principal.username, 'bob')
})

test('restored sources: a record that says nothing stays one', () => {
  const sources = new RestoredSources([])
  const nothing = Buffer.from('nothing')
  assert.equal(sources.find(nothing, 'client'), undefined)
  assert.equal(sources.find(nothing, 'client'), undefined)
})

test('restored sources: where the record ends and the client id begins is no matter of their bytes', () => {
  const sources = new RestoredSources([])
  const record = recordSource(listener, provePrincipal('ann', 'password', 'proof'))
  const first = sources.find(record, 'xclient')
  assert.notEqual(sources.find(Buffer.concat([record, Buffer.from('x')]), 'client'), first)
})
