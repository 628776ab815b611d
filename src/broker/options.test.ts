import assert from 'node:assert/strict'
import test from 'node:test'
import { brokerOptions } from './options.ts'

test('conf §3 max_packet_size: from 20 bytes on; what cannot be forwarded is taken for what can, and said so', () => {
  const warnings: string[] = []
  const parse = (text: string) =>
    brokerOptions.max_packet_size.value.parse(text, 'max_packet_size', undefined, line => warnings.push(line))
  assert.deepEqual(['20', '268000000'].map(parse), [20, 268_000_000])
  assert.deepEqual(warnings, [])
  assert.throws(() => parse('19'), { message: "Error: 'max_packet_size' must be >= 20." })
  assert.equal(parse('268435455'), 268_000_000)
  assert.deepEqual(warnings, [
    'Warning: max_packet_size 268435455 is taken as 268000000: larger packets cannot be forwarded.',
  ])
})
