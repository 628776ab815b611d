// Limits of the broker as a whole and of a CONNECT: what clients of either version see, and that whoever keeps to them is
// served. For the rates of a client see pace.test.ts, for memory memory-guard.test.ts.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Engine, type EngineClient, lasting } from '../../test/support/engine.ts'
import { noProperties, PacketType, type Properties } from '../mqtt/packet.ts'

const versions = [4, 5] as const

const reached = (engine: Engine) => Object.fromEntries(engine.broker.counters.limitsReached.entries())

/** The reason code of a refusal, or of what 3.1.1 has for it. */
const seen = (version: 4 | 5, reasonCode: number, before5 = 0x88) => (version === 5 ? reasonCode : before5)

function attempt(engine: Engine, clientId: string, protocolVersion: 4 | 5, address = '192.0.2.1'): EngineClient {
  const client = engine.open(undefined, address)
  client.connect(clientId, { protocolVersion })
  return client
}

for (const version of versions) {
  test(`max_connect_rate_per_address: one more in a second is refused, before its password is looked at; other addresses are let in, version ${version}`, () => {
    const engine = new Engine({ settings: { max_connect_rate_per_address: 2 } })
    attempt(engine, 'a', version).expect(PacketType.connack)
    attempt(engine, 'b', version).expect(PacketType.connack)
    attempt(engine, 'c', version).expectRefused(seen(version, 0x9f))
    assert.equal(attempt(engine, 'd', version, '192.0.2.2').expect(PacketType.connack).reasonCode, 0)
    engine.pass(500)
    assert.equal(attempt(engine, 'c', version).expect(PacketType.connack).reasonCode, 0)
    assert.deepEqual(reached(engine), { max_connect_rate_per_address: 1 })
  })

  test(`max_connect_rate: one more in a second on the listener is refused; other listeners let it in, version ${version}`, () => {
    const engine = new Engine({ listener: { max_connect_rate: 2 } })
    for (const n of [1, 2]) attempt(engine, `c${n}`, version, `192.0.2.${n}`).expect(PacketType.connack)
    attempt(engine, 'c3', version, '192.0.2.3').expectRefused(seen(version, 0x9f))
    engine.connect('c4', { protocolVersion: version }, engine.addListener({}))
    engine.pass(500)
    assert.equal(attempt(engine, 'c3', version).expect(PacketType.connack).reasonCode, 0)
    assert.deepEqual(reached(engine), { max_connect_rate: 1 })
  })

  test(`max_will_bytes: a CONNECT with a larger will is refused, with one of just that size it is not, version ${version}`, () => {
    const engine = new Engine({ listener: { max_will_bytes: 10 } })
    const will = (payload: string, properties: Properties = noProperties) =>
      ({ topicName: 'will', payload: Buffer.from(payload), qos: 0, retain: false, properties }) as const
    engine.connect('fits', { protocolVersion: version, will: will('123456') })
    const large = engine.open()
    large.connect('large', { protocolVersion: version, will: will('1234567') })
    large.expectRefused(seen(version, 0x97))
    assert.deepEqual(reached(engine), { max_will_bytes: 1 })
    const unlimited = new Engine({ listener: { max_will_bytes: 0 } })
    unlimited.connect('large', { protocolVersion: version, will: will('x'.repeat(60_000)) })
  })

  for (const [limit, settings] of [
    ['max_retained_messages', { max_retained_messages: 2 }],
    ['max_retained_bytes', { max_retained_bytes: 9 }],
  ] as const) {
    test(`${limit}: what passes it is not retained; ${version === 5 ? '0x97 tells so and it is not delivered' : 'it is acknowledged and delivered'}, version ${version}`, () => {
      const engine = new Engine({ settings })
      const subscriber = engine.connect('subscriber')
      subscriber.subscribe('#', { qos: 0 })
      const client = engine.connect('client', { protocolVersion: version })
      const retain = (topic: string, payload: string, expected: number) => {
        const packetId = client.publish(topic, payload, { qos: 1, retain: true })
        client.expectAcknowledgement(PacketType.puback, packetId, expected)
      }
      retain('a', '123', 0)
      retain('b', '123', 0)
      retain('c', '123', version === 5 ? 0x97 : 0)
      assert.equal(engine.broker.retained.size, 2)
      client.publish('c', 'qos0', { retain: true })
      retain('a', '12', 0)
      const delivered = subscriber.payloads()
      assert.deepEqual(delivered, version === 5 ? ['123', '123', 'qos0', '12'] : ['123', '123', '123', 'qos0', '12'])
      assert.deepEqual(reached(engine), { [limit]: 2 })
      retain('b', '', 0)
      retain('c', '123', 0)
      assert.equal(engine.broker.retained.size, 2)
    })
  }

  test(`memory_limit: while memory is short new sessions and subscriptions are refused and those that are there go on, version ${version}`, () => {
    const engine = new Engine()
    const client = engine.connect('client', { ...lasting(version), will: undefined })
    client.subscribe('a', { qos: 1 })
    engine.broker.shortage = 1
    attempt(engine, 'stranger', version).expectRefused(seen(version, 0x89))
    assert.equal(client.subscribe('b'), version === 5 ? 0x97 : 0x80)
    assert.equal(client.subscribe('a', { qos: 2 }), 2, 'what is there may be changed')
    client.vanish()
    const back = engine.connect('client', lasting(version))
    assert.equal(back.connack?.sessionPresent, true)
    engine.broker.shortage = 2
    attempt(engine, 'client', version).expectRefused(seen(version, 0x89))
    engine.broker.shortage = 0
    back.vanish()
    engine.connect('publisher').publish('a', 'waits', { qos: 1 })
    engine.broker.shortage = 2
    const again = engine.connect('client', lasting(version))
    assert.deepEqual(again.answerAll(), ['waits'], 'who has something waiting comes for it')
    engine.broker.shortage = 0
    assert.equal(again.subscribe('b'), 2)
    assert.deepEqual(reached(engine), { memory_limit: 3 })
  })
}

