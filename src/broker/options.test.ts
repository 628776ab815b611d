import assert from 'node:assert/strict'
import test from 'node:test'
import { brokerOptions } from './options.ts'

const parse = (text: string) => brokerOptions.max_packet_size.value.parse(text, 'max_packet_size', undefined, () => {})

test('conf §3 max_packet_size: from 20 bytes to what can still be forwarded; CONNACK never announces more than is taken', () => {
  assert.deepEqual(['20', '268000000'].map(parse), [20, 268_000_000])
  assert.throws(() => parse('19'), { message: "Error: 'max_packet_size' must be >= 20." })
  assert.throws(() => parse('268000001'), { message: "Error: 'max_packet_size' must be <= 268000000." })
})
