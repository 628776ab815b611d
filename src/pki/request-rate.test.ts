import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RequestRate } from './request-rate.ts'

const admitted = (rate: RequestRate, address: string, count: number, now: number) =>
  Array.from({ length: count }, () => rate.admits(address, now)).filter(Boolean).length

test('one address has its share, all together have theirs, and the next second begins anew', () => {
  const rate = new RequestRate({ requestsPerAddress: 3, requestsPerSecond: 5 })
  assert.equal(admitted(rate, '192.0.2.1', 10, 1000), 3)
  assert.equal(admitted(rate, '192.0.2.2', 10, 1999), 2)
  assert.equal(admitted(rate, '192.0.2.3', 1, 1999), 0)
  assert.equal(admitted(rate, '192.0.2.1', 10, 2000), 3)
})

test('a host with a network of IPv6 addresses is one address', () => {
  const rate = new RequestRate({ requestsPerAddress: 1, requestsPerSecond: 5 })
  assert.equal(rate.admits('2001:db8::1', 0), true)
  assert.equal(rate.admits('2001:db8::2', 0), false)
  assert.equal(rate.admits('2001:db8:0:1::1', 0), true)
})
