import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine, type EngineOptions } from '../../test/support/engine.ts'
import { PacketType } from '../mqtt/packet.ts'
import { HookedConnection } from './hooked-connection.ts'
import type { Hooks } from './hooks.ts'
import { Program } from './program.ts'

/** An engine whose connections have hooks. */
function hooked(hooks: Hooks, options?: EngineOptions) {
  const engine = new Engine(options)
  const program = new Program(hooks, 1000, engine.log, engine.clock)
  program.calls.wheel = engine.broker.wheel
  engine.broker.accept = (peer, transport, listener) =>
    new HookedConnection(program, engine.broker, peer, transport, listener)
  return engine
}

test('keep alive: a client is heard whose messages the program refuses: it stays as long as it sends', () => {
  const engine = hooked({ incoming: () => false })
  const client = engine.connect('a', { keepAlive: 10 })
  for (let seconds = 0; seconds < 60; seconds += 10) {
    engine.pass(10_000)
    client.publish('t', 'x')
  }
  assert.equal(client.transport.closed, false)
  engine.pass(16_000)
  assert.equal(client.expect(PacketType.disconnect).reasonCode, 0x8d)
})

test('max_publish_rate: what the program refuses, or drops, counts as any other message', () => {
  for (const answer of [false, 'drop'] as const) {
    const engine = hooked({ incoming: () => answer }, { listener: { max_publish_rate: 2 } })
    const client = engine.connect('a')
    for (let n = 0; n < 3; n++) client.publish('t', 'x')
    assert.equal(client.transport.paused, true)
    assert.equal(engine.broker.counters.publishReceived, 3)
  }
})

test('max_subscribe_rate: a filter that the program refuses counts as any other', async () => {
  const engine = hooked({ authorizeSubscribe: () => false }, { listener: { max_subscribe_rate: 1 } })
  const client = engine.connect('a')
  const subscriptions = ['a', 'b', 'c'].map(topicFilter => ({
    topicFilter,
    qos: 0 as const,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0 as const,
  }))
  client.send({ type: PacketType.subscribe, packetId: 1, subscriptions, properties: {} })
  await client.transport.activity()
  assert.deepEqual(client.expect(PacketType.suback).reasonCodes, [0x87, 0x87, 0x87])
  assert.equal(client.transport.paused, true)
})

test('max_inflight_messages: more than its receive maximum ends a client also where the program drops each message', () => {
  const engine = hooked({ incoming: () => 'drop' }, { settings: { max_inflight_messages: 2 } })
  const client = engine.connect('a')
  for (let n = 0; n < 2; n++) {
    const packetId = client.publish('t', 'x', { qos: 2 })
    client.expectAcknowledgement(PacketType.pubrec, packetId)
  }
  client.publish('t', 'x', { qos: 2 })
  assert.equal(client.expect(PacketType.disconnect).reasonCode, 0x93)
})

test('without hooks and listeners for messages, packets go the short way; with one they do not', () => {
  for (const [hooks, isShort] of [
    [{}, true],
    [{ authorizePublish: () => true }, true],
    [{ incoming: () => true }, false],
  ] as const) {
    const engine = hooked(hooks)
    const client = engine.connect('a')
    client.publish('t', 'x')
    // PUBLISH of QoS 0, topic t, payload x.
    const bytes = Buffer.from('3005000174 00 78'.replaceAll(' ', ''), 'hex')
    const end = client.handler.receiveBytes(bytes, 0, 1000, engine.clock.now(), false)
    assert.equal(end > 0, isShort)
  }
})
