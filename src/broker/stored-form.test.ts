import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noProperties, type Properties, type Will } from '../mqtt/packet.ts'
import {
  decodeForwarded,
  decodeRetainedExtras,
  decodeWill,
  encodeForwarded,
  encodeRetainedExtras,
  encodeWill,
} from './stored-form.ts'

const properties: Properties = {
  payloadFormatIndicator: 1,
  contentType: 'text/plain',
  responseTopic: 'answers',
  correlationData: Buffer.of(1, 2),
  userProperties: [['name', 'value']],
}

test('the properties of a message come back as they were, also when there are none', () => {
  assert.deepEqual(decodeForwarded(encodeForwarded({ properties })), properties)
  assert.equal(decodeForwarded(encodeForwarded({ properties: noProperties })), noProperties)
})

test('the source of a retained message comes back beside its properties', () => {
  const source = Buffer.from('whoever')
  assert.deepEqual(decodeRetainedExtras(encodeRetainedExtras(source, { properties })), { source, properties })
  const plain = decodeRetainedExtras(encodeRetainedExtras(source, { properties: noProperties }))
  assert.deepEqual(plain, { source, properties: noProperties })
})

test('a will comes back with its delay', () => {
  const will: Will = {
    topicName: 'gone',
    payload: Buffer.from('x'),
    qos: 2,
    retain: true,
    properties: { ...properties, willDelayInterval: 5 },
  }
  assert.deepEqual(decodeWill(encodeWill(will), 5), will)
})

test('what is no record is refused, not half read', () => {
  const record = encodeForwarded({ properties })
  assert.throws(() => decodeForwarded(record.subarray(0, -1)), /within a packet/)
  assert.throws(() => decodeForwarded(Buffer.from('c000', 'hex')), /no PUBLISH/)
  assert.throws(() => decodeRetainedExtras(Buffer.from('00000009ff', 'hex')), /ends behind/)
})
