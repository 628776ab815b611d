import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine, type EngineClient, lasting } from '../../test/support/engine.ts'
import { noProperties, PacketType, type SubscriptionRequest } from '../mqtt/packet.ts'
import { Message, neverExpires } from '../session/message.ts'
import { Retained } from './retained.ts'
import { retainedTopicsPerTurn } from './retained-backlog.ts'

const retain = { retain: true }

/** A subscriber of everything that came too late to get messages any other way. */
function late(engine: Engine, topicFilter = '#'): string[] {
  const client = engine.connect('late')
  client.subscribe(topicFilter)
  const payloads = client.payloads()
  client.disconnect()
  return payloads
}

test('[MQTT-3.3.1-5] [v3.1.1 MQTT-3.3.1-5] [v3.1.1 MQTT-3.3.1-7] the latest message with RETAIN 1 is kept for later subscribers, whatever its QoS', () => {
  const engine = new Engine()
  const client = engine.connect('p')
  client.publish('t', 'one', { ...retain, qos: 1 })
  client.publish('t', 'two', retain)
  client.publish('u', 'other', retain)
  assert.deepEqual(late(engine).sort(), ['other', 'two'])
  assert.deepEqual(late(engine, 't'), ['two'])
})

test('[MQTT-3.3.1-6] [MQTT-3.3.1-7] [MQTT-3.3.1-8] only an empty message with RETAIN 1 removes it, and is not kept itself', () => {
  const engine = new Engine()
  const client = engine.connect('p')
  client.publish('t', 'kept', retain)
  client.publish('t', 'passing')
  client.publish('t', '')
  assert.deepEqual(late(engine), ['kept'])
  client.publish('t', '', retain)
  assert.deepEqual(late(engine), [])
  assert.deepEqual([engine.broker.retained.size, engine.broker.retained.bytes], [0, 0])
})

test('[v3.1.1 MQTT-3.1.2-7] retained messages outlive the session of their publisher', () => {
  const engine = new Engine()
  const client = engine.connect('p')
  client.publish('t', 'kept', retain)
  client.disconnect()
  assert.equal(engine.broker.registry.size, 0)
  assert.deepEqual(late(engine), ['kept'])
})

test("what was found is its topic's message until another is retained there, with all that it was published with", () => {
  const { retained } = new Engine().broker
  const properties = { contentType: 'text' }
  const receiveBuffer = Buffer.alloc(200, 'x')
  const keep = () => {
    const message = new Message('t', receiveBuffer, 1, true, 'p', properties, 90_000)
    retained.set('t', new Retained(message, undefined, 80_000))
  }
  const find = () => {
    const cursor = retained.match('t')
    while (cursor.step()) if (cursor.found !== undefined) return cursor.found
    return assert.fail('nothing is retained')
  }
  keep()
  keep()
  receiveBuffer.fill('y')
  const found = find()
  assert.equal(find(), found)
  const { message } = found
  assert.deepEqual(Buffer.from(message.payload), Buffer.alloc(200, 'x'))
  assert.deepEqual([message.qos, message.retain, message.publisher, message.properties], [1, true, 'p', properties])
  assert.deepEqual([message.expiresAt, found.expiresAt, message.size], [90_000, 80_000, retained.bytes])
  assert.equal(found.isCurrent, true)
  keep()
  assert.equal(found.isCurrent, false)
  assert.equal(find().isCurrent, true)
  assert.deepEqual(Buffer.from(find().message.payload), receiveBuffer)
})

test('size and bytes follow what is kept', () => {
  const engine = new Engine()
  const client = engine.connect('p')
  client.publish('t', '12345', retain)
  client.publish('t', '123', retain)
  client.publish('tt', '1', retain)
  assert.deepEqual([engine.broker.retained.size, engine.broker.retained.bytes], [2, 7])
})

