import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine, type EngineClient, lasting } from '../../test/support/engine.ts'
import { passwordLines } from '../../test/support/password-lines.ts'
import { parseAclFile } from '../auth/acl-file.ts'
import { parsePasswordFile } from '../auth/password-file.ts'
import { type Connect, PacketType, type ProtocolVersion } from '../mqtt/packet.ts'

const versions: readonly ProtocolVersion[] = [3, 4, 5]
const fresh = (version: ProtocolVersion): Partial<Connect> => ({ protocolVersion: version, cleanStart: true })
const expiring = (sessionExpiryInterval: number): Partial<Connect> => ({
  cleanStart: false,
  properties: { sessionExpiryInterval },
})

/** Connects, and says whether there was a session [MQTT-3.2.2-3]. */
function isPresent(engine: Engine, connect: Partial<Connect>): boolean {
  const { connack } = engine.connect('c', connect)
  return connack?.sessionPresent === true
}

function subscribed(engine: Engine, connect: Partial<Connect>): EngineClient {
  const client = engine.connect('c', connect)
  client.subscribe('t')
  return client
}

for (const version of versions) {
  test(`[MQTT-3.1.2-5] [MQTT-4.1.0-1] [v3.1.1 MQTT-3.1.2-4] [v3.1.1 MQTT-3.1.2-5] a session outlives its connection and keeps what comes for it, version ${version}`, () => {
    const engine = new Engine()
    subscribed(engine, lasting(version)).vanish()
    engine.connect('p').publish('t', 'x', { qos: 1 })
    const back = engine.connect('c', lasting(version))
    if (version > 3) assert.equal(back.connack?.sessionPresent, true)
    back.expectPublish('x')
  })

  test(`[MQTT-3.1.2-4] [MQTT-3.2.2-2] [v3.1.1 MQTT-3.1.2-6] [v3.1.1 MQTT-3.2.2-1] a clean start leaves nothing of the old session, version ${version}`, () => {
    const engine = new Engine()
    subscribed(engine, lasting(version)).vanish()
    const publisher = engine.connect('p')
    publisher.publish('t', 'before', { qos: 1 })
    const client = engine.connect('c', fresh(version))
    assert.equal(client.connack?.sessionPresent, false)
    publisher.publish('t', 'after', { qos: 1 })
    client.expectNothing()
    assert.equal(engine.broker.router.subscriptionCount, 0)
  })

  test(`[MQTT-3.1.4-3] [v3.1.1 MQTT-3.1.4-2] a newcomer takes the session over, and the older connection is closed, version ${version}`, () => {
    const engine = new Engine()
    const older = subscribed(engine, lasting(version))
    engine.connect('p').publish('t', 'x', { qos: 1 })
    older.expectPublish('x')
    const newer = engine.connect('c', lasting(version))
    older.expectClosed(version === 5 ? 0x8e : undefined)
    assert.equal(newer.expectPublish('x').dup, true)
    older.vanish()
    newer.expectNothing()
    assert.ok(engine.broker.registry.get('c')?.connection)
  })
}

test('[MQTT-3.1.2-6] [MQTT-3.2.2-3] without a stored session there is a new one', () => {
  assert.equal(isPresent(new Engine(), lasting()), false)
})

test('[MQTT-3.1.2-23] [MQTT-4.1.0-2] the session ends when its expiry interval has passed, not before', () => {
  for (const [afterMs, present] of [
    [9900, true],
    [10_100, false],
  ] as const) {
    const engine = new Engine()
    subscribed(engine, expiring(10)).vanish()
    engine.pass(afterMs)
    assert.equal(engine.broker.registry.size, present ? 1 : 0)
    assert.equal(engine.broker.router.subscriptionCount, present ? 1 : 0)
    assert.equal(isPresent(engine, expiring(10)), present)
    assert.equal(engine.broker.counters.sessionsExpired, present ? 0 : 1)
  }
})

test('[MQTT-3.1.2-23] the interval counts from the end of the connection, and a return stops it', () => {
  const engine = new Engine()
  const client = subscribed(engine, expiring(10))
  engine.pass(60_000)
  client.vanish()
  engine.pass(9000)
  const back = engine.connect('c', expiring(10))
  engine.pass(60_000)
  assert.equal(back.connack?.sessionPresent, true)
  assert.equal(engine.broker.registry.size, 1)
})

test('§3.1.2.11.2: without an interval, or with 0, the session ends with its connection; 0xFFFFFFFF is for ever', () => {
  for (const [connect, present] of [
    [{ cleanStart: false }, false],
    [expiring(0), false],
    [expiring(0xffff_ffff), true],
  ] as const) {
    const engine = new Engine()
    subscribed(engine, connect).vanish()
    engine.pass(1e12)
    assert.equal(isPresent(engine, connect), present)
  }
})

test('§3.14.2.2.2: DISCONNECT may change the interval, but not raise it from 0', () => {
  const engine = new Engine()
  const longer = subscribed(engine, expiring(10))
  longer.disconnect(0, { sessionExpiryInterval: 100 })
  engine.pass(50_000)
  assert.equal(isPresent(engine, expiring(10)), true)
  engine.connect('c', expiring(10)).disconnect(0, { sessionExpiryInterval: 0 })
  assert.equal(engine.broker.registry.size, 0)
  const none = engine.connect('c', expiring(0))
  none.disconnect(0, { sessionExpiryInterval: 10 })
  none.expectClosed(0x82)
})

