import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine, type EngineClient, lasting } from '../../test/support/engine.ts'
import { PacketType, type SubscriptionRequest } from '../mqtt/packet.ts'
import type { BrokerSettings } from './broker.ts'
import { maximumHoldMs } from './flow-control.ts'

/** One message may be under way to a client, and so many wait for it. */
const settings = { max_inflight_messages: 1, max_queued_messages: 4 } satisfies Partial<BrokerSettings>
const all = 1 + settings.max_queued_messages

function start(more: Partial<BrokerSettings> = {}) {
  const engine = new Engine({ settings: { ...settings, ...more } })
  const publisher = engine.connect('p')
  let count = 0
  /** Publishes on `t` at QoS 1. @returns what of it was acknowledged, older ones included */
  const publish = (times: number, topicName = 't', from = publisher) => {
    for (let n = 0; n < times; n++) from.publish(topicName, `${++count}`, { qos: 1 })
    return acknowledged(from)
  }
  const subscriber = (clientId: string, filter = 't', request: Partial<SubscriptionRequest> = {}) => {
    const client = engine.connect(clientId)
    client.subscribe(filter, request)
    return client
  }
  return { engine, publisher, publish, subscriber, dropped: () => engine.broker.counters.publishDropped }
}

/** How many PUBACKs have come since the last time. */
function acknowledged(client: EngineClient): number {
  return client.received().filter(({ type }) => type === PacketType.puback).length
}

/** Takes and acknowledges what has come, and what comes for it, up to `most` messages. @returns the payloads */
function take(client: EngineClient, most = Number.POSITIVE_INFINITY): string[] {
  const payloads: string[] = []
  while (payloads.length < most) {
    const [packet] = client.received()
    if (packet?.type !== PacketType.publish) break
    payloads.push(Buffer.from(packet.payload).toString())
    client.acknowledge(PacketType.puback, packet.packetId)
  }
  return payloads
}

test('max_queued_messages: a message for which the only subscriber has no room is not taken, and nothing is heard behind it', () => {
  const { publisher, publish, subscriber, dropped } = start()
  subscriber('s', 't', { qos: 1 })
  assert.equal(publish(all + 3), all)
  assert.equal(publisher.transport.paused, true)
  publisher.send({ type: PacketType.pingreq })
  assert.deepEqual([publisher.received(), dropped()], [[], 0])
})

test('max_queued_messages: with a quarter of the queue free it goes on, in order and without loss', () => {
  const { publisher, publish, subscriber, dropped } = start()
  const client = subscriber('s', 't', { qos: 1 })
  publish(all + 3)
  assert.deepEqual(take(client, 1), ['1'])
  assert.equal(publisher.transport.paused, false)
  publisher.catchUp()
  assert.equal(acknowledged(publisher), 1)
  assert.equal(publisher.transport.paused, true)
  const rest = []
  for (let taken = take(client); taken.length > 0; taken = take(client)) {
    rest.push(...taken)
    publisher.catchUp()
  }
  assert.deepEqual(rest, ['2', '3', '4', '5', '6', '7', '8'])
  assert.deepEqual([acknowledged(publisher), dropped()], [2, 0])
})

test('max_queued_messages: while one subscriber has room nobody waits, and the full one loses its copy', () => {
  const { publish, subscriber, dropped } = start()
  const full = subscriber('full', 't', { qos: 1 })
  const quick = subscriber('quick', 't', { qos: 1 })
  for (let n = 1; n <= all + 2; n++) {
    assert.equal(publish(1), 1)
    assert.deepEqual(take(quick), [`${n}`])
  }
  assert.equal(dropped(), 2)
  assert.deepEqual(take(full), ['1', '2', '3', '4', '5'])
})

test('max_queued_messages: subscribers at QoS 0 neither wait nor keep a full one from being waited for', () => {
  const { publish, subscriber, dropped } = start()
  subscriber('full', 't', { qos: 1 })
  const watcher = subscriber('watcher', '#', { qos: 0 })
  assert.equal(publish(all + 2), all)
  assert.deepEqual([watcher.payloads().length, dropped()], [all, 0])
})

