import assert from 'node:assert/strict'
import test from 'node:test'
import { saved, startDurable } from '../../test/support/durable-engine.ts'
import { type Engine, type EngineClient, type EngineOptions, lasting } from '../../test/support/engine.ts'
import { type Connect, PacketType, type Properties, type Will } from '../mqtt/packet.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import type { PutQueued, PutSession } from '../store/session-store.ts'
import type { Store, StoreFault } from '../store/store.ts'

/** The broker's process ends; another one finds what was saved. */
async function restart(engine: Engine, store: Store, later = 0, options?: EngineOptions): Promise<Engine> {
  await saved(engine)
  const passed = engine.clock.now() - Date.UTC(2030, 0, 1)
  return startDurable(store, options, passed + later)
}

/** What the client gets, as `<payload> q<qos> m<packet id>`, ` dup` behind what is sent again, and `pubrel m<packet id>`. */
function got(client: EngineClient): string[] {
  return client.received().map(packet => {
    if (packet.type === PacketType.pubrel) return `pubrel m${packet.packetId}`
    assert.ok(packet.type === PacketType.publish, `packet type ${packet.type}`)
    return `${Buffer.from(packet.payload)} q${packet.qos} m${packet.packetId}${packet.dup ? ' dup' : ''}`
  })
}

function will(payload: string, willDelayInterval: number): { readonly will: Will } {
  return {
    will: {
      topicName: 'will',
      payload: Buffer.from(payload),
      qos: 1,
      retain: false,
      properties: { willDelayInterval },
    },
  }
}

/** A client that is away, with a subscription to `t` and three messages that wait for it. */
async function waiting(store: Store, connect: Partial<Connect> = lasting()): Promise<Engine> {
  const engine = await startDurable(store)
  const client = engine.connect('c', connect)
  client.subscribe('t')
  client.disconnect()
  const publisher = engine.connect('p')
  for (const payload of ['a', 'b', 'c']) publisher.publish('t', payload, { qos: 2 })
  return engine
}

test('decision 4: session, subscription and messages are there after a restart, in order, and go on', async () => {
  const store = openMemoryStore()
  const engine = await restart(await waiting(store), store)
  const client = engine.connect('c', lasting())
  assert.equal(client.connack?.sessionPresent, true)
  assert.deepEqual(got(client), ['a q2 m1', 'b q2 m2', 'c q2 m3'])
  engine.connect('p').publish('t', 'd', { qos: 1 })
  assert.deepEqual(got(client), ['d q1 m4'])
})

test('[MQTT-4.4.0-1] what was under way is sent again under its packet id, PUBREL where PUBREC had come, and nobody else gets the id', async () => {
  const store = openMemoryStore()
  const first = await waiting(store)
  const before = first.connect('c', lasting())
  assert.deepEqual(got(before), ['a q2 m1', 'b q2 m2', 'c q2 m3'])
  // The second is released before the first: PUBRELs keep the order of their PUBRECs.
  before.acknowledge(PacketType.pubrec, 2)
  before.acknowledge(PacketType.pubrec, 1)
  const engine = await restart(first, store)
  const client = engine.connect('c', lasting())
  assert.deepEqual(got(client), ['c q2 m3 dup', 'pubrel m2', 'pubrel m1'])
  engine.connect('p').publish('t', 'd', { qos: 1 })
  assert.deepEqual(got(client), ['d q1 m4'])
})

test('[MQTT-4.3.3-10] a QoS 2 PUBLISH that was taken over before the restart is not delivered again', async () => {
  const store = openMemoryStore()
  const first = await waiting(store)
  first.connect('q', lasting()).publish('t', 'd', { qos: 2, packetId: 9 })
  const engine = await restart(first, store)
  const publisher = engine.connect('q', lasting())
  publisher.publish('t', 'd', { qos: 2, packetId: 9, dup: true })
  publisher.expectAcknowledgement(PacketType.pubrec, 9)
  assert.equal(engine.broker.registry.get('c')?.outbound.queuedMessages, 4)
})

test('[MQTT-3.1.2-4] what a clean start or DISCONNECT with expiry 0 has ended is not there after a restart', async () => {
  for (const end of [
    (engine: Engine) => engine.connect('c', { cleanStart: true }).disconnect(),
    (engine: Engine) => engine.connect('c', lasting()).disconnect(0, { sessionExpiryInterval: 0 }),
    (engine: Engine) => engine.connect('c', { cleanStart: false }).vanish(),
  ]) {
    const store = openMemoryStore()
    const first = await waiting(store)
    end(first)
    const engine = await restart(first, store)
    assert.equal(engine.connect('c', lasting()).connack?.sessionPresent, false)
    assert.equal(store.stats().rows.messages, 0)
  }
})

