import assert from 'node:assert/strict'
import test from 'node:test'
import { median, ratio, summarize } from './statistics.ts'

test('the median is the one in the middle by size, or the mean of two', () => {
  assert.equal(median([10, 9, 2]), 9)
  assert.equal(median([4, 1, 2, 100]), 3)
  assert.equal(median([]), undefined)
})

test('the spread is the width over the median; the values keep their order', () => {
  assert.deepEqual(summarize([12, 10, 9]), { median: 10, spread: 0.3, values: [12, 10, 9] })
  assert.deepEqual(summarize([0]), { median: 0, spread: 0, values: [0] })
  assert.equal(summarize([]), undefined)
})

test('a ratio needs both sides, and something to divide by', () => {
  assert.equal(ratio(1, 4), 0.25)
  assert.equal(ratio(undefined, 4), undefined)
  assert.equal(ratio(1, undefined), undefined)
  assert.equal(ratio(1, 0), undefined)
})
