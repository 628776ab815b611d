import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine, type EngineClient, lasting } from '../../test/support/engine.ts'
import { parseAclFile } from '../auth/acl-file.ts'
import { noProperties, PacketType, type ProtocolVersion, type RetainHandling } from '../mqtt/packet.ts'

const versions: readonly ProtocolVersion[] = [3, 4, 5]
const options = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const

function subscribeMany(client: EngineClient, requests: readonly (readonly [string, object?])[]): void {
  const subscriptions = requests.map(([topicFilter, more]) => ({ topicFilter, ...options, ...more }))
  client.send({ type: PacketType.subscribe, packetId: 77, subscriptions, properties: noProperties })
}

for (const version of versions) {
  test(`[MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-6] [MQTT-3.9.3-1] [v3.1.1 MQTT-3.8.4-5] [v3.1.1 MQTT-3.9.3-1] SUBACK has the packet id and a code for each filter, in their order, version ${version}`, () => {
    const engine = new Engine({ settings: { max_subscriptions_per_client: 3 } })
    const client = engine.connect('c', { protocolVersion: version })
    subscribeMany(client, [['a', { qos: 2 }], ['b', { qos: 0 }], ['c', { qos: 1 }], ['d'], ['a', { qos: 1 }]])
    const suback = client.expect(PacketType.suback)
    assert.equal(suback.packetId, 77)
    assert.deepEqual(suback.reasonCodes, [2, 0, 1, version === 5 ? 0x97 : 0x80, 1])
    assert.equal(engine.broker.router.subscriptionCount, 3)
  })

  test(`[MQTT-3.8.4-3] [MQTT-3.8.4-4] [v3.1.1 MQTT-3.8.4-3] an identical filter replaces the subscription and sends retained messages again, version ${version}`, () => {
    const engine = new Engine()
    const publisher = engine.connect('p')
    publisher.publish('t', 'retained', { retain: true, qos: 2 })
    const client = engine.connect('c', { protocolVersion: version })
    for (const qos of [2, 1] as const) {
      client.subscribe('t', { qos })
      assert.equal(client.expectPublish('retained').qos, qos)
    }
    publisher.publish('t', 'once', { qos: 2 })
    assert.equal(client.expectPublish('once').qos, 1)
    client.expectNothing()
    assert.equal(engine.broker.router.subscriptionCount, 1)
  })

  test(`[MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-4] [MQTT-3.10.4-5] [v3.1.1 MQTT-3.10.4-1] [v3.1.1 MQTT-3.10.4-5] UNSUBSCRIBE removes what is equal character by character, and is always answered, version ${version}`, () => {
    const engine = new Engine()
    const client = engine.connect('c', { protocolVersion: version })
    for (const topicFilter of ['a/b', 'a/+', '$share/g/a/#']) client.subscribe(topicFilter)
    const codes = client.unsubscribe('A/b', 'a/b', 'a/#', '$share/g/a/#')
    assert.deepEqual(codes, version === 5 ? [0x11, 0, 0x11, 0] : [])
    engine.connect('p').publish('a/b', 'x')
    assert.deepEqual(client.payloads(), ['x'])
    assert.equal(engine.broker.router.subscriptionCount, 1)
  })

  test(`[MQTT-3.10.4-3] [v3.1.1 MQTT-3.10.4-3] deliveries that had begun are completed behind UNSUBSCRIBE, version ${version}`, () => {
    const engine = new Engine()
    const client = engine.connect('c', lasting(version))
    client.subscribe('t')
    engine.connect('p').publish('t', 'x', { qos: 2 })
    client.expectPublish('x')
    client.unsubscribe('t')
    client.vanish()
    const back = engine.connect('c', lasting(version))
    assert.deepEqual(back.answerAll(), ['x'])
    assert.equal(engine.broker.registry.get('c')?.outbound.inflightMessages, 0)
  })
}

test('[MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11] retain handling: always, for a new subscription, never', () => {
  for (const [retainHandling, first, second] of [
    [0, ['x'], ['x']],
    [1, ['x'], []],
    [2, [], []],
  ] as readonly [RetainHandling, string[], string[]][]) {
    const engine = new Engine()
    engine.connect('p').publish('t', 'x', { retain: true })
    const client = engine.connect('c')
    client.subscribe('t', { retainHandling })
    assert.deepEqual(client.payloads(), first)
    client.subscribe('t', { retainHandling })
    assert.deepEqual(client.payloads(), second)
    client.unsubscribe('t')
    client.subscribe('t', { retainHandling })
    assert.deepEqual(client.payloads(), first)
  }
})

test('[MQTT-3.3.1-10] a session that comes back has its subscription: it is not new', () => {
  const engine = new Engine()
  engine.connect('p').publish('t', 'x', { retain: true })
  const client = engine.connect('c', lasting())
  client.subscribe('t', { retainHandling: 1 })
  client.answerAll()
  client.vanish()
  const back = engine.connect('c', lasting())
  back.subscribe('t', { retainHandling: 1 })
  back.expectNothing()
})

test('[MQTT-3.8.4-5] a filter that stands twice in one SUBSCRIBE acts as in two packets: the later options, the retained message', () => {
  for (const [first, second] of [
    [1, 1],
    [0, 2],
    [2, 0],
  ]) {
    const engine = new Engine()
    const publisher = engine.connect('p')
    publisher.publish('t', 'retained', { retain: true, qos: 1 })
    const client = engine.connect('c')
    subscribeMany(client, [
      ['t', { qos: 0, retainHandling: first }],
      ['t', { qos: 1, retainHandling: second }],
    ])
    client.expect(PacketType.suback)
    assert.equal(client.expectPublish('retained').qos, 1)
    client.expectNothing()
  }
})

