import assert from 'node:assert/strict'
import test from 'node:test'
import { loadResult } from './made-up-report.ts'
import { counting, interleave } from './order.ts'

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

test('of more rounds than were asked for those count in which the core was least disturbed, whatever came out', () => {
  const results = [300, 200, 250, 210].map((coreProbeMicroseconds, index) =>
    loadResult({ coreProbeMicroseconds, cpuMicrosecondsPerMessage: index }),
  )
  const chosen = counting(results, 2).map(({ cpuMicrosecondsPerMessage }) => cpuMicrosecondsPerMessage)
  assert.deepEqual(chosen, [1, 3])
})

test('without a probe the rounds count as they came', () => {
  const results = [5, 4, 3].map(sent => loadResult({ sent }))
  assert.deepEqual(
    counting(results, 2).map(({ sent }) => sent),
    [5, 4],
  )
})
