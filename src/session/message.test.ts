import assert from 'node:assert/strict'
import test from 'node:test'
import { noProperties, type Properties } from '../mqtt/packet.ts'
import { Message, neverExpires } from './message.ts'

const expiring = (at: number) => new Message('t', Buffer.from('x'), 1, false, 'p', noProperties, at)

test('§3.3.2.3.3: a message expires at its time, not before, and never without one', () => {
  assert.deepEqual(
    [9999, 10_000].map(now => expiring(10_000).hasExpired(now)),
    [false, true],
  )
  assert.equal(expiring(neverExpires).hasExpired(Number.MAX_SAFE_INTEGER), false)
})

test('[MQTT-3.3.2-6] the seconds left are rounded up, so that they are at least 1; none where nothing expires', () => {
  const left = (now: number) => expiring(10_000).secondsLeft(now)
  assert.deepEqual([0, 1, 9000, 9001, 9999].map(left), [10, 10, 1, 1, 1])
  assert.equal(expiring(neverExpires).secondsLeft(0), undefined)
})

test('[MQTT-4.3.3-7] one that expired after it was sent still says a second', () => {
  assert.equal(expiring(10_000).secondsLeft(99_999), 1)
})

test('a message that is kept no longer shares the receive buffer, and copies it once', () => {
  const receiveBuffer = Buffer.from('payload')
  const message = new Message('t', receiveBuffer.subarray(0, 3), 1, false, 'p').own()
  const kept = message.payload
  receiveBuffer.fill(0)
  assert.equal(Buffer.from(message.payload).toString(), 'pay')
  assert.equal(message.own().payload, kept)
  assert.equal(kept.buffer.byteLength, 3)
})

test('a message that is kept has the bytes that came, whatever they are and however many, and pins none of them', () => {
  for (const length of [0, 1, 64, 65, 256, 16 * 1024, 16 * 1024 + 1]) {
    const receiveBuffer = Buffer.from(Array.from({ length: length + 2 }, (_, at) => (at * 7) & 0xff))
    const sent = receiveBuffer.subarray(1, length + 1)
    const expected = Buffer.from(sent)
    const message = new Message('t', sent, 1, true, 'p').own()
    receiveBuffer.fill(0)
    message.hold()
    assert.deepEqual(Buffer.from(message.own().payload), expected)
    assert.equal(message.payloadLength, length)
  }
})

test('ten thousand kept messages of a hundred bytes take next to nothing outside the heap', () => {
  const payload = Buffer.alloc(100)
  const before = process.memoryUsage().arrayBuffers
  const kept = Array.from({ length: 10_000 }, () => new Message('t', payload, 0, true, 'p').own())
  assert.equal(kept.length, 10_000)
  const grown = process.memoryUsage().arrayBuffers - before
  assert.ok(grown < 100_000, `${grown} bytes`)
})

test('the size of a message is what payload, topic and properties have in bytes', () => {
  assert.equal(new Message('a/b', Buffer.from('12345'), 0, false, 'p').size, 8)
  assert.equal(new Message('ä/b', Buffer.from('12345'), 0, false, 'p').size, 9)
  const properties: Properties = { contentType: 'ä', userProperties: [['name', 'x'.repeat(1000)]] }
  assert.equal(new Message('a/b', Buffer.from('12345'), 0, false, 'p', properties).size, 8 + 5 + 1009)
})

test('a message that is held or owned does not change with the receive buffer; one that was made held is not copied again', () => {
  for (const keep of ['hold', 'own'] as const) {
    const buffer = Buffer.from('..payload..')
    const message = new Message('t', buffer.subarray(2, 9), 1, false, 'p')
    message[keep]()
    const kept = message.payload
    message[keep]()
    assert.equal(message.payload, kept)
    buffer.fill('x')
    assert.equal(Buffer.from(message.payload).toString(), 'payload')
  }
  const payload = Buffer.from('payload')
  const held = new Message('t', payload, 1, false, 'p', noProperties, neverExpires, undefined, true)
  held.hold()
  assert.equal(held.payload, payload)
  held.own()
  assert.equal(held.payload.buffer.byteLength, 7)
})

test('the encoded topic name is two bytes of length, then UTF-8, given or not, and counts the same', () => {
  const made = new Message('tä', Buffer.from('x'), 0, false, 'p')
  const encoded = Uint8Array.of(0, 3, 0x74, 0xc3, 0xa4)
  const given = new Message('tä', Buffer.from('x'), 0, false, 'p', noProperties, neverExpires, encoded)
  assert.deepEqual([...made.encodedTopicName], [...encoded])
  assert.equal(given.encodedTopicName, encoded)
  assert.deepEqual([made.size, given.size], [4, 4])
})
