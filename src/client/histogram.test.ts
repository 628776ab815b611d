// Latency buckets: how far off a quantile may be, and what is exact.

import assert from 'node:assert/strict'
import test from 'node:test'
import { Histogram } from './histogram.ts'

const largestError = 1 / 64

test('every value is told within 1.6 %, from a microsecond to an hour', () => {
  for (let value = 1; value < 3.6e9; value = Math.ceil(value * 1.013)) {
    const histogram = new Histogram()
    histogram.record(value)
    histogram.record(4e9) // so that the quantile is not cut down to the largest value
    const told = histogram.quantile(0.5)
    assert.ok(Math.abs(told - value) <= value * largestError, `${value} is told as ${told}`)
  }
})

test('quantiles are of the whole: a hundredth of slow ones shows in p999, not in p50', () => {
  const histogram = new Histogram()
  for (let count = 0; count < 990; count += 1) histogram.record(10)
  for (let count = 0; count < 10; count += 1) histogram.record(5000)
  const { p50, p99, p999, max } = histogram.summary()!
  assert.equal(p50, 10)
  assert.equal(p99, 10)
  assert.ok(Math.abs(p999 - 5000) <= 5000 * largestError)
  assert.equal(max, 5000)
})

test('the maximum is exact, and no quantile is above it', () => {
  const histogram = new Histogram()
  histogram.record(1025)
  assert.deepEqual(histogram.summary(), { p50: 1025, p99: 1025, p999: 1025, max: 1025 })
})

test('nothing counted is null; a clock that went backwards counts as no time', () => {
  const histogram = new Histogram()
  assert.equal(histogram.summary(), null)
  histogram.record(-3)
  assert.deepEqual(histogram.summary(), { p50: 0, p99: 0, p999: 0, max: 0 })
})