test('[MQTT-3.3.2-5] [MQTT-3.3.2-6] a retained message tells what is left of its life, and is gone when nothing is', () => {
  const engine = new Engine()
  const client = engine.connect('p')
  client.publish('t', 'x', { ...retain, properties: { messageExpiryInterval: 10 } })
  engine.pass(4000)
  const early = engine.connect('early')
  early.subscribe('t')
  assert.equal(early.expect(PacketType.publish).properties.messageExpiryInterval, 6)
  engine.pass(5999)
  assert.deepEqual(late(engine), ['x'])
  engine.pass(1)
  assert.deepEqual(late(engine), [])
})

test('what has expired is removed although nobody asks for it, and leaves no timer behind', () => {
  const engine = new Engine({ settings: { retain_expiry_interval: 2 } })
  const client = engine.connect('p')
  const timers = engine.broker.wheel.size
  for (const topic of ['a', 'b', '$c']) client.publish(topic, 'x', retain)
  client.publish('a', 'replaced', retain)
  client.publish('b', '', retain)
  assert.equal(engine.broker.wheel.size, timers + 2)
  engine.pass(120_100)
  assert.deepEqual([engine.broker.retained.size, engine.broker.retained.bytes], [0, 0])
  assert.equal(engine.broker.wheel.size, timers)
})

test('retain_expiry_interval: minutes; a shorter message expiry wins, and 0 keeps for ever', () => {
  for (const [minutes, messageExpiryInterval, lifetimeMs] of [
    [1, 3600, 60_000],
    [60, 10, 10_000],
    [0, 10, 10_000],
  ] as const) {
    const engine = new Engine({ settings: { retain_expiry_interval: minutes } })
    engine.connect('p').publish('t', 'x', { ...retain, properties: { messageExpiryInterval } })
    engine.pass(lifetimeMs - 1)
    assert.deepEqual(late(engine), ['x'])
    engine.pass(1)
    assert.deepEqual(late(engine), [])
  }
  const engine = new Engine()
  engine.connect('p').publish('t', 'x', retain)
  engine.pass(1e10)
  assert.deepEqual(late(engine), ['x'])
})

test('retain_available false: a message with RETAIN 1 ends the connection with 0x9A [MQTT-3.2.2-14], and CONNACK said so', () => {
  const engine = new Engine({ settings: { retain_available: false } })
  const client = engine.connect('p')
  assert.equal(client.connack?.properties.retainAvailable, false)
  client.publish('t', 'x')
  client.expectNothing()
  client.publish('t', 'x', retain)
  client.expectClosed(0x9a)
  assert.equal(engine.connect('q').connack?.properties.retainAvailable, false)
  assert.equal(new Engine().connect('p').connack?.properties.retainAvailable, undefined)
})

test('[MQTT-3.3.1-8] what is retained is the message itself, not the receive buffer it came in', () => {
  const engine = new Engine()
  const payload = Buffer.from('before')
  engine.connect('p').publish('t', '', { ...retain, payload })
  payload.fill('x')
  assert.deepEqual(late(engine), ['before'])
})

test('[MQTT-3.3.1-5] messages that replace each other unasked, shorter and longer, leave the latest alone', () => {
  const engine = new Engine()
  const client = engine.connect('p')
  const payloads = [
    'x'.repeat(100),
    'y'.repeat(100),
    'z'.repeat(60),
    'w'.repeat(90),
    'v',
    'u'.repeat(5000),
    't'.repeat(100),
  ]
  for (const [index, payload] of payloads.entries()) {
    for (const each of payloads.slice(0, index + 1)) client.publish('t', each, retain)
    assert.deepEqual(late(engine), [payload])
    assert.equal(engine.broker.retained.size, 1)
  }
  client.publish('t', '', retain)
  assert.equal(engine.broker.retained.bytes, 0)
})

