// The generator's packets against bytes by hand.

import assert from 'node:assert/strict'
import test from 'node:test'
import { encodeConnect, encodePublish, encodeSubscribe, receiveMaximumOf } from './packets.ts'
import { parseRequest } from './request.ts'

const request = parseRequest(
  JSON.stringify({
    host: '127.0.0.1',
    port: 1883,
    protocol: 4,
    brokerPids: [],
    scenario: { kind: 'idle', connections: 1 },
  }),
)
const request5 = { ...request, protocol: 5 } as const

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

test('[MQTT-3.1.2] CONNECT: clean start, no keep-alive; user name and password when there are', () => {
  assert.deepEqual(encodeConnect('ab', request), hex('10 0e 0004 4d515454 04 02 0000 0002 6162'))
  assert.deepEqual(
    encodeConnect('ab', request5, true),
    hex('10 17 0004 4d515454 05 00 0000 08 11 00000e10 21 ffff 0002 6162'),
  )
  assert.deepEqual(encodeConnect('ab', request, true), hex('10 0e 0004 4d515454 04 00 0000 0002 6162'))
  assert.deepEqual(
    encodeConnect('ab', { ...request5, username: 'u', password: 'p' }),
    hex('10 18 0004 4d515454 05 c2 0000 03 21 ffff 0002 6162 0001 75 0001 70'),
  )
})

test('[MQTT-3.8] SUBSCRIBE: all filters at one QoS', () => {
  assert.deepEqual(encodeSubscribe(258, ['a', 'b/#'], request, 1), hex('82 0c 0102 0001 61 01 0003 622f23 01'))
  assert.deepEqual(encodeSubscribe(1, ['a'], request5, 0), hex('82 07 0001 00 0001 61 00'))
})

test('[MQTT-3.3] PUBLISH: where packet id and payload stand', () => {
  const plain = encodePublish('t', 12, 0, 4)
  assert.deepEqual(plain.bytes, Buffer.concat([hex('30 0f 0001 74'), Buffer.from('abcdefghijkl')]))
  assert.deepEqual([plain.packetIdAt, plain.payloadAt], [0, 5])
  const rich = encodePublish('t', 200, 2, 5, true)
  assert.deepEqual(rich.bytes.subarray(0, 9), hex('35 ce01 0001 74 0000 00'))
  assert.deepEqual([rich.packetIdAt, rich.payloadAt, rich.bytes.length], [6, 9, 209])
})

test('[MQTT-3.2.2] Receive Maximum is found among the other properties of CONNACK', () => {
  for (const [properties, expected] of [
    ['03 21 0014', 20],
    ['0d 11 00000e10 13 003c 24 01 21 000a', 10],
    ['0e 12 0002 6162 26 0001 6b 0001 76 21', 65_535], // cut off by the length
    ['12 12 0002 6162 26 0001 6b 0001 76 22 000a 21 0005', 5],
    ['00', 65_535],
  ] as const) {
    const body = hex(`00 00 ${properties}`)
    assert.equal(receiveMaximumOf(body, 0, properties.startsWith('0e') ? body.length - 1 : body.length, 5), expected)
  }
  assert.equal(receiveMaximumOf(hex('0000'), 0, 2, 4), 65_535)
})