test('§3.14.2.2.2: the expiry that DISCONNECT has set holds after a restart', async () => {
  const store = openMemoryStore()
  const first = await waiting(store)
  first.connect('c', lasting()).disconnect(0, { sessionExpiryInterval: 5 })
  const engine = await restart(first, store, 4000)
  assert.notEqual(engine.broker.registry.get('c'), undefined)
  engine.pass(1100)
  assert.equal(engine.broker.registry.get('c'), undefined)
})

test('§3.1.2.11.2: time goes on while the broker is down, and what has ended then nobody finds', async () => {
  const store = openMemoryStore()
  const engine = await restart(await waiting(store), store, 3_600_000)
  assert.equal(engine.broker.registry.get('c'), undefined)
  assert.equal(engine.connect('c', lasting()).connack?.sessionPresent, false)
  await saved(engine)
  assert.deepEqual([store.stats().rows.messages, store.stats().rows.queue], [0, 0])
})

test('§3.1.2.11.2: whoever was connected has been away since the restart, through the next ones too', async () => {
  const store = openMemoryStore()
  const first = await waiting(store)
  first.connect('c', lasting())
  const second = await restart(first, store, 3_000_000)
  const third = await restart(second, store, 3_000_000)
  assert.notEqual(third.broker.registry.get('c'), undefined)
  third.pass(601_000)
  assert.equal(third.broker.registry.get('c'), undefined)
})

test('[MQTT-3.3.2-5] a message that expired while the broker was down is not sent; another has as much less to live', async () => {
  const store = openMemoryStore()
  const first = await waiting(store)
  const publisher = first.connect('p')
  const life = (messageExpiryInterval: number): { properties: Properties } => ({
    properties: { messageExpiryInterval },
  })
  publisher.publish('t', 'short', { qos: 1, ...life(10) })
  publisher.publish('t', 'long', { qos: 1, ...life(100) })
  const engine = await restart(first, store, 10_000)
  const publishes = engine.connect('c', lasting()).publishes()
  assert.deepEqual(
    publishes.map(({ payload, properties }) => [Buffer.from(payload).toString(), properties.messageExpiryInterval]),
    [
      ['a', undefined],
      ['b', undefined],
      ['c', undefined],
      ['long', 90],
    ],
  )
})

test('[MQTT-3.1.2-8] a will that the end of the broker made due is published once, to who is away too, and is safe itself', async () => {
  const store = openMemoryStore()
  const first = await startDurable(store)
  first.connect('a-dies', { ...lasting(), ...will('gone', 0) })
  const watcher = first.connect('b-watches', lasting())
  watcher.subscribe('will')
  watcher.disconnect()
  first.connect('c-dies', { ...lasting(), ...will('gone too', 0) })
  const second = await restart(first, store)
  const third = await restart(second, store)
  assert.deepEqual(got(third.connect('b-watches', lasting())), ['gone q1 m1', 'gone too q1 m2'])
})

test('[MQTT-3.1.3-9] the delay of a will runs on while the broker is down, and who comes back in time has none published', async () => {
  const store = openMemoryStore()
  const first = await startDurable(store)
  first.connect('late', { ...lasting(), ...will('late', 60) }).vanish()
  first.connect('back', { ...lasting(), ...will('back', 60) }).vanish()
  const engine = await restart(first, store, 50_000)
  const watcher = engine.connect('watcher')
  watcher.subscribe('will')
  engine.connect('back', lasting())
  engine.pass(9000)
  watcher.expectNothing()
  engine.pass(1100)
  assert.deepEqual(watcher.payloads(), ['late'])
  engine.pass(60_000)
  watcher.expectNothing()
})

test('max_queued_messages: what was saved is kept, also above a limit that was lowered; what comes is dropped', async () => {
  const store = openMemoryStore()
  const engine = await restart(await waiting(store), store, 0, { settings: { max_queued_messages: 2 } })
  engine.connect('p').publish('t', 'd', { qos: 1 })
  assert.deepEqual(engine.connect('c', lasting()).payloads(), ['a', 'b', 'c'])
})

test('[MQTT-4.8.2-3] the members of a group share after a restart as before', async () => {
  const store = openMemoryStore()
  const first = await startDurable(store)
  for (const name of ['x', 'y']) {
    const member = first.connect(name, lasting())
    member.subscribe('$share/g/t')
    member.disconnect()
  }
  const engine = await restart(first, store)
  const publisher = engine.connect('p')
  for (const payload of ['a', 'b', 'c', 'd']) publisher.publish('t', payload, { qos: 1 })
  const all = [...engine.connect('x', lasting()).payloads(), ...engine.connect('y', lasting()).payloads()]
  assert.deepEqual(all.sort(), ['a', 'b', 'c', 'd'])
})