test('[MQTT-3.3.1-5] what was found stays as it was, whatever is retained on its topic afterwards', () => {
  const { retained } = new Engine().broker
  const set = (letter: string) =>
    retained.set('t', new Retained(new Message('t', Buffer.alloc(100, letter), 0, true, 'p'), undefined, neverExpires))
  for (const letter of 'abc') set(letter)
  const cursor = retained.match('t')
  while (cursor.found === undefined) cursor.step()
  const { message } = cursor.found
  for (const letter of 'def') set(letter)
  assert.equal(Buffer.from(message.payload).toString(), 'c'.repeat(100))
})

test('a slow client gets retained messages as it takes them, beyond what its queue would hold', () => {
  const engine = new Engine({ settings: { max_queued_messages: 2, max_inflight_messages: 2 } })
  const publisher = engine.connect('p')
  const topics = Array.from({ length: 20 }, (_, n) => `t/${n}`)
  for (const topic of topics) publisher.publish(topic, topic, { ...retain, qos: 1 })
  const client = engine.connect('slow')
  client.transport.queuedBytes = engine.broker.settings.max_buffered_bytes
  client.subscribe('t/#', { qos: 1 })
  client.expectNothing()
  client.drain()
  assert.deepEqual(client.answerAll().sort(), topics.sort())
})

test('[MQTT-4.6.0-5] a retained message that was replaced while it waited does not follow the newer one', () => {
  const engine = new Engine({ settings: { max_inflight_messages: 1 } })
  const publisher = engine.connect('p')
  for (const topic of ['a', 'b']) publisher.publish(topic, `old ${topic}`, { ...retain, qos: 1 })
  const client = engine.connect('slow')
  client.subscribe('#', { qos: 1 })
  for (const topic of ['a', 'b']) publisher.publish(topic, `new ${topic}`, { ...retain, qos: 1 })
  const payloads = client.answerAll()
  assert.deepEqual(payloads.slice(1), ['new a', 'new b'])
  assert.match(payloads[0] ?? '', /^old/)
})

test('[MQTT-4.5.0-1] retained messages that wait when the connection is lost come with the next one', () => {
  const engine = new Engine({ settings: { max_inflight_messages: 1 } })
  const publisher = engine.connect('p')
  for (const topic of ['a', 'b', 'c']) publisher.publish(topic, topic, { ...retain, qos: 1 })
  const client = engine.connect('c', lasting())
  client.subscribe('#', { qos: 1 })
  client.vanish()
  assert.deepEqual(engine.connect('c', lasting()).answerAll().sort(), ['a', 'b', 'c'])
})

test('[MQTT-3.10.4-2] retained messages that wait are dropped with their subscription', () => {
  const engine = new Engine({ settings: { max_inflight_messages: 1 } })
  const publisher = engine.connect('p')
  for (const topic of ['a', 'b', 'c']) publisher.publish(topic, topic, { ...retain, qos: 1 })
  const client = engine.connect('c')
  client.subscribe('#', { qos: 1 })
  const first = client.expect(PacketType.publish)
  client.unsubscribe('#')
  client.answer(first)
  client.expectNothing()
})

