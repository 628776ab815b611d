import assert from 'node:assert/strict'
import test from 'node:test'
import { AddressShares } from './address-shares.ts'

test('an address takes its share and no more, whatever others have, and again what it gave back', () => {
  const shares = new AddressShares(2)
  assert.deepEqual(
    [1, 2, 3].map(() => shares.take('192.0.2.1')),
    [true, true, false],
  )
  assert.equal(shares.take('192.0.2.2'), true)
  shares.giveBack('192.0.2.1')
  assert.deepEqual(
    [1, 2].map(() => shares.take('192.0.2.1')),
    [true, false],
  )
})

test('an IPv6 host has one share for all its addresses, and IPv4 inside IPv6 is IPv4', () => {
  const shares = new AddressShares(1)
  assert.equal(shares.take('2001:db8::1'), true)
  assert.equal(shares.take('2001:db8::2'), false)
  assert.equal(shares.take('2001:db8:0:1::2'), true)
  assert.equal(shares.take('192.0.2.1'), true)
  assert.equal(shares.take('::ffff:192.0.2.1'), false)
})