test('[MQTT-3.8.4-3] a subscription comes back with its options', async () => {
  const store = openMemoryStore()
  const first = await startDurable(store)
  const client = first.connect('c', lasting())
  client.subscribe('t', { qos: 1, noLocal: true, retainAsPublished: true }, 7)
  const engine = await restart(first, store)
  const back = engine.connect('c', lasting())
  back.publish('t', 'own', { qos: 1 })
  engine.connect('p').publish('t', 'x', { qos: 2, retain: true })
  const [publish, ...others] = back.publishes()
  assert.deepEqual([publish?.qos, publish?.retain, publish?.properties.subscriptionIdentifiers], [1, true, [7]])
  assert.deepEqual(others, [])
})

test('[MQTT-3.3.1-5] [MQTT-3.3.1-6] what is retained comes back, what was cleared does not, and nothing of the broker itself', async () => {
  const store = openMemoryStore()
  const first = await startDurable(store)
  const publisher = first.connect('p')
  publisher.publish('kept', 'new', { retain: true, properties: { contentType: 'text/plain' } })
  publisher.publish('cleared', 'x', { retain: true, qos: 1 })
  publisher.publish('cleared', '', { retain: true, qos: 1 })
  publisher.publish('expired', 'x', { retain: true, properties: { messageExpiryInterval: 10 } })
  first.broker.publishOwn('$SYS/uptime', Buffer.from('1'), true, 60)
  const engine = await restart(first, store, 10_000)
  assert.equal(engine.broker.retained.size, 1)
  const client = engine.connect('c')
  client.subscribe('$SYS/#')
  client.subscribe('#')
  const [publish, ...others] = client.publishes()
  assert.deepEqual([publish?.topicName, publish?.retain, publish?.properties.contentType], ['kept', true, 'text/plain'])
  assert.deepEqual(others, [])
  await saved(engine)
  assert.equal(store.stats().rows.retained, 1)
})

test('retain_expiry_interval: after a restart a message goes when it would have gone, and its subscribers are told its own expiry', async () => {
  const store = openMemoryStore()
  const options = { settings: { retain_expiry_interval: 1 } }
  const first = await startDurable(store, options)
  const publisher = first.connect('p')
  publisher.publish('short', 'x', { retain: true, properties: { messageExpiryInterval: 30 } })
  publisher.publish('long', 'x', { retain: true, properties: { messageExpiryInterval: 3600 } })
  publisher.publish('endless', 'x', { retain: true })
  const engine = await restart(first, store, 10_000, options)
  const expiries = (clientId: string) => {
    const client = engine.connect(clientId)
    client.subscribe('#')
    return client
      .publishes()
      .map(({ topicName, properties }) => `${topicName} ${properties.messageExpiryInterval}`)
      .sort()
  }
  assert.deepEqual(expiries('a'), ['endless undefined', 'long 3590', 'short 20'])
  engine.pass(20_000)
  assert.deepEqual(expiries('b'), ['endless undefined', 'long 3570'])
  engine.pass(30_000)
  assert.deepEqual(expiries('c'), [])
})

test('check_retain_source: what the rules no longer let its publisher publish is not shown after a restart', async () => {
  const store = openMemoryStore()
  const first = await startDurable(store)
  first.connect('p').publish('t', 'x', { retain: true })
  const engine = await restart(first, store, 0, {
    realm: { clientIdPrefixes: undefined, allowAnonymous: false },
    settings: { check_retain_source: true },
  })
  assert.equal(engine.broker.retained.size, 1)
  const retained = engine.broker.retained.match('t')
  while (retained.step() && retained.found === undefined);
  assert.equal(retained.found?.isStillAllowed(1), false)
})

test('features B12: the session of somebody whom the rules know no more is gone at the next start, its will unpublished', async () => {
  const store = openMemoryStore()
  const first = await waiting(store)
  first.connect('dies', { ...lasting(), will: { ...will('gone', 0).will, retain: true } })
  const engine = await restart(first, store, 0, { realm: { allowAnonymous: false } })
  assert.equal(engine.broker.registry.size, 0)
  assert.equal(engine.broker.retained.size, 0)
  await saved(engine)
  assert.deepEqual([store.stats().rows.sessions, store.stats().rows.messages], [0, 0])
})

test('a listener that is gone: its sessions are kept, receive nothing, and are their owner’s who comes by another', async () => {
  const store = openMemoryStore()
  const engine = await restart(await waiting(store), store, 0, { listener: { port: 4711 } })
  engine.connect('p').publish('t', 'unheard', { qos: 1 })
  const client = engine.connect('c', lasting())
  assert.equal(client.connack?.sessionPresent, true)
  assert.deepEqual(client.payloads(), ['a', 'b', 'c'])
  engine.connect('p').publish('t', 'heard', { qos: 1 })
  assert.deepEqual(client.payloads(), ['heard'])
})

