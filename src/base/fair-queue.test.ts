import assert from 'node:assert/strict'
import test from 'node:test'
import { FairQueue } from './fair-queue.ts'

function queueOf(...places: readonly (readonly [line: string, item: number])[]): FairQueue<number> {
  const queue = new FairQueue<number>()
  for (const [line, item] of places) queue.push(line, item)
  return queue
}

function takeAll(queue: FairQueue<number>): number[] {
  const taken: number[] = []
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) taken.push(item)
  return taken
}

test('one line is served in the order it came', () => {
  assert.deepEqual(takeAll(queueOf(['a', 1], ['a', 2], ['a', 3])), [1, 2, 3])
})

test('lines are served in turn: who comes late to an empty line waits for one of a long one', () => {
  assert.deepEqual(
    takeAll(queueOf(['a', 1], ['a', 2], ['a', 3], ['b', 10], ['b', 11], ['c', 20])),
    [1, 10, 20, 2, 11, 3],
  )
})

test('a line that was just served goes behind the others, also when it fills up again', () => {
  const queue = queueOf(['a', 1], ['a', 2], ['b', 10])
  assert.equal(queue.shift(), 1)
  queue.push('a', 3)
  queue.push('c', 20)
  assert.deepEqual(takeAll(queue), [10, 2, 20, 3])
})

test('a place that was given up is skipped and no longer counted; one that was served cannot be', () => {
  const queue = queueOf(['a', 1], ['a', 2], ['b', 10])
  assert.equal(queue.remove('a', 1), true)
  assert.equal(queue.remove('b', 10), true)
  assert.equal(queue.remove('b', 10), false)
  assert.equal(queue.remove('c', 20), false)
  assert.equal(queue.length, 1)
  assert.equal(queue.shift(), 2)
  assert.equal(queue.remove('a', 2), false)
  assert.deepEqual([queue.length, queue.shift()], [0, undefined])
})

test('the longest line gives way to a shorter one, with its last place, and to none as long as it', () => {
  const queue = queueOf(['a', 1], ['a', 2], ['a', 3], ['b', 10])
  assert.equal(queue.giveWay('c'), 3)
  assert.equal(queue.giveWay('b'), undefined)
  assert.equal(queue.giveWay('a'), undefined)
  queue.push('c', 20)
  assert.equal(queue.giveWay('d'), 2)
  assert.equal(queue.giveWay('d'), undefined)
  assert.deepEqual([queue.length, takeAll(queue)], [3, [1, 10, 20]])
})