test('§4.8.2: a shared subscription gets no retained message', () => {
  const engine = new Engine()
  engine.connect('p').publish('t', 'x', { retain: true })
  const client = engine.connect('c')
  client.subscribe('$share/g/t')
  client.expectNothing()
})

test('[MQTT-3.8.3-4] no-local on a shared subscription ends the connection, and subscribes to nothing of the packet', () => {
  const engine = new Engine()
  const client = engine.connect('c')
  subscribeMany(client, [['a'], ['$share/g/t', { noLocal: true }]])
  client.expectClosed(0x82)
  assert.equal(engine.broker.router.subscriptionCount, 0)
})

test('[MQTT-4.7.1-1] [MQTT-4.8.2-1] [MQTT-4.8.2-2] a filter that is none ends the connection', () => {
  for (const topicFilter of ['a/#/b', 'a+', '$share//t', '$share/g', '$share/+/t', '$share/g/']) {
    const engine = new Engine()
    const client = engine.connect('c')
    subscribeMany(client, [['good'], [topicFilter]])
    client.expectClosed(0x81)
    assert.equal(engine.broker.router.subscriptionCount, 0)
    const another = engine.connect('d')
    another.send({
      type: PacketType.unsubscribe,
      packetId: 1,
      topicFilters: [topicFilter],
      properties: noProperties,
    })
    another.expectClosed(0x81)
  }
})

test('max_topic_levels: a deeper filter is refused by itself', () => {
  const client = new Engine({ settings: { max_topic_levels: 3 } }).connect('c')
  subscribeMany(client, [['a/b/c'], ['a/b/c/d'], ['$share/g/a/b/c'], ['$share/g/a/b/c/d']])
  assert.deepEqual(client.expect(PacketType.suback).reasonCodes, [0, 0x8f, 0, 0x8f])
})

test('[MQTT-3.2.2-10] max_qos: subscriptions at any QoS are accepted, and granted what there is', () => {
  const engine = new Engine({ listener: { max_qos: 1 } })
  const client = engine.connect('c')
  assert.deepEqual(
    ([0, 1, 2] as const).map(qos => client.subscribe(`t${qos}`, { qos })),
    [0, 1, 1],
  )
})

test('features F7: an ACL file lets every SUBSCRIBE through and judges each delivery', () => {
  const rules = 'topic write #\ntopic read open/#\ntopic deny open/secret\n'
  const engine = new Engine({ realm: { acl: parseAclFile(rules, 'f').rules } })
  const client = engine.connect('c')
  const publisher = engine.connect('p', {}, engine.addListener({}))
  for (const topic of ['open/a', 'closed']) publisher.publish(topic, `retained ${topic}`, { retain: true })
  assert.equal(client.subscribe('#'), 2)
  for (const topic of ['open/b', 'open/secret', 'closed']) publisher.publish(topic, topic)
  assert.deepEqual(client.payloads(), ['retained open/a', 'open/b'])
})

test('mount_point: filters stand on it, shared ones too, and are unsubscribed by the name that the client gave', () => {
  const engine = new Engine()
  const client = engine.connect('c', {}, engine.addListener({ mount_point: 'site/' }))
  for (const topicFilter of ['t', '$share/g/u']) client.subscribe(topicFilter)
  const publisher = engine.connect('p')
  for (const topic of ['site/t', 'site/u', 't', 'u']) publisher.publish(topic, topic)
  assert.deepEqual(client.payloads(), ['site/t', 'site/u'])
  assert.deepEqual(client.unsubscribe('t', '$share/g/u'), [0, 0])
})

test('max_subscription_levels_per_client bounds the levels of all filters together, and what is given back counts no more', () => {
  const engine = new Engine({ settings: { max_subscription_levels_per_client: 5 } })
  const client = engine.connect('c')
  subscribeMany(client, [['a/b/c'], ['d/e/f'], ['g/h'], ['g/h'], ['i']])
  assert.deepEqual(client.expect(PacketType.suback).reasonCodes, [0, 0x97, 0, 0, 0x97])
  client.unsubscribe('a/b/c')
  subscribeMany(client, [['d/e/f'], ['i']])
  assert.deepEqual(client.expect(PacketType.suback).reasonCodes, [0, 0x97])
})

test('[MQTT-4.7.1-1] an UNSUBSCRIBE with a filter that is none ends the connection and removes nothing', () => {
  const engine = new Engine()
  const client = engine.connect('c', lasting())
  client.subscribe('a')
  client.send({ type: PacketType.unsubscribe, packetId: 9, topicFilters: ['a', 'b#'], properties: noProperties })
  client.expectClosed(0x81)
  assert.equal(engine.broker.router.subscriptionCount, 1)
})

test('metrics: refused filters are counted by reason, granted ones are not', () => {
  const engine = new Engine({ settings: { max_subscriptions_per_client: 1, max_topic_levels: 2 } })
  const client = engine.connect('c')
  subscribeMany(client, [['a'], ['b'], ['c'], ['a/b/c']])
  assert.deepEqual(Object.fromEntries(engine.broker.counters.subscriptionsRefused.entries()), {
    'quota exceeded': 2,
    'too many levels': 1,
  })
})
