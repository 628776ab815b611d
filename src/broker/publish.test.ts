import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine, type EngineClient, lasting } from '../../test/support/engine.ts'
import { parseAclFile } from '../auth/acl-file.ts'
import { PacketType, type ProtocolVersion } from '../mqtt/packet.ts'

const versions: readonly ProtocolVersion[] = [3, 4, 5]
const { puback, pubrec, pubrel, pubcomp } = PacketType
const acl = (rules: string) => ({ acl: parseAclFile(rules, 'f').rules })
const dup = true

/** A publisher whose session lasts, and a subscriber of everything. */
function setUp(version: ProtocolVersion = 5, options?: ConstructorParameters<typeof Engine>[0]) {
  const engine = new Engine(options)
  const subscriber = engine.connect('s')
  subscriber.subscribe('#')
  const publisher = engine.connect('p', lasting(version))
  const reconnect = (): EngineClient => {
    publisher.vanish()
    return engine.connect('p', lasting(version))
  }
  return { engine, subscriber, publisher, reconnect }
}

for (const version of versions) {
  test(`[MQTT-3.3.4-1] [MQTT-2.2.1-5] [v3.1.1 MQTT-3.3.4-1] QoS 0 gets no answer, QoS 1 PUBACK, QoS 2 PUBREC and then PUBCOMP, version ${version}`, () => {
    const { publisher } = setUp(version)
    publisher.publish('t', 'x')
    publisher.expectNothing()
    publisher.publish('t', 'x', { qos: 1, packetId: 7 })
    publisher.expectAcknowledgement(puback, 7)
    publisher.publish('t', 'x', { qos: 2, packetId: 8 })
    publisher.expectAcknowledgement(pubrec, 8)
    publisher.acknowledge(pubrel, 8)
    publisher.expectAcknowledgement(pubcomp, 8)
    publisher.expectNothing()
  })

  test(`[MQTT-4.3.2-5] [v3.1.1 MQTT-4.3.2-2] behind PUBACK the same packet id is a new message, whatever DUP says, version ${version}`, () => {
    const { publisher, subscriber, reconnect } = setUp(version)
    publisher.publish('t', 'a', { qos: 1, packetId: 7 })
    publisher.publish('t', 'b', { qos: 1, packetId: 7, dup })
    reconnect().publish('t', 'c', { qos: 1, packetId: 7, dup })
    assert.deepEqual(subscriber.payloads(), ['a', 'b', 'c'])
  })

  test(`[MQTT-4.3.3-10] [v3.1.1 MQTT-4.3.3-2] QoS 2 sent again before PUBREL gets PUBREC again and is delivered once, version ${version}`, () => {
    const { publisher, subscriber, reconnect } = setUp(version)
    publisher.publish('t', 'a', { qos: 2, packetId: 7 })
    publisher.publish('t', 'a', { qos: 2, packetId: 7, dup })
    const back = reconnect()
    back.publish('t', 'a', { qos: 2, packetId: 7, dup })
    back.expectAcknowledgement(pubrec, 7)
    assert.deepEqual(subscriber.payloads(), ['a'])
  })

  test(`[MQTT-4.3.3-12] behind PUBCOMP the same packet id is a new message, version ${version}`, () => {
    const { publisher, subscriber } = setUp(version)
    for (const payload of ['a', 'b']) {
      publisher.publish('t', payload, { qos: 2, packetId: 7 })
      publisher.answerAll()
    }
    assert.deepEqual(subscriber.payloads(), ['a', 'b'])
  })

  test(`[MQTT-4.3.3-11] PUBREL is answered wherever the connection broke, PUBCOMP 0x92 if the exchange is over, version ${version}`, () => {
    const { publisher, reconnect } = setUp(version)
    publisher.publish('t', 'a', { qos: 2, packetId: 7 })
    const back = reconnect()
    back.acknowledge(pubrel, 7)
    back.expectAcknowledgement(pubcomp, 7)
    back.acknowledge(pubrel, 7)
    back.expectAcknowledgement(pubcomp, 7, version === 5 ? 0x92 : 0)
  })

  test(`[MQTT-3.1.2-4] a new session knows no packet id of the old one, version ${version}`, () => {
    const { engine, publisher, subscriber } = setUp(version)
    publisher.publish('t', 'a', { qos: 2, packetId: 7 })
    publisher.vanish()
    const clean = engine.connect('p', { protocolVersion: version, cleanStart: true })
    clean.publish('t', 'b', { qos: 2, packetId: 7 })
    assert.deepEqual(subscriber.payloads(), ['a', 'b'])
  })

  test(`features F10: a PUBLISH that is not permitted reaches nobody and completes its flow, version ${version}`, () => {
    const { publisher, subscriber } = setUp(version, { realm: acl('topic read #\ntopic write open/#') })
    const code = version === 5 ? 0x87 : 0
    publisher.publish('closed', 'x', { retain: true })
    publisher.expectNothing()
    publisher.publish('closed', 'x', { qos: 1, packetId: 1 })
    publisher.expectAcknowledgement(puback, 1, code)
    publisher.publish('closed', 'x', { qos: 2, packetId: 2 })
    publisher.expectAcknowledgement(pubrec, 2, code)
    publisher.publish('open/t', 'y', { qos: 1, packetId: 3 })
    publisher.expectAcknowledgement(puback, 3)
    assert.deepEqual(subscriber.payloads(), ['y'])
  })

  test(`message_size_limit: a larger payload is dropped with a code that its answer may carry [MQTT-3.4.2-1], version ${version}`, () => {
    const { publisher, subscriber } = setUp(version, { settings: { message_size_limit: 3 } })
    const code = version === 5 ? 0x83 : 0
    publisher.publish('t', '1234', { qos: 1, packetId: 1 })
    publisher.expectAcknowledgement(puback, 1, code)
    publisher.publish('t', '1234', { qos: 2, packetId: 2 })
    publisher.expectAcknowledgement(pubrec, 2, code)
    publisher.publish('t', '123')
    assert.deepEqual(subscriber.payloads(), ['123'])
  })
}

