import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionError } from '../base/errors.ts'
import { binarySize, utf8Size, variableByteIntegerSize, Writer } from './writer.ts'

test('§1.5.5: a variable byte integer takes one to four bytes', () => {
  const sizes = [0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455].map(variableByteIntegerSize)
  assert.deepEqual(sizes, [1, 1, 2, 2, 3, 3, 4, 4])
})

test('§1.5.4, §1.5.6: what does not fit its length prefix is a bug of the caller, never cut off', () => {
  assert.equal(utf8Size('ä'.repeat(32_767)), 2 + 65_534)
  assert.throws(() => utf8Size('ä'.repeat(32_768)), AssertionError)
  assert.equal(binarySize(Buffer.alloc(65_535)), 2 + 65_535)
  assert.throws(() => binarySize(Buffer.alloc(65_536)), AssertionError)
})

test('a packet that is not written to its end, or beyond it, never leaves', () => {
  const short = new Writer(0xc0, 1)
  assert.throws(() => short.finish(), AssertionError)
  const long = new Writer(0xc0, 0)
  long.byte(1)
  assert.throws(() => long.finish(), AssertionError)
  assert.throws(() => new Writer(0x30, 268_435_456), AssertionError)
})