test('decision 13: a record that says nothing is named and set aside with what only it explains; all else is there, and the start goes on', async () => {
  const faults: StoreFault[] = []
  const store = openMemoryStore({ onFault: fault => faults.push(fault) })
  const first = await waiting(store)
  first.connect('p').publish('kept', 'x', { retain: true })
  for (const clientId of ['x', 'y']) {
    const client = first.connect(clientId, lasting())
    client.subscribe('t')
    client.disconnect()
  }
  first.connect('p').publish('t', 'd', { qos: 1 })
  await saved(first)
  const [whole, apart] = [
    await rowOf(store, row => row.message !== undefined),
    await rowOf(store, row => row.message === undefined),
  ]
  assert(whole?.message && apart)
  const noProperties = Buffer.from('30')
  await store.sessions.apply([
    { ...whole, message: { ...whole.message, properties: noProperties } },
    { kind: 'put-subscription', sessionNumber: 1, fullFilter: 'a/#/b', options: 0, subscriptionIdentifier: 0 },
    { kind: 'put-message', messageId: apart.messageId, ...whole.message, properties: noProperties },
  ])
  await store.retained.apply([
    {
      kind: 'put-retained',
      ...whole.message,
      topicName: 'torn',
      properties: Buffer.from('ffffffff', 'hex'),
      keptUntil: undefined,
    },
  ])
  const engine = await restart(first, store)
  assert.deepEqual(engine.connect('c', lasting()).payloads(), ['b', 'c', 'd'], 'its row has a copy of its own')
  assert.deepEqual(engine.connect('x', lasting()).payloads(), [])
  assert.equal(engine.broker.retained.size, 1)
  assert.deepEqual(
    faults.map(({ table, why }) => `${table}: ${why}`),
    [
      'subscriptions: topic filter "a/#/b" goes on after "#", which has to be its last level',
      'messages: the record ends within a packet',
      'queue: the record ends within a packet',
      'queue: message 4 cannot be read',
      'queue: message 4 cannot be read',
      'retained: the source ends behind the record',
    ],
  )
})

test('decision 13: a session that does not say whose it is is set aside with all that is its alone; who shares its messages keeps them', async () => {
  const faults: StoreFault[] = []
  const store = openMemoryStore({ onFault: fault => faults.push(fault) })
  const first = await startDurable(store)
  for (const clientId of ['damaged', 'whole']) {
    const client = first.connect(clientId, lasting())
    client.subscribe('shared')
    if (clientId === 'damaged') client.subscribe('own')
    client.disconnect()
  }
  const publisher = first.connect('p')
  publisher.publish('own', 'short', { qos: 1 })
  publisher.publish('own', 'long'.repeat(1000), { qos: 1 })
  publisher.publish('shared', 'x', { qos: 1 })
  await saved(first)
  const damaged = await sessionOf(store, 'damaged')
  await store.sessions.apply([{ ...damaged, principal: Buffer.from(':1883\n["root",""]') }])
  const engine = await restart(first, store)
  assert.deepEqual(
    faults.map(({ table, why }) => `${table}: ${why}`),
    [
      'sessions: it does not say whose it is',
      ...Array(2).fill('subscriptions: the session that it belongs to cannot be used'),
      ...Array(3).fill('queue: the session that it belongs to cannot be used'),
      'messages: the session that it belongs to cannot be used',
    ],
  )
  assert.equal(engine.connect('damaged', lasting()).connack?.sessionPresent, false)
  assert.deepEqual(engine.connect('whole', lasting()).payloads(), ['x'])
})

async function sessionOf(store: Store, clientId: string): Promise<PutSession> {
  for await (const page of store.sessions.load()) {
    for (const row of page) if (row.kind === 'put-session' && row.clientId === clientId) return row
  }
  assert.fail(`there is no session of ${clientId}`)
}

test('a session that has ended is not written down again when the time comes that its will had', async () => {
  const store = openMemoryStore()
  const first = await startDurable(store)
  first.connect('c', { ...lasting(), ...will('late', 600) }).vanish()
  const { registry } = first.broker
  const old = registry.get('c')
  assert.ok(old !== undefined)
  // As for a user whom the rules do not know any more.
  old.will = undefined
  registry.close(old)
  first.connect('c', lasting()).subscribe('t')
  first.pass(601_000)
  first.connect('p').publish('t', 'kept', { qos: 1 })
  const again = await restart(first, store)
  const client = again.connect('c', lasting())
  assert.equal(client.connack?.sessionPresent, true)
  assert.deepEqual(client.payloads(), ['kept'])
})

async function rowOf(store: Store, isWanted: (row: PutQueued) => boolean): Promise<PutQueued | undefined> {
  for await (const page of store.sessions.load()) {
    for (const row of page) if (row.kind === 'put-queued' && isWanted(row)) return row
  }
  return undefined
}