test('[MQTT-4.3.3-9] behind a refusing PUBREC the same packet id is a new message', () => {
  const { engine, publisher, subscriber } = setUp(5, { realm: acl('topic read #') })
  publisher.publish('t', 'a', { qos: 2, packetId: 7 })
  publisher.expectAcknowledgement(pubrec, 7, 0x87)
  engine.listener.realm = engine.realm()
  engine.reconfigure({})
  publisher.publish('t', 'b', { qos: 2, packetId: 7 })
  publisher.expectAcknowledgement(pubrec, 7)
  assert.deepEqual(subscriber.payloads(), ['b'])
})

test('§3.4.2.1: MQTT 5 publishers are told when nobody subscribes', () => {
  const engine = new Engine()
  for (const [version, code] of [
    [5, 0x10],
    [4, 0],
  ] as const) {
    const publisher = engine.connect(`p${version}`, { protocolVersion: version })
    publisher.publish('t', 'x', { qos: 1, packetId: 1 })
    publisher.expectAcknowledgement(puback, 1, code)
    publisher.publish('t', 'x', { qos: 2, packetId: 2 })
    publisher.expectAcknowledgement(pubrec, 2, code)
    publisher.answerAll()
  }
})

test('[MQTT-4.3.2-4] [MQTT-4.3.3-8] the answer leaves behind what it promises: the message is with every subscriber', () => {
  const { publisher, subscriber } = setUp()
  const order: string[] = []
  for (const [name, { transport }] of Object.entries({ publisher, subscriber })) {
    const [send, reserve] = [transport.send.bind(transport), transport.reserve.bind(transport)]
    transport.send = bytes => {
      order.push(name)
      send(bytes)
    }
    transport.reserve = size => {
      order.push(name)
      return reserve(size)
    }
  }
  publisher.publish('t', 'x', { qos: 1 })
  publisher.publish('t', 'x', { qos: 2 })
  assert.deepEqual(order, ['subscriber', 'publisher', 'subscriber', 'publisher'])
})

test('[MQTT-3.3.4-7] more than Receive Maximum at QoS 2 end the connection with 0x93; QoS 1 is never too many', () => {
  const { publisher } = setUp(5, { settings: { max_inflight_messages: 2 } })
  assert.equal(publisher.connack?.properties.receiveMaximum, 2)
  for (const packetId of [1, 2]) publisher.publish('t', 'x', { qos: 2, packetId })
  for (let packetId = 10; packetId < 20; packetId++) publisher.publish('t', 'x', { qos: 1, packetId })
  publisher.acknowledge(pubrel, 1)
  publisher.publish('t', 'x', { qos: 2, packetId: 1 })
  publisher.received()
  publisher.publish('t', 'x', { qos: 2, packetId: 3 })
  publisher.expectClosed(0x93)
})

test('§4.9: a connection begins with the whole quota, whatever an earlier one left open; a refusal gives back', () => {
  const { engine, publisher, reconnect } = setUp(5, { settings: { max_inflight_messages: 2 } })
  for (const packetId of [1, 2]) publisher.publish('t', 'x', { qos: 2, packetId })
  const back = reconnect()
  for (const packetId of [3, 4]) back.publish('t', 'x', { qos: 2, packetId })
  for (const packetId of [3, 4]) back.expectAcknowledgement(pubrec, packetId)
  const other = engine.connect('o')
  engine.listener.realm = engine.realm(acl('topic read #'))
  for (let packetId = 1; packetId < 9; packetId++) other.publish('t', 'x', { qos: 2, packetId })
  assert.equal(other.transport.closed, false)
})