test('[MQTT-3.8.4-5] the retained messages of a filter that stands several times in one SUBSCRIBE come once, if any of the requests wants them', () => {
  const engine = new Engine()
  const publisher = engine.connect('p')
  for (const topic of ['a', 'b']) publisher.publish(topic, topic, { ...retain, qos: 1 })
  const client = engine.connect('c')
  const request = { topicFilter: '#', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
  const subscribe = (...subscriptions: readonly SubscriptionRequest[]) => {
    client.send({ type: PacketType.subscribe, packetId: 9, subscriptions, properties: noProperties })
    assert.equal(client.expect(PacketType.suback).reasonCodes.length, subscriptions.length)
    return client.payloads().sort()
  }
  assert.deepEqual(subscribe(...Array<SubscriptionRequest>(1000).fill(request)), ['a', 'b'])
  assert.deepEqual(subscribe({ ...request, retainHandling: 2 }, request), ['a', 'b'])
  assert.deepEqual(subscribe(request, { ...request, retainHandling: 2 }), ['a', 'b'])
  assert.deepEqual(subscribe(...Array<SubscriptionRequest>(2).fill({ ...request, retainHandling: 2 })), [])
})

/** Many topics that a filter has to look at and that do not match, around one that does. */
function needleInHay(engine: Engine, topics: number): EngineClient {
  const publisher = engine.connect('p')
  for (let n = 0; n < topics; n++) publisher.publish(`hay/${n}/x`, 'x', retain)
  publisher.publish('hay/last/needle', 'needle', retain)
  return publisher
}

test('a search through many retained topics takes several turns, and nothing that the client sends makes one longer', () => {
  const engine = new Engine()
  needleInHay(engine, retainedTopicsPerTurn)
  const client = engine.connect('c')
  client.subscribe('hay/+/needle')
  client.subscribe('hay/+/needle/+')
  client.acknowledge(PacketType.puback, 1)
  client.expectNothing()
  for (let turns = 0; turns < 3; turns++) engine.pass(100)
  assert.deepEqual(client.payloads(), ['needle'])
})

test('searches share a turn: many small ones take no longer than one', () => {
  const engine = new Engine()
  needleInHay(engine, retainedTopicsPerTurn / 10)
  const client = engine.connect('c')
  let found = 0
  for (let n = 0; n < 100; n++) {
    client.subscribe('hay/+/needle')
    found += client.payloads().length
  }
  assert.ok(found > 0 && found < 11, `${found} searches of 100 ended in the first turn`)
  engine.pass(100)
  assert.deepEqual(client.payloads(), ['needle'])
})

test('a search that waits for its turn is not hurried by a client that takes what it was sent', () => {
  const engine = new Engine()
  needleInHay(engine, retainedTopicsPerTurn)
  const client = engine.connect('c')
  client.subscribe('hay/+/needle')
  for (let drains = 0; drains < 3; drains++) client.drain()
  client.expectNothing()
  for (let turns = 0; turns < 3; turns++) engine.pass(100)
  assert.deepEqual(client.payloads(), ['needle'])
})

test('what a search finds is handed over in turns, too, and all of it arrives', () => {
  const engine = new Engine()
  const publisher = engine.connect('p')
  for (let n = 0; n < retainedTopicsPerTurn; n++) publisher.publish(`kept/${n}`, `${n}`, retain)
  const client = engine.connect('c')
  client.subscribe('kept/+', { qos: 0 })
  const payloads = client.payloads()
  const inFirstTurn = payloads.length
  assert.ok(inFirstTurn > 0 && inFirstTurn <= retainedTopicsPerTurn / 10, `${inFirstTurn} in the first turn`)
  for (let turns = 0; turns < 12; turns++) {
    engine.pass(1)
    payloads.push(...client.payloads())
  }
  assert.equal(new Set(payloads).size, retainedTopicsPerTurn)
  assert.equal(payloads.length, retainedTopicsPerTurn)
})

test('a search ends with its subscription and with its connection, and leaves no timer behind', () => {
  for (const end of ['unsubscribe', 'vanish'] as const) {
    const engine = new Engine()
    needleInHay(engine, retainedTopicsPerTurn)
    const timers = engine.broker.wheel.size
    const client = engine.connect('c')
    client.subscribe('hay/+/needle')
    if (end === 'unsubscribe') client.unsubscribe('hay/+/needle')
    else client.vanish()
    for (let turns = 0; turns < 3; turns++) engine.pass(100)
    assert.deepEqual(client.payloads(), [])
    assert.equal(engine.broker.wheel.size, timers)
  }
})

test('a message that is retained while the search goes on comes once, by its own way', () => {
  const engine = new Engine()
  const publisher = needleInHay(engine, retainedTopicsPerTurn)
  const client = engine.connect('c')
  client.subscribe('hay/+/needle')
  publisher.publish('hay/last/needle', 'sharper', retain)
  publisher.publish('hay/new/needle', 'new', retain)
  for (let turns = 0; turns < 3; turns++) engine.pass(100)
  assert.deepEqual(client.payloads(), ['sharper', 'new'])
})
