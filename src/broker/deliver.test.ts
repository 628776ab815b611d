import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine, lasting } from '../../test/support/engine.ts'
import { parseAclFile } from '../auth/acl-file.ts'
import type { Log } from '../base/log.ts'
import { PacketType, type QoS } from '../mqtt/packet.ts'

test('[MQTT-4.3.1-1] a client whose thousands of answers have not left yet still gets the QoS 0 messages of others', () => {
  const engine = new Engine()
  const [publisher, bursting] = [engine.connect('p'), engine.connect('bursting')]
  bursting.subscribe('#')
  for (let i = 0; i < 5000; i++) bursting.send({ type: PacketType.pingreq })
  for (let i = 0; i < 10; i++) publisher.publish('t', `${i}`)
  assert.deepEqual(
    bursting.payloads(),
    Array.from({ length: 10 }, (_, i) => `${i}`),
  )
})

test('max_buffered_bytes: a client with that many bytes before it gets no more QoS 0 messages until it has taken them', () => {
  const engine = new Engine()
  const [publisher, slow] = [engine.connect('p'), engine.connect('slow')]
  slow.subscribe('#')
  slow.transport.queuedBytes = engine.broker.settings.max_buffered_bytes
  publisher.publish('t', 'lost')
  slow.drain()
  publisher.publish('t', 'kept')
  assert.deepEqual(slow.payloads(), ['kept'])
})

test('$SYS counts a message that waited and expired as dropped, and no other', () => {
  const engine = new Engine()
  engine.connect('away', lasting()).subscribe('#', { qos: 1 })
  engine.connect('away', lasting()).vanish()
  const publisher = engine.connect('p')
  publisher.publish('t', 'expires', { qos: 1, properties: { messageExpiryInterval: 10 } })
  publisher.publish('t', 'stays', { qos: 1 })
  engine.pass(10_000)
  assert.deepEqual(engine.connect('away', lasting()).answerAll(), ['stays'])
  assert.equal(engine.broker.counters.publishDropped, 1)
})

test('[MQTT-3.8.4-8] [MQTT-3.3.1-13] [MQTT-3.3.4-3] each of many subscriptions gets a message at its QoS, with its retain flag and its identifier', () => {
  const engine = new Engine()
  const kinds: readonly [QoS, boolean, number | undefined][] = [
    [0, false, undefined],
    [0, false, undefined],
    [1, false, undefined],
    [0, true, undefined],
    [0, true, 7],
    [0, true, 7],
    [0, true, 8],
    [0, true, undefined],
    [2, false, undefined],
  ]
  const clients = kinds.map(([qos, retainAsPublished, identifier], index) => {
    const client = engine.connect(`c${index}`)
    client.subscribe('#', { qos, retainAsPublished }, identifier)
    return client
  })
  engine.connect('p').publish('t', 'x', { qos: 1, retain: true })
  kinds.forEach(([qos, retainAsPublished, identifier], index) => {
    const packet = clients[index]?.expectPublish('x')
    assert.deepEqual(
      [packet?.qos, packet?.retain, packet?.properties.subscriptionIdentifiers],
      [Math.min(qos, 1), retainAsPublished, identifier === undefined ? undefined : [identifier]],
    )
  })
})

/** At which QoS a subscriber gets a message of each QoS. */
function deliveredAt(settings: object, granted: QoS): QoS[] {
  const engine = new Engine({ settings })
  const subscriber = engine.connect('s')
  subscriber.subscribe('t', { qos: granted })
  const publisher = engine.connect('p')
  for (const qos of [0, 1, 2] as const) publisher.publish('t', 'x', { qos })
  return subscriber.publishes().map(({ qos }) => qos)
}

test('[MQTT-3.8.4-8] [v3.1.1 MQTT-3.8.4-6] a message comes at the lower of its own QoS and the granted one', () => {
  assert.deepEqual(
    ([0, 1, 2] as const).map(granted => deliveredAt({}, granted)),
    [
      [0, 0, 0],
      [0, 1, 1],
      [0, 1, 2],
    ],
  )
})

test('upgrade_outgoing_qos: a message comes at the granted QoS', () => {
  assert.deepEqual(
    ([0, 1, 2] as const).map(granted => deliveredAt({ upgrade_outgoing_qos: true }, granted)),
    [
      [0, 0, 0],
      [1, 1, 1],
      [2, 2, 2],
    ],
  )
})