test('memory_limit: while memory is short a connected subscriber gets everything, at a tenth of a second a message, or a second', () => {
  const engine = new Engine()
  const subscriber = engine.connect('subscriber')
  subscriber.subscribe('t', { qos: 1 })
  const publisher = engine.connect('publisher')
  for (const [shortage, milliseconds] of [
    [1, 100],
    [2, 1000],
  ] as const) {
    engine.broker.shortage = shortage
    publisher.publish('t', 'first')
    publisher.publish('t', 'second')
    assert.deepEqual(subscriber.answerAll(), ['first'])
    engine.pass(milliseconds - 1)
    publisher.catchUp()
    assert.deepEqual(subscriber.answerAll(), [])
    engine.broker.shortage = 0
    engine.pass(101)
    publisher.catchUp()
    assert.deepEqual(subscriber.answerAll(), ['second'])
  }
})

test('memory_limit: while memory is short a topic gets no retained message, and one that has a message gets no larger one', () => {
  const engine = new Engine()
  const client = engine.connect('client')
  client.publish('kept', '12345', { retain: true })
  engine.broker.shortage = 1
  for (const [topic, payload] of [
    ['new', 'x'],
    ['kept', '123456'],
    ['kept', '1234'],
  ] as const) {
    client.publish(topic, payload, { retain: true })
    engine.pass(200)
    client.catchUp()
  }
  engine.broker.shortage = 0
  const reader = engine.connect('reader')
  reader.subscribe('#')
  assert.deepEqual(reader.payloads(), ['1234'])
})

test('max_queued_messages, max_queued_bytes: a queue that is full is counted when it begins to overflow, by what it is full of', () => {
  for (const settings of [{ max_queued_messages: 2 }, { max_queued_bytes: 20 }]) {
    const engine = new Engine({ settings })
    const away = engine.connect('away', lasting())
    away.subscribe('t', { qos: 1 })
    away.vanish()
    const publisher = engine.connect('publisher')
    for (const payload of ['1', '2']) publisher.publish('t', payload, { qos: 1 })
    assert.deepEqual(reached(engine), {})
    for (let n = 0; n < 3; n++) publisher.publish('t', 'x'.repeat(20), { qos: 1 })
    assert.deepEqual(reached(engine), { [Object.keys(settings)[0] as string]: 1 })
    assert.equal(engine.broker.counters.publishDropped, 3)
    assert.deepEqual(engine.connect('away', lasting()).answerAll(), ['1', '2'])
  }
})

test('limits: what the log calls by its option is counted by it', () => {
  const engine = new Engine({
    settings: { max_topic_levels: 2, max_subscriptions_per_client: 1, max_client_id_length: 23 },
  })
  const client = engine.connect('client')
  assert.equal(client.subscribe('a/b/c'), 0x8f)
  client.subscribe('a')
  assert.equal(client.subscribe('b'), 0x97)
  client.publish('a/b/c', '')
  client.expectClosed(0x90)
  attempt(engine, 'x'.repeat(24), 5).expectRefused(0x85)
  assert.deepEqual(reached(engine), { max_topic_levels: 2, max_subscriptions_per_client: 1, max_client_id_length: 1 })
})
