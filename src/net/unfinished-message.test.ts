import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UnfinishedMessage } from './unfinished-message.ts'

test('bytes count until the message ends', () => {
  const message = new UnfinishedMessage()
  message.received(100)
  message.received(50)
  assert.equal(message.bytes, 150)
  message.ended()
  assert.equal(message.bytes, 0)
  message.received(400)
  assert.equal(message.bytes, 0, 'the chunk that ends a message')
  message.received(7)
  assert.equal(message.bytes, 7)
})

test('pings count for nothing, and a peer gains nothing by them', () => {
  const message = new UnfinishedMessage()
  for (let count = 0; count < 10; count++) {
    message.passed(125)
    message.received(131)
    assert.equal(message.bytes, 0)
  }
  message.received(3)
  message.passed(0)
  message.received(6)
  assert.equal(message.bytes, 3)
  // Its first two bytes came with the end of the message before it.
  message.ended()
  message.received(40)
  message.passed(0)
  message.received(4)
  assert.equal(message.bytes, 0)
  message.received(9)
  assert.equal(message.bytes, 9)
})
