import assert from 'node:assert/strict'
import test from 'node:test'
import { Throttle, type ThrottleSettings } from './throttle.ts'

const settings: ThrottleSettings = {
  freeFailures: 2,
  firstDelayMs: 100,
  maximumDelayMs: 1000,
  forgiveOneAfterMs: 10_000,
  maximumKeys: 3,
}

function throttleAfter(failures: number, key = 'a'): Throttle {
  const throttle = new Throttle(settings)
  for (let count = 0; count < failures; count += 1) throttle.fail(key, 0)
  return throttle
}

test('features H4: the first failures are free, then each doubles the delay, up to the longest', () => {
  const delays = [0, 1, 2, 3, 4, 5, 6, 7, 8, 100].map(failures => throttleAfter(failures).delayMs('a', 0))
  assert.deepEqual(delays, [0, 0, 0, 100, 200, 400, 800, 1000, 1000, 1000])
})

test('features H4: the delay runs from the latest failure, and other keys do not wait', () => {
  const throttle = throttleAfter(4)
  assert.deepEqual(
    [0, 150, 200, 5000].map(now => throttle.delayMs('a', now)),
    [200, 50, 0, 0],
  )
  assert.equal(throttle.delayMs('b', 0), 0)
  throttle.fail('a', 5000)
  assert.equal(throttle.delayMs('a', 5000), 400)
})

test('features H4: time without failures forgives one after the other, and a thousand as fast as seven', () => {
  const nextDelays = [10_000, 20_000, 30_000, 50_000, 60_000].map(now => {
    const throttle = throttleAfter(1000)
    throttle.fail('a', now)
    return throttle.delayMs('a', now)
  })
  assert.deepEqual(nextDelays, [1000, 800, 400, 100, 0])
})

test('features H4: successes forgive, but slower than failures count', () => {
  const throttle = throttleAfter(3)
  throttle.succeed('a', 0)
  assert.equal(throttle.delayMs('a', 0), 0)
  for (let round = 0; round < 20; round += 1) {
    throttle.fail('a', 0)
    throttle.succeed('a', 0)
  }
  assert.equal(throttle.delayMs('a', 0) >= 800, true)
  for (let success = 0; success < 20; success += 1) throttle.succeed('a', 0)
  assert.equal(throttle.delayMs('a', 0), 0)
})

test('features H4: a bounded number of keys is remembered, and who failed longest ago is forgotten first', () => {
  const throttle = throttleAfter(3)
  throttle.fail('b', 0)
  throttle.fail('a', 0)
  throttle.fail('c', 0)
  throttle.fail('d', 0)
  assert.equal(throttle.delayMs('a', 0), 200)
  throttle.fail('e', 0)
  throttle.fail('f', 0)
  assert.equal(throttle.delayMs('a', 0), 0)
})

test('metrics: a throttle knows how many attempts wait, and how many have had to', () => {
  const throttle = new Throttle(settings)
  for (let count = 0; count < 5; count++) throttle.enter('a')
  throttle.enter('b')
  assert.deepEqual([throttle.waiting, throttle.delayed], [5, 5])
  throttle.leave('a')
  throttle.leave('b')
  assert.deepEqual([throttle.waiting, throttle.delayed], [3, 5])
})
