import assert from 'node:assert/strict'
import test from 'node:test'
import { TokenBucket } from './token-bucket.ts'

test('a second’s worth may come at once, then one each time it has come back', () => {
  const bucket = new TokenBucket()
  const takes = (count: number, now: number) => Array.from({ length: count }, () => bucket.take(4, now))
  assert.deepEqual(takes(5, 1000), [true, true, true, true, false])
  assert.deepEqual(takes(1, 1249), [false])
  assert.deepEqual(takes(2, 1250), [true, false])
  assert.deepEqual(takes(5, 60_000), [true, true, true, true, false], 'no more than a second’s worth is saved up')
})

test('what is spent beyond that is a debt, and the time to pay it is told', () => {
  const bucket = new TokenBucket()
  assert.equal(bucket.spend(10, 10, 0), 0)
  assert.equal(bucket.spend(5, 10, 0), 500)
  assert.equal(bucket.spend(1, 10, 500), 100)
  assert.equal(bucket.spend(1, 10, 700), 0)
})

test('another rate counts from now on, and a clock that goes back gives nothing', () => {
  const bucket = new TokenBucket()
  assert.equal(bucket.spend(100, 100, 1000), 0)
  assert.equal(bucket.take(100, 0), false)
  assert.equal(bucket.take(200, 0), true)
})
