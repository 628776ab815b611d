// The properties of MQTT 5 as words of a command line.

import assert from 'node:assert/strict'
import test from 'node:test'
import { propertyRow } from '../mqtt/property-table.ts'
import { propertyName, readProperty } from './property-words.ts'

const read = (...words: readonly string[]) => readProperty(words, () => ({}))

test('cli 5: -D reads every kind of value, commands in any case, and says how many words it took', () => {
  assert.deepEqual(read('CONNECT', 'receive-maximum', '7', 'rest'), {
    command: 'connect',
    properties: { receiveMaximum: 7 },
    size: 3,
  })
  assert.deepEqual(read('connect', 'session-expiry-interval', '0xff').properties, { sessionExpiryInterval: 255 })
  assert.deepEqual(read('connect', 'request-problem-information', '0').properties, { requestProblemInformation: false })
  assert.deepEqual(read('publish', 'payload-format-indicator', '1').properties, { payloadFormatIndicator: 1 })
  assert.deepEqual(read('publish', 'content-type', 'é').properties, { contentType: 'é' })
  assert.deepEqual(read('will', 'correlation-data', 'é').properties, { correlationData: Buffer.from('é') })
  assert.deepEqual(read('subscribe', 'subscription-identifier', '9').properties, { subscriptionIdentifiers: [9] })
})

test('cli 5: user properties take four words, stay in order and may repeat', () => {
  const first = read('publish', 'user-property', 'b', '1')
  assert.equal(first.size, 4)
  const { properties } = readProperty(['publish', 'user-property', 'b', '2'], () => first.properties)
  assert.deepEqual(properties.userProperties, [
    ['b', '1'],
    ['b', '2'],
  ])
})

for (const [words, message] of [
  [['publish', 'topic-alias'], /not enough arguments/],
  [['publish', 'user-property', 'a'], /not enough arguments/],
  [['toString', 'topic-alias', '1'], /Invalid command toString/],
  [['publish', 'nosuch', '1'], /Invalid property name nosuch/],
  [['publish', 'receive-maximum', '1'], /receive-maximum property not allowed for publish/],
  [['publish', 'subscription-identifier', '1'], /not supported for publish/],
  [['puback', 'reason-string', 'x'], /not supported for puback/],
  [['publish', 'topic-alias', '0'], /\(0\) out of range for property topic-alias/],
  [['publish', 'topic-alias', '65536'], /out of range/],
  [['publish', 'payload-format-indicator', '2'], /out of range/],
  [['publish', 'message-expiry-interval', 'ten'], /'ten' not a number/],
  [['publish', 'content-type', 'x'.repeat(65_536)], /too long/],
  [['pub\u001b[2J', 'a', 'b'], /Invalid command pub\\x1b\[2J/],
] as const) {
  test(`cli 5: -D ${words.join(' ').slice(0, 60).replace('\u001b', 'ESC')} is refused`, () => {
    assert.throws(() => read(...words), { code: 'ERR_CLIENT_PROPERTY', message })
  })
}

test('cli 5: a property that may stand once is refused the second time', () => {
  const { properties } = read('publish', 'content-type', 'a')
  assert.throws(() => readProperty(['publish', 'content-type', 'b'], () => properties), { message: /given twice/ })
})

test("§2.2.2.2: names are those of Mosquitto's tools", () => {
  const names = [0x01, 0x0b, 0x24, 0x26, 0x29, 0x17].map(id => propertyName(propertyRow(id)!.key))
  assert.deepEqual(names, [
    'payload-format-indicator',
    'subscription-identifier',
    'maximum-qos',
    'user-property',
    'subscription-identifier-available',
    'request-problem-information',
  ])
})