test('§4.9: before MQTT 5 there is no Receive Maximum', () => {
  const { publisher } = setUp(4, { settings: { max_inflight_messages: 2 } })
  for (let packetId = 1; packetId < 100; packetId++) publisher.publish('t', 'x', { qos: 2, packetId })
  assert.equal(publisher.received().length, 99)
})

test('[MQTT-3.3.2-2] [MQTT-3.3.2-7] [MQTT-3.3.2-9] topic aliases: as far as CONNACK said, within one connection', () => {
  const { publisher, subscriber, reconnect } = setUp(5, { listener: { max_topic_alias: 1 } })
  const alias = (topicAlias: number) => ({ properties: { topicAlias } })
  publisher.publish('t', 'a', alias(1))
  publisher.publish('', 'b', alias(1))
  assert.deepEqual(
    subscriber.publishes().map(({ topicName, properties }) => [topicName, properties]),
    [
      ['t', {}],
      ['t', {}],
    ],
  )
  const back = reconnect()
  back.publish('', 'c', alias(1))
  back.expectClosed(0x82)
  const again = reconnect()
  again.publish('t', 'd', alias(2))
  again.expectClosed(0x94)
  subscriber.expectNothing()
})

test('a PUBLISH that no client may send ends its connection: wildcards, depth, identifiers, response topics', () => {
  for (const [reasonCode, topicName, properties] of [
    [0x90, 'a/+', {}],
    [0x90, 'a/b/c/d', {}],
    [0x82, 't', { subscriptionIdentifiers: [1] }],
    [0x82, 't', { responseTopic: 'a/#' }],
    [0x82, 't', { responseTopic: '' }],
  ] as const) {
    const { publisher, subscriber } = setUp(5, { settings: { max_topic_levels: 3 } })
    publisher.publish('a/b/c', 'good', { properties: { responseTopic: 'r' } })
    publisher.publish(topicName, 'bad', { properties })
    publisher.expectClosed(reasonCode)
    assert.deepEqual(subscriber.payloads(), ['good'])
  }
})

test('[MQTT-3.2.2-11] max_qos: a higher one ends the connection with 0x9B', () => {
  const { publisher, subscriber } = setUp(5, { listener: { max_qos: 1 } })
  publisher.publish('t', 'good', { qos: 1 })
  publisher.expect(puback)
  publisher.publish('t', 'bad', { qos: 2 })
  publisher.expectClosed(0x9b)
  assert.deepEqual(subscriber.payloads(), ['good'])
})

test('[MQTT-3.3.2-5] [MQTT-3.3.2-6] the life of a message is counted down while it waits, and ends there', () => {
  const { engine, publisher } = setUp()
  const away = engine.connect('away', lasting())
  away.subscribe('t')
  away.vanish()
  for (const [payload, messageExpiryInterval] of Object.entries({ short: 10, long: 20 })) {
    publisher.publish('t', payload, { qos: 1, properties: { messageExpiryInterval } })
  }
  publisher.publish('t', 'lasting', { qos: 1 })
  engine.pass(12_500)
  const back = engine.connect('away', lasting())
  assert.deepEqual(
    back.publishes().map(({ payload, properties }) => [String(payload), properties.messageExpiryInterval]),
    [
      ['long', 8],
      ['lasting', undefined],
    ],
  )
})

test('[MQTT-3.3.2-5] a message that lives 0 seconds reaches who can take it at once', () => {
  const { engine, publisher, subscriber } = setUp()
  const away = engine.connect('away', lasting())
  away.subscribe('t')
  away.vanish()
  publisher.publish('t', 'x', { qos: 1, properties: { messageExpiryInterval: 0 } })
  assert.deepEqual(subscriber.payloads(), ['x'])
  assert.deepEqual(engine.connect('away', lasting()).payloads(), [])
})

test('mount_point: publishers and subscribers of the listener see topics without it, others with it', () => {
  const engine = new Engine()
  const mounted = engine.addListener({ mount_point: 'site/' })
  const [inside, outside] = [engine.connect('in', {}, mounted), engine.connect('out')]
  for (const client of [inside, outside]) client.subscribe('#')
  inside.publish('t', 'a', { retain: true })
  outside.publish('site/t', 'b')
  outside.publish('t', 'c')
  const seen = (client: EngineClient) => client.publishes().map(({ topicName, payload }) => `${topicName} ${payload}`)
  assert.deepEqual(seen(inside), ['t a', 't b'])
  assert.deepEqual(seen(outside), ['site/t a', 'site/t b', 't c'])
  const late = engine.connect('late', {}, mounted)
  late.subscribe('t')
  assert.deepEqual(late.payloads(), ['a'])
})

test('mount_point: a topic name that is too long on it ends the connection with 0x90', () => {
  const engine = new Engine({ settings: { max_topic_levels: 10 } })
  const client = engine.connect('in', {}, engine.addListener({ mount_point: 'site/' }))
  client.publish('x'.repeat(65_530), 'x')
  client.expectNothing()
  client.publish('x'.repeat(65_531), 'x')
  client.expectClosed(0x90)
})
