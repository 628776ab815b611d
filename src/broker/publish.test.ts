import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine } from '../../test/support/engine.ts'

test('max_topic_levels: a name of as many levels is routed, empty ones counted; one level more ends the connection', () => {
  const engine = new Engine({ settings: { max_topic_levels: 3 } })
  const subscriber = engine.connect('s')
  subscriber.subscribe('#')
  for (const topicName of ['//', 'a//', 'aa/b/c', 'long/enough/name']) {
    engine.connect('p').publish(topicName, topicName)
    assert.deepEqual(subscriber.payloads(), [topicName])
  }
  for (const topicName of ['///', 'a/b/c/', 'longer/than/that/is']) {
    const publisher = engine.connect('p')
    publisher.publish(topicName, topicName)
    publisher.expectClosed(0x90)
    assert.deepEqual(subscriber.payloads(), [])
  }
})