test('max_queued_messages: nobody waits for a client that is away: its queue is full, and the message is dropped', () => {
  const { engine, publish, dropped } = start()
  const away = engine.connect('away', lasting())
  away.subscribe('t', { qos: 1 })
  away.vanish()
  assert.equal(publish(settings.max_queued_messages + 2), settings.max_queued_messages + 2)
  assert.equal(dropped(), 2)
})

test('max_queued_messages: neither who is away, nor who stands still, nor the publisher itself keeps a full one from being waited for', () => {
  const { engine, publisher, publish, subscriber } = start()
  const away = engine.connect('away', lasting())
  away.subscribe('t', { qos: 1 })
  away.vanish()
  publisher.subscribe('#', { qos: 1, noLocal: true })
  subscriber('stands', 't', { qos: 1 })
  publish(all)
  engine.pass(1100)
  subscriber('moves', 't', { qos: 1 })
  assert.equal(publish(all + 1), all)
  assert.equal(publisher.transport.paused, true)
})

test('max_queued_bytes: a message waits for room for all of it', () => {
  const { publisher, publish, subscriber, dropped } = start({ max_queued_messages: 0, max_queued_bytes: 100 })
  subscriber('s', 't', { qos: 1 })
  assert.equal(publish(1), 1)
  for (const payload of ['x'.repeat(60), 'y'.repeat(60)]) publisher.publish('t', payload, { qos: 1 })
  assert.deepEqual([acknowledged(publisher), publisher.transport.paused, dropped()], [1, true, 0])
})

test('max_queued_messages: who would need longer than twenty seconds for a full queue is not waited for', () => {
  for (const [perSecond, waits] of [
    [4, false],
    [5, true],
  ] as const) {
    const { engine, publisher, publish, subscriber, dropped } = start({ max_queued_messages: 100 })
    const client = subscriber('s', 't', { qos: 1 })
    publish(130)
    for (let second = 0; second < 3; second++) {
      engine.pass(1010)
      assert.equal(take(client, perSecond).length, perSecond)
      publisher.catchUp()
    }
    assert.equal(dropped() === 0, waits, `${perSecond} a second`)
  }
})

test('max_queued_messages: a client waits neither for itself nor for one whose own message waits', () => {
  const own = start()
  own.publisher.subscribe('t', { qos: 1 })
  for (let n = 0; n < all + 2; n++) own.publisher.publish('t', 'x', { qos: 1 })
  assert.deepEqual([own.publisher.transport.paused, own.dropped()], [false, 2])

  const { publisher: one, publish, subscriber, dropped } = start()
  one.subscribe('to one', { qos: 1 })
  const other = subscriber('other', 'to other', { qos: 1 })
  publish(all + 1, 'to other')
  assert.equal(one.transport.paused, true)
  assert.equal(publish(all + 1, 'to one', other), all + 1)
  assert.deepEqual([other.transport.paused, dropped()], [false, 1])
})

test('maximumStallMs: nobody waits longer than a second for a client that acknowledges nothing; for one that does, again', () => {
  const { engine, publisher, publish, subscriber, dropped } = start()
  const client = subscriber('s', 't', { qos: 1 })
  assert.equal(publish(all + 3), all)
  engine.pass(900)
  publisher.catchUp()
  assert.deepEqual([acknowledged(publisher), dropped()], [0, 0])
  engine.pass(200)
  publisher.catchUp()
  assert.deepEqual([acknowledged(publisher), dropped()], [3, 3])
  assert.equal(take(client, 1).length, 1)
  assert.deepEqual([publish(2), dropped()], [1, 3])
})

test('maximumStallMs: a queue that fills after a long silence is not taken for stalled', () => {
  const { engine, publish, subscriber, dropped } = start()
  subscriber('s', 't', { qos: 1 })
  engine.pass(3_600_000)
  assert.deepEqual([publish(all + 1), dropped()], [all, 0])
})

