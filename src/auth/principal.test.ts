import assert from 'node:assert/strict'
import test from 'node:test'
import { permitAlike, permitOwn } from './principal.ts'

test('a permit holds for another value on the same topic, which it leaves as it is', () => {
  const message = { topicName: 'a', payload: 'x' }
  assert.equal(permitAlike(permitOwn({ topicName: 'a' }), message), message)
})

test('a permit for one topic is none for another', () => {
  for (const topicName of ['b', 'a/', 'A', '']) {
    assert.throws(() => permitAlike(permitOwn({ topicName: 'a' }), { topicName }), /a permit is for its own topic/)
  }
})
