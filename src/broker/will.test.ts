import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine, type EngineClient, lasting } from '../../test/support/engine.ts'
import { parseAclFile } from '../auth/acl-file.ts'
import { noProperties, PacketType, type ProtocolVersion, type Will } from '../mqtt/packet.ts'

const versions: readonly ProtocolVersion[] = [3, 4, 5]

function will(payload: string, more: Partial<Will> = {}): { readonly will: Will } {
  return {
    will: {
      topicName: 'will',
      payload: Buffer.from(payload),
      qos: 0,
      retain: false,
      properties: noProperties,
      ...more,
    },
  }
}

function setUp(options?: ConstructorParameters<typeof Engine>[0]): { engine: Engine; watcher: EngineClient } {
  const engine = new Engine(options)
  const watcher = engine.connect('watcher')
  watcher.subscribe('#')
  return { engine, watcher }
}

for (const version of versions) {
  test(`[MQTT-3.1.2-8] [MQTT-3.1.2-10] [v3.1.1 MQTT-3.1.2-8] [v3.1.1 MQTT-3.1.2-10] a will goes out once when the connection is lost, version ${version}`, () => {
    const { engine, watcher } = setUp()
    const client = engine.connect('c', { protocolVersion: version, ...will('lost', { qos: 1 }) })
    watcher.expectNothing()
    client.vanish()
    assert.equal(watcher.expectPublish('lost').qos, 1)
    engine.connect('c', { protocolVersion: version }).vanish()
    watcher.expectNothing()
  })

  test(`[MQTT-3.14.4-3] [v3.1.1 MQTT-3.14.4-3] [v3.1.1 MQTT-3.1.2-12] DISCONNECT throws it away, version ${version}`, () => {
    const { engine, watcher } = setUp()
    engine.connect('c', { protocolVersion: version, ...will('lost') }).disconnect()
    engine.connect('d', { protocolVersion: version }).vanish()
    watcher.expectNothing()
  })

  test(`[MQTT-3.1.2-22] [v3.1.1 MQTT-3.1.2-24] a will goes out when the keep alive ends the connection, version ${version}`, () => {
    const { engine, watcher } = setUp()
    const client = engine.connect('c', { protocolVersion: version, keepAlive: 10, ...will('silent') })
    engine.pass(14_900)
    watcher.expectNothing()
    engine.pass(200)
    assert.deepEqual(watcher.payloads(), ['silent'])
    assert.equal(client.transport.closed, true)
  })
}

test('§3.14.2.1: DISCONNECT 0x04, and any other but 0x00, keeps the will', () => {
  const { engine, watcher } = setUp()
  for (const reasonCode of [0x04, 0x80, 0x93]) {
    engine.connect('c', will(`code ${reasonCode}`)).disconnect(reasonCode)
    assert.deepEqual(watcher.payloads(), [`code ${reasonCode}`])
  }
})

test('[MQTT-3.1.2-8] a protocol error of the client brings out its will', () => {
  const { engine, watcher } = setUp()
  const client = engine.connect('c', will('guilty'))
  client.send({ type: PacketType.pingresp })
  client.expectClosed(0x82)
  assert.deepEqual(watcher.payloads(), ['guilty'])
})

test('[MQTT-3.1.2-8] [MQTT-3.1.3-9] with a delay it goes out when that has passed, unless the client came back before', () => {
  const { engine, watcher } = setUp()
  const delayed = will('late', { properties: { willDelayInterval: 60 } })
  engine.connect('c', { ...lasting(), ...delayed }).vanish()
  engine.pass(59_900)
  const back = engine.connect('c', { ...lasting(), ...delayed })
  engine.pass(120_000)
  watcher.expectNothing()
  back.vanish()
  engine.pass(59_900)
  watcher.expectNothing()
  engine.pass(200)
  assert.deepEqual(watcher.payloads(), ['late'])
  engine.pass(3_600_000)
  watcher.expectNothing()
})

test('[MQTT-3.1.2-8] the end of the session does not wait for the delay', () => {
  for (const end of [
    (engine: Engine) => engine.pass(30_100),
    (engine: Engine) => engine.connect('c', { cleanStart: true }),
  ]) {
    const { engine, watcher } = setUp()
    const properties = { sessionExpiryInterval: 30 }
    engine.connect('c', { properties, ...will('ended', { properties: { willDelayInterval: 60 } }) }).vanish()
    watcher.expectNothing()
    end(engine)
    assert.deepEqual(watcher.payloads(), ['ended'])
    engine.pass(100_000)
    watcher.expectNothing()
  }
})

test('[MQTT-3.1.2-8] a session that ends with its connection sends the will at once, whatever the delay', () => {
  const { engine, watcher } = setUp()
  engine.connect('c', will('now', { properties: { willDelayInterval: 60 } })).vanish()
  assert.deepEqual(watcher.payloads(), ['now'])
})

test('features H3: at a takeover the will of a session that lives on is dropped', () => {
  for (const version of [4, 5] as const) {
    const { engine, watcher } = setUp()
    engine.connect('c', { ...lasting(version), ...will('old') })
    engine.connect('c', { ...lasting(version), ...will('new') }).vanish()
    assert.deepEqual(watcher.payloads(), ['new'])
  }
})

