// What sequence numbers tell: lost, twice, too late.

import assert from 'node:assert/strict'
import test from 'node:test'
import { ArrivalRing, SequenceCheck } from './sequence-check.ts'

function checked(numbers: readonly number[], shared = false) {
  const check = new SequenceCheck(1, shared)
  const taken = numbers.map(number => check.take(0, number))
  const { missing, duplicates, outOfOrder } = check
  return { taken, missing, duplicates, outOfOrder }
}

test('numbers in order are no fault', () => {
  assert.deepEqual(checked([1, 2, 3]), { taken: [true, true, true], missing: 0, duplicates: 0, outOfOrder: 0 })
})

test('a number that is jumped over is missing, the first one too', () => {
  assert.equal(checked([2, 3, 6]).missing, 3)
})

test('one that was missing and comes later is out of order, and missing no more', () => {
  assert.deepEqual(checked([1, 3, 2]), { taken: [true, true, true], missing: 0, duplicates: 0, outOfOrder: 1 })
})

test('one that comes again is a duplicate and not taken', () => {
  assert.deepEqual(checked([1, 1]), { taken: [true, false], missing: 0, duplicates: 1, outOfOrder: 0 })
  assert.deepEqual(checked([1, 2, 1]), { taken: [true, true, false], missing: 0, duplicates: 1, outOfOrder: 0 })
})

test('of shared messages gaps are to be expected, going back is not', () => {
  assert.deepEqual(checked([2, 7, 5], true), { taken: [true, true, true], missing: 0, duplicates: 0, outOfOrder: 1 })
})

test('tracks do not mix', () => {
  const check = new SequenceCheck(2, false)
  for (const number of [1, 2, 3]) for (const track of [0, 1]) assert.equal(check.take(track, number), true)
  assert.equal(check.missing + check.duplicates + check.outOfOrder, 0)
})

test('arrivals of a message are counted by message and publisher, as long as it can be in flight', () => {
  const ring = new ArrivalRing(2, 3)
  for (let sequence = 1; sequence <= 20; sequence += 1) {
    assert.deepEqual([ring.arrive(0, sequence), ring.arrive(1, sequence)], [1, 1])
    if (sequence > 2) assert.equal(ring.arrive(0, sequence - 2), 2)
  }
})