test('persistent_client_expiration ends sessions that would live longer, those of older versions too, and no others', () => {
  for (const [connect, afterMs, present] of [
    [expiring(0xffff_ffff), 59_900, true],
    [expiring(0xffff_ffff), 60_100, false],
    [lasting(4), 60_100, false],
    [expiring(10), 10_100, false],
  ] as const) {
    const engine = new Engine({ settings: { persistent_client_expiration: 60 } })
    subscribed(engine, connect).vanish()
    engine.pass(afterMs)
    assert.equal(engine.broker.registry.size, present ? 1 : 0)
  }
})

test('[MQTT-3.1.4-3] a session that was to end with its connection ends at a takeover, and is not resumed', () => {
  const engine = new Engine()
  const older = subscribed(engine, expiring(0))
  assert.equal(isPresent(engine, lasting()), false)
  older.expectClosed(0x8e)
  assert.deepEqual([engine.broker.registry.size, engine.broker.router.subscriptionCount], [1, 0])
})

test('a session goes on in another version, with what had been begun', () => {
  const engine = new Engine()
  subscribed(engine, lasting(5)).vanish()
  engine.connect('p').publish('t', 'x', { qos: 2, properties: { userProperties: [['a', 'b']] } })
  const older = engine.connect('c', lasting(4))
  assert.deepEqual(older.expectPublish('x').properties, {})
  older.vanish()
  assert.deepEqual(engine.connect('c', lasting(5)).answerAll(), ['x'])
})

test('nothing is left of sessions that ended: no timer, no subscription, no connection', () => {
  const engine = new Engine()
  const timers = engine.broker.wheel.size
  const will = { topicName: 'w', payload: Buffer.from('x'), qos: 0, retain: false } as const
  for (const connect of [expiring(10), fresh(5), expiring(10), expiring(0), lasting(4), fresh(5)]) {
    const client = engine.connect('c', { ...connect, will: { ...will, properties: { willDelayInterval: 5 } } })
    for (const topicFilter of ['a', '$share/g/a', '#']) client.subscribe(topicFilter)
    client.vanish()
  }
  engine.connect('c', expiring(0)).vanish()
  const { registry, router, connections, wheel } = engine.broker
  assert.deepEqual([registry.size, router.subscriptionCount, connections.size, wheel.size], [0, 0, 0, timers])
})

test('features B12: a reload disconnects whom the rules exclude with 0x98, keeps everybody else, and acts at once', async () => {
  const users = (names: Readonly<Record<string, string>>) => ({
    passwords: parsePasswordFile(passwordLines(names), 'f'),
  })
  const engine = new Engine({ realm: users({ alice: 'a', bob: 'b' }) })
  const clients = new Map<string, EngineClient>()
  for (const [name, version] of [
    ['alice', 5],
    ['bob', 4],
  ] as const) {
    const client = engine.open()
    client.connect(name, { ...lasting(version), username: name, password: Buffer.from(name[0] ?? '') })
    await client.answered()
    client.expect(PacketType.connack)
    clients.set(name, client)
  }
  const anonymous = engine.connect('c')
  engine.listener.realm = engine.realm({ allowAnonymous: true, ...users({}) })
  engine.reconfigure({})
  clients.get('alice')?.expectClosed(0x98)
  clients.get('bob')?.expectClosed()
  anonymous.expectNothing()
  assert.equal(engine.broker.registry.size, 1)
})

test('features H1: a reload of clientid_prefixes disconnects whom it excludes', () => {
  const engine = new Engine()
  const [good, bad] = [engine.connect('ok-1'), engine.connect('no-1')]
  engine.listener.realm = engine.realm({ clientIdPrefixes: 'ok-' })
  engine.reconfigure({})
  good.expectNothing()
  bad.expectClosed(0x98)
})

test('a reload of the ACL counts for what waits, for who is away, and for what is still to come', () => {
  const acl = (rules: string) => ({ acl: parseAclFile(rules, 'f').rules })
  const engine = new Engine({ realm: acl('topic readwrite #'), settings: { max_inflight_messages: 1 } })
  const publisher = engine.connect('p', {}, engine.addListener({}))
  const client = engine.connect('here', lasting())
  engine.connect('away', lasting()).subscribe('#')
  engine.connect('away', lasting()).vanish()
  client.subscribe('#')
  for (const topic of ['begun', 'closed', 'open']) publisher.publish(topic, topic, { qos: 1 })
  engine.listener.realm = engine.realm(acl('topic read open'))
  engine.reconfigure({})
  for (const topic of ['closed', 'open']) publisher.publish(topic, `new ${topic}`, { qos: 1 })
  assert.deepEqual(client.answerAll(), ['begun', 'open', 'new open'])
  assert.deepEqual(engine.connect('away', lasting()).answerAll(), ['open', 'new open'])
})

test('changed limits on queues count for sessions that are there', () => {
  const engine = new Engine({ settings: { max_queued_messages: 1 } })
  subscribed(engine, lasting()).vanish()
  engine.reconfigure({ max_queued_messages: 2 })
  const publisher = engine.connect('p')
  for (const payload of ['1', '2', '3']) publisher.publish('t', payload, { qos: 1 })
  assert.deepEqual(engine.connect('c', lasting()).answerAll(), ['1', '2'])
})