test('features H3: at a takeover that ends the session the will is published', () => {
  for (const [first, second] of [
    [lasting(), { cleanStart: true }],
    [{ cleanStart: true }, lasting()],
    [lasting(4), { protocolVersion: 4, cleanStart: true }],
    [{ protocolVersion: 4, cleanStart: true }, lasting(4)],
  ] as const) {
    const { engine, watcher } = setUp()
    engine.connect('c', { ...first, ...will('old') })
    engine.connect('c', second)
    assert.deepEqual(watcher.payloads(), ['old'])
  }
})

test('[MQTT-3.1.2-8] [v3.1.1 MQTT-3.1.2-8] publish_will_on_takeover: the will of a session that lives on is published too, a delayed one is not', () => {
  const { engine, watcher } = setUp({ settings: { publish_will_on_takeover: true } })
  engine.connect('c', { ...lasting(), ...will('old') })
  engine.connect('c', { ...lasting(), ...will('delayed', { properties: { willDelayInterval: 60 } }) })
  assert.deepEqual(watcher.payloads(), ['old'])
  engine.connect('c', lasting())
  engine.pass(100_000)
  watcher.expectNothing()
})

test('[MQTT-3.1.2-14] [MQTT-3.1.2-15] [v3.1.1 MQTT-3.1.2-16] [v3.1.1 MQTT-3.1.2-17] a will is retained exactly when it says so', () => {
  const engine = new Engine()
  engine.connect('c', will('kept', { retain: true, topicName: 'a' })).vanish()
  engine.connect('c', will('passing', { topicName: 'b' })).vanish()
  const late = engine.connect('late')
  late.subscribe('#')
  assert.deepEqual(late.payloads(), ['kept'])
})

test('[MQTT-3.1.3-10] [MQTT-3.3.2-4] §3.1.3.2: its properties go out as they came, its life counted from when it was published', () => {
  const { engine, watcher } = setUp()
  const properties = {
    payloadFormatIndicator: 1,
    contentType: 'c',
    responseTopic: 'r',
    correlationData: Buffer.from('d'),
    userProperties: [
      ['b', '1'],
      ['a', '2'],
    ],
  } as const
  const interval = { willDelayInterval: 20, messageExpiryInterval: 10 }
  engine.connect('c', { ...lasting(), ...will('x', { properties: { ...properties, ...interval } }) }).vanish()
  engine.pass(20_100)
  assert.deepEqual(watcher.expectPublish('x').properties, { ...properties, messageExpiryInterval: 10 })
})

test('a will that cannot be published refuses the connection: 0x90, 0x9B [MQTT-3.2.2-12], 0x9A [MQTT-3.2.2-13], 0x82', () => {
  const engine = new Engine({
    listener: { max_qos: 1 },
    settings: { retain_available: false, max_topic_levels: 3 },
  })
  for (const [reasonCode, bad] of [
    [0x90, { topicName: 'a/#' }],
    [0x90, { topicName: 'a/b/c/d' }],
    [0x9b, { qos: 2 }],
    [0x9a, { retain: true }],
    [0x82, { properties: { responseTopic: 'a/+' } }],
    [0x82, { properties: { responseTopic: '' } }],
  ] as const) {
    const client = engine.open()
    client.connect('c', will('x', bad))
    client.expectRefused(reasonCode)
  }
  assert.equal(engine.broker.registry.size, 0)
  engine.connect('c', will('x', { qos: 1, topicName: 'a/b/c' }))
})

test('features F10: a will is published only where its client may publish, by the rules in force then', () => {
  const acl = (rules: string) => ({ acl: parseAclFile(rules, 'f').rules })
  const { engine, watcher } = setUp({ realm: acl('topic readwrite #') })
  const client = engine.connect('c', will('forbidden meanwhile'))
  engine.listener.realm = engine.realm(acl('topic read #'))
  engine.reconfigure({})
  client.vanish()
  watcher.expectNothing()
  engine.connect('c', will('forbidden at once')).vanish()
  watcher.expectNothing()
  engine.listener.realm = engine.realm(acl('topic read #\ntopic write will'))
  engine.connect('c', will('allowed')).vanish()
  assert.deepEqual(watcher.payloads(), ['allowed'])
})

test('check_retain_source: a retained will is withheld once its client may not publish there any more', () => {
  for (const [check, expected] of [
    [true, []],
    [false, ['kept']],
  ] as const) {
    const acl = (rules: string) => ({ acl: parseAclFile(rules, 'f').rules })
    const engine = new Engine({ settings: { check_retain_source: check }, realm: acl('topic readwrite #') })
    engine.connect('c', will('kept', { retain: true })).vanish()
    engine.listener.realm = engine.realm(acl('topic read #'))
    const late = engine.connect('late')
    late.subscribe('#')
    assert.deepEqual(late.payloads(), expected)
  }
})

test('mount_point: a will is published on it', () => {
  const { engine, watcher } = setUp()
  const mounted = engine.addListener({ mount_point: 'site/' })
  const client = engine.connect('c', will('x'), mounted)
  client.vanish()
  assert.equal(watcher.expectPublish('x').topicName, 'site/will')
})