test('[MQTT-3.3.1-3] DUP and packet id are those of this delivery, not those of the publisher', () => {
  const engine = new Engine()
  const subscriber = engine.connect('s')
  subscriber.subscribe('t')
  engine.connect('p').publish('t', 'x', { qos: 1, packetId: 999, dup: true })
  const { dup, packetId } = subscriber.expectPublish('x')
  assert.deepEqual([dup, packetId], [false, 1])
})

test('[MQTT-3.8.3-3] no-local keeps a client from its own messages only, retained ones and wills too', () => {
  const engine = new Engine()
  const client = engine.connect('c')
  client.publish('t', 'own retained', { retain: true })
  client.subscribe('t', { noLocal: true })
  client.publish('t', 'own')
  engine.connect('other').publish('t', 'other')
  assert.deepEqual(client.payloads(), ['other'])
  client.subscribe('t', { noLocal: false })
  assert.deepEqual(client.payloads(), ['own retained'])
})

test('[MQTT-3.3.1-12] [MQTT-3.3.1-13] [MQTT-3.3.1-8] [v3.1.1 MQTT-3.3.1-9] RETAIN is 0 on an established subscription unless it asked to see it as published, and 1 on what was retained', () => {
  const engine = new Engine()
  const publisher = engine.connect('p')
  const [plain, asPublished] = [engine.connect('a'), engine.connect('b')]
  plain.subscribe('#')
  asPublished.subscribe('#', { retainAsPublished: true })
  publisher.publish('t', 'x', { retain: true })
  publisher.publish('t', 'x')
  const flags = (client: typeof plain) => client.publishes().map(({ retain }) => retain)
  assert.deepEqual(
    [flags(plain), flags(asPublished)],
    [
      [false, false],
      [true, false],
    ],
  )
  plain.subscribe('#')
  assert.deepEqual(flags(plain), [true])
})

test('[MQTT-3.3.4-5] [MQTT-3.3.4-3] allow_duplicate_messages: overlapping subscriptions get a copy each, with QoS, RETAIN and identifier of each', () => {
  const { seen } = overlapping(true)
  assert.deepEqual(seen, [
    [0, false, [3]],
    [1, true, [1]],
    [2, false, undefined],
  ])
})

test('[MQTT-3.3.4-2] [MQTT-3.3.4-4] [v3.1.1 MQTT-3.3.5-1] allow_duplicate_messages false: one copy, at the highest QoS and with all identifiers', () => {
  const { seen, other } = overlapping(false)
  assert.equal(seen.length, 1)
  const [[qos, retain, identifiers] = []] = seen
  assert.deepEqual([qos, retain, (identifiers as number[]).sort()], [2, true, [1, 3]])
  assert.deepEqual(other, ['x'])
})

/** What a client with three subscriptions gets of one retained message, and one with a single one beside it. */
function overlapping(allowed: boolean) {
  const engine = new Engine({ settings: { allow_duplicate_messages: allowed } })
  const client = engine.connect('c')
  client.subscribe('a/b', { qos: 1, retainAsPublished: true }, 1)
  client.subscribe('a/+', { qos: 2 })
  client.subscribe('#', { qos: 0 }, 3)
  const other = engine.connect('other')
  other.subscribe('a/b')
  engine.connect('p').publish('a/b', 'x', { qos: 2, retain: true })
  const seen = client
    .publishes()
    .map(({ qos, retain, properties }) => [qos, retain, properties.subscriptionIdentifiers] as const)
    .sort((one, another) => one[0] - another[0])
  return { seen, other: other.payloads() }
}

test('[MQTT-4.5.0-1] max_queued_messages: an absent client gets what was first, and $SYS counts what was dropped', () => {
  const engine = new Engine({ settings: { max_queued_messages: 2 } })
  engine.connect('away', lasting()).subscribe('t')
  engine.connect('away', lasting()).vanish()
  const publisher = engine.connect('p')
  for (const payload of ['1', '2', '3', '4']) publisher.publish('t', payload, { qos: 1 })
  assert.deepEqual(engine.connect('away', lasting()).payloads(), ['1', '2'])
  assert.equal(engine.broker.counters.publishDropped, 2)
})

