import assert from 'node:assert/strict'
import test from 'node:test'
import { interleave } from './order.ts'

test('each round begins with the next broker, and all have their turn in it', () => {
  assert.deepEqual(
    interleave(['a', 'b', 'c'], () => 4),
    [
      ['a', 'b', 'c'],
      ['b', 'c', 'a'],
      ['c', 'a', 'b'],
      ['a', 'b', 'c'],
    ],
  )
})

test('one that has fewer rounds is in the first', () => {
  assert.deepEqual(
    interleave(['a', 'b', 'c'], item => (item === 'c' ? 1 : 3)),
    [
      ['a', 'b', 'c'],
      ['b', 'a'],
      ['a', 'b'],
    ],
  )
})

test('one broker has every round, none have no round', () => {
  assert.deepEqual(
    interleave(['a'], () => 2),
    [['a'], ['a']],
  )
  assert.deepEqual(
    interleave([], () => 2),
    [],
  )
})
