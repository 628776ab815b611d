import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Engine, lasting } from '../../test/support/engine.ts'
import { Census, portion, type Subject } from './census.ts'

/** A subject of so many sessions like the one of `engine`, that counts how many were looked at. */
function crowd(engine: Engine, size: number) {
  const [one] = engine.broker.registry.values()
  assert.ok(one, 'the engine has a session')
  const looked = { count: 0 }
  function* values() {
    for (let left = size; left > 0; left--) {
      looked.count++
      yield one as typeof one & object
    }
  }
  const subject: Subject = { registry: { values }, connections: [] }
  return { subject, looked }
}

test('metrics: a census finds clients by version, what waits for them, and who is behind', () => {
  const engine = new Engine()
  engine.connect('a', { protocolVersion: 3 })
  engine.connect('b', { protocolVersion: 5 })
  const slow = engine.connect('c', { protocolVersion: 5 })
  slow.transport.queuedBytes = 700
  const away = engine.connect('d', lasting(4))
  away.subscribe('t', { qos: 1 })
  away.vanish()
  engine.connect('p').publish('t', 'four', { qos: 1 })
  const census = new Census(engine.broker)
  census.advance(0)
  const { clientsConnected, messagesWaiting, bytesWaiting, ...rest } = census.latest
  assert.deepEqual(Object.fromEntries(clientsConnected), { '3.1': 1, '3.1.1': 0, '5.0': 3 })
  assert.equal(messagesWaiting, 1)
  assert.ok(bytesWaiting >= 4)
  assert.deepEqual({ ...rest }, { publishersHeld: 0, connectionsBehind: 1, bytesBehind: 700 })
})

test('metrics: a census counts publishers that wait for a subscriber', () => {
  const engine = new Engine({ settings: { max_inflight_messages: 1, max_queued_messages: 1 } })
  const subscriber = engine.connect('s')
  subscriber.subscribe('t', { qos: 1 })
  const publisher = engine.connect('p')
  for (let count = 0; count < 4; count++) publisher.publish('t', 'x', { qos: 1 })
  const census = new Census(engine.broker)
  census.advance(0)
  assert.equal(census.latest.publishersHeld, [...engine.broker.connections].filter(({ isHeld }) => isHeld).length)
  assert.equal(census.latest.publishersHeld, 1)
})

test('metrics: of a hundred thousand sessions a tick looks at a few, and the figures of before stand until all were seen', () => {
  const engine = new Engine()
  const away = engine.connect('d', lasting())
  away.subscribe('t', { qos: 1 })
  away.vanish()
  engine.connect('p').publish('t', 'x', { qos: 1 })
  const { subject, looked } = crowd(engine, 100_000)
  const census = new Census(subject)
  for (let tick = 0; tick < 100_000 / portion; tick++) {
    const before = looked.count
    census.advance(tick * 100)
    assert.ok(looked.count - before <= portion, 'at most a portion per tick')
    assert.equal(census.latest.messagesWaiting, 0)
  }
  census.advance(10_000)
  assert.equal(census.latest.messagesWaiting, 100_000)
})

test('metrics: a round begins a second after the one before began, not with every tick', () => {
  const engine = new Engine()
  engine.connect('a')
  const { subject, looked } = crowd(engine, 1)
  const census = new Census(subject)
  for (const now of [0, 100, 500, 999]) census.advance(now)
  assert.equal(looked.count, 1)
  census.advance(1000)
  assert.equal(looked.count, 2)
})

test('metrics: sessions that end while they are counted end the count as well as any', () => {
  const engine = new Engine()
  const clients = ['a', 'b', 'c'].map(clientId => engine.connect(clientId))
  const census = new Census(engine.broker)
  census.advance(0)
  for (const client of clients) client.vanish()
  census.advance(1000)
  assert.equal(census.latest.clientsConnected.get('3.1.1'), 0)
})