test('queue_qos0_messages: messages of QoS 0 wait for an absent client, or do not', () => {
  for (const [queue_qos0_messages, expected] of [
    [true, ['0', '1']],
    [false, ['1']],
  ] as const) {
    const engine = new Engine({ settings: { queue_qos0_messages } })
    engine.connect('away', lasting()).subscribe('t')
    engine.connect('away', lasting()).vanish()
    const publisher = engine.connect('p')
    for (const qos of [0, 1] as const) publisher.publish('t', `${qos}`, { qos })
    assert.deepEqual(engine.connect('away', lasting()).payloads(), expected)
  }
})

test('[MQTT-3.1.2-24] [MQTT-3.1.2-25] what is too large for a client does not hold up what follows', () => {
  const engine = new Engine({ settings: { max_inflight_messages: 1 } })
  const client = engine.connect('c', { properties: { maximumPacketSize: 40 } })
  client.subscribe('t')
  const publisher = engine.connect('p')
  for (const payload of ['1', 'x'.repeat(100), '2']) publisher.publish('t', payload, { qos: 1 })
  assert.deepEqual(client.answerAll(), ['1', '2'])
})

test('[MQTT-3.3.4-9] [MQTT-3.3.2-11] what a client announced in CONNECT bounds what it is sent', () => {
  const engine = new Engine()
  const client = engine.connect('c', { properties: { receiveMaximum: 2, topicAliasMaximum: 1 } })
  client.subscribe('#', { qos: 1 })
  const publisher = engine.connect('p')
  for (const topic of ['a', 'a', 'b']) publisher.publish(topic, topic, { qos: 1 })
  const first = client.publishes()
  assert.deepEqual(
    first.map(({ topicName, properties }) => [topicName, properties.topicAlias]),
    [
      ['a', 1],
      ['', 1],
    ],
  )
  client.acknowledge(PacketType.puback, first[0]?.packetId ?? 0)
  assert.deepEqual(
    client.publishes().map(({ topicName, properties }) => [topicName, properties.topicAlias]),
    [['b', undefined]],
  )
})

test('max_topic_alias_broker bounds the aliases towards a client that takes more', () => {
  const engine = new Engine({ listener: { max_topic_alias_broker: 1 } })
  const client = engine.connect('c', { properties: { topicAliasMaximum: 10 } })
  client.subscribe('#')
  const publisher = engine.connect('p')
  for (const topic of ['a', 'b']) publisher.publish(topic, topic)
  assert.deepEqual(
    client.publishes().map(({ properties }) => properties.topicAlias),
    [1, undefined],
  )
})

test('check_retain_source: a retained message is withheld while its publisher is gone from the rules or may not publish it', () => {
  const acl = (rules: string) => ({ acl: parseAclFile(rules, 'f').rules })
  for (const [check_retain_source, expected] of [
    [true, [['x'], [], ['x']]],
    [false, [['x'], ['x'], ['x']]],
  ] as const) {
    const engine = new Engine({ settings: { check_retain_source }, realm: acl('topic readwrite #') })
    engine.connect('p').publish('t', 'x', { retain: true })
    const seen = ['topic readwrite #', 'topic read #', 'topic readwrite #'].map(rules => {
      engine.listener.realm = engine.realm(acl(rules))
      engine.reconfigure({})
      const client = engine.connect('c')
      client.subscribe('t')
      return client.payloads()
    })
    assert.deepEqual(seen, expected)
  }
})

test('max_queued_messages: that messages are dropped is logged once, and again when there was room between', () => {
  const lines: string[] = []
  const log: Log = { enabled: () => false, write: (type, line) => void lines.push(`${type}: ${line}`) }
  const engine = new Engine({ log, settings: { max_queued_messages: 1 } })
  const away = engine.connect('away', lasting())
  away.subscribe('t')
  away.vanish()
  const publisher = engine.connect('p')
  lines.length = 0
  const dropping = ['notice: Outgoing messages are being dropped for client away.']
  for (const payload of ['kept', 'dropped', 'dropped']) publisher.publish('t', payload, { qos: 1 })
  assert.deepEqual(lines, dropping)
  const back = engine.connect('away', lasting())
  back.acknowledge(PacketType.puback, back.expectPublish('kept').packetId)
  back.vanish()
  lines.length = 0
  publisher.publish('t', 'kept', { qos: 1 })
  assert.deepEqual(lines, [])
  publisher.publish('t', 'dropped', { qos: 1 })
  assert.deepEqual(lines, dropping)
})
