// The hand-written side of the wire tests, checked against bytes printed in the standards.

import assert from 'node:assert/strict'
import test from 'node:test'
import { hex, parseHex, showHex, variableByteInteger } from './bytes.ts'
import { connectBytes, publishBytes, subscribeBytes } from './packet-bytes.ts'
import { splitPacket } from './packet-reader.ts'
import { property, readProperties } from './property-bytes.ts'

test('hex text may hold labels, quoted text and values', () => {
  assert.equal(showHex(hex`10 ${0x02} (remaining length) 'AB' ${Uint8Array.of(1)}`), '10 02 41 42 01')
})

test('hex text that is none of these is refused with the place', () => {
  assert.throws(() => parseHex('10 0G'), /no bytes at '0G'/)
})

test('a variable byte integer has the bytes of MQTT 5 table 1-1', () => {
  const values = [0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455]
  const expected = ['00', '7F', '80 01', 'FF 7F', '80 80 01', 'FF FF 7F', '80 80 80 01', 'FF FF FF 7F']
  assert.deepEqual(
    values.map(value => showHex(variableByteInteger(value))),
    expected,
  )
})

test('CONNECT has the layout of MQTT 5 figures 3-2 to 3-6', () => {
  const will = { topic: 'w', payload: 'x', qos: 1, retain: true }
  const bytes = connectBytes({ clientId: 'c', keepAlive: 10, will, username: 'u', password: 'p' })
  assert.equal(
    showHex(bytes),
    showHex(
      hex`10 1B 00 04 'MQTT' 05 EE 00 0A (properties) 00 00 01 'c' (will) 00 00 01 'w' 00 01 'x' 00 01 'u' 00 01 'p'`,
    ),
  )
})

test('PUBLISH and SUBSCRIBE of 3.1.1 have no property length', () => {
  const publish = publishBytes({ version: 4, topic: 'a/b', qos: 1, packetId: 10, payload: 'hi' })
  assert.equal(showHex(publish), showHex(hex`32 09 00 03 'a/b' 00 0A 'hi'`))
  const subscribe = subscribeBytes({ version: 4, packetId: 10, subscriptions: [{ filter: 'a/b', qos: 1 }] })
  assert.equal(showHex(subscribe), showHex(hex`82 08 00 0A 00 03 'a/b' 01`))
})

test('a stream is cut into packets at their remaining length, and an incomplete one waits', () => {
  const stream = hex`D0 00 30 80`
  const first = splitPacket(stream)
  assert.equal(first?.packet.name, 'PINGRESP')
  assert.equal(showHex(first.rest), '30 80')
  assert.equal(splitPacket(first.rest), undefined)
})

test('properties are read in order, user properties as pairs', () => {
  const block = hex`0C ${property.userProperty('a', 'b')} ${property.receiveMaximum(20)} ${Uint8Array.of(0x25, 1)}`
  const { properties, next } = readProperties(block, 0)
  assert.deepEqual(properties, [
    ['userProperty', 'a=b'],
    ['receiveMaximum', 20],
    ['retainAvailable', 1],
  ])
  assert.equal(next, block.length)
})