test('maximumHoldMs: a message waits no longer than that, however often others are quicker to take the room', () => {
  const { engine, publisher, publish, subscriber, dropped } = start()
  const client = subscriber('s', 't', { qos: 1 })
  const other = engine.connect('other')
  assert.equal(publish(all + 1), all)
  const waited = []
  while (dropped() === 0 && waited.length < 100) {
    assert.equal(take(client, 1).length, 1)
    assert.equal(publish(1, 't', other), 1)
    engine.pass(900)
    publisher.catchUp()
    waited.push(acknowledged(publisher))
  }
  assert.deepEqual([waited.length, waited.at(-1)], [Math.ceil(maximumHoldMs / 900), 1])
})

for (const [how, end] of [
  ['leaves', client => client.disconnect()],
  ['is lost', client => client.vanish()],
  ['unsubscribes', client => void client.unsubscribe('t')],
] as const satisfies readonly (readonly [string, (client: EngineClient) => void])[]) {
  test(`whoever waits goes on when the subscriber ${how}`, () => {
    const { engine, publisher, publish, subscriber } = start()
    const client = subscriber('s', 't', { qos: 1 })
    publish(all + 2)
    client.received()
    end(client)
    engine.pass(1100)
    publisher.catchUp()
    assert.deepEqual([acknowledged(publisher), publisher.transport.paused], [2, false])
  })
}

test('max_queued_messages: a limit that a reload raises lets whoever waits go on', () => {
  const { engine, publisher, publish, subscriber } = start()
  subscriber('s', 't', { qos: 1 })
  publish(all + 2)
  engine.reconfigure({ max_queued_messages: 100 })
  engine.pass(1100)
  publisher.catchUp()
  assert.equal(acknowledged(publisher), 2)
})

test('a publisher that goes while it waits leaves nothing behind, and its message was never taken', () => {
  const { engine, publisher, publish, subscriber } = start()
  const client = subscriber('s', 't', { qos: 1 })
  const timers = engine.broker.wheel.size
  publish(all + 1)
  assert.equal(engine.broker.wheel.size, timers + 1)
  publisher.vanish()
  assert.equal(engine.broker.wheel.size, timers)
  assert.deepEqual(take(client), ['1', '2', '3', '4', '5'])
})

test('[MQTT-3.1.2-22] keep alive does not run while a publisher is not heard, and runs again when it is', () => {
  const { engine, publish, subscriber } = start({ max_queued_messages: 100 })
  const client = subscriber('s', 't', { qos: 1 })
  const publisher = engine.connect('keeps alive', { keepAlive: 1 })
  publish(150, 't', publisher)
  for (let n = 0; n < 5; n++) {
    engine.pass(800)
    // Too little to be woken for, enough to be waited for.
    assert.equal(take(client, 5).length, 5)
    publisher.catchUp()
    assert.equal(publisher.transport.closed, false)
  }
  take(client)
  publisher.catchUp()
  engine.pass(1400)
  assert.equal(publisher.transport.closed, false)
  engine.pass(400)
  assert.equal(publisher.transport.closed, true)
})

test('§4.8.2: a shared group gives a message to a member with room; only when none has does the publisher wait', () => {
  const { publish, subscriber, dropped } = start()
  const [one, two] = ['one', 'two'].map(clientId => subscriber(clientId, '$share/g/t', { qos: 1 }))
  assert.equal(publish(2 * all + 2), 2 * all)
  assert.equal(dropped(), 0)
  const taken = [...take(one!), ...take(two!)].map(Number).sort((a, b) => a - b)
  assert.deepEqual(
    taken,
    Array.from({ length: 2 * all }, (_, n) => n + 1),
  )
})

for (const qos of [1, 2] as const) {
  test(`a run of packets at QoS ${qos} is taken as far as there is room`, () => {
    const { engine, publish, subscriber, dropped } = start()
    const client = subscriber('s', 't', { qos: 1 })
    publish(1)
    take(client)
    const publisher = engine.connect('older', { protocolVersion: 4 })
    for (let n = 0; n < all + 2; n++) publisher.publish('t', 'x', { qos })
    const answers = publisher
      .received()
      .filter(({ type }) => type === (qos === 1 ? PacketType.puback : PacketType.pubrec))
    assert.deepEqual([answers.length, dropped()], [all, 0])
  })
}
