// Bridges between Castellan and Debian's Mosquitto: whoever has the `connection`, in every protocol version, what is shared
// comes through as the lines say, and nothing comes round.

import assert from 'node:assert/strict'
import test, { suite, type TestContext } from 'node:test'
import type { IPublishPacket } from 'mqtt'
import type { BrokerKind } from '../support/broker-process.ts'
import { connectMqttJs } from '../support/clients.ts'
import type { Version } from '../support/packet-bytes.ts'
import { Collector, type House, type LastingBroker, startHouse, waitForLink } from './bridge-brokers.ts'
import { type Delivery, type Qos, type Subscriber, versionNames } from './matrix.ts'
import { mqttJsClient } from './mqtt-js-client.ts'

const pairs: readonly (readonly [owner: BrokerKind, other: BrokerKind])[] = [
  ['castellan', 'mosquitto'],
  ['mosquitto', 'castellan'],
]
const versionWords: Readonly<Record<Version, string>> = { 3: 'mqttv31', 4: 'mqttv311', 5: 'mqttv50' }
const levels: readonly Qos[] = [0, 1, 2]

const lines = [
  ...levels.flatMap(qos => [`topic out${qos}/# out ${qos}`, `topic in${qos}/# in ${qos}`]),
  'topic mapped/# out 1 here/ there/',
  'topic back/# in 1 here/ there/',
  'topic "" out 1 one/topic another/topic',
  'topic loop/# both 2',
]

/** What comes through by these lines, on either side; no probes. */
const shared = [...levels.flatMap(qos => [`out${qos}/#`, `in${qos}/#`]), 'here/#', 'there/#', 'one/#', 'another/#']

for (const [owner, other] of pairs) {
  for (const version of [3, 4, 5] as const) {
    suite(`bridges: ${owner} bridges to ${other} by ${versionNames[version]}`, { timeout: 120_000 }, () => {
      test('what is shared comes through, with its QoS, under its topic', t => shares(t, owner, other, version))
      test('with `both`, a message comes once, and never back', t => turnsNothingRound(t, owner, other, version))
      test('retained messages are retained over there', t => retains(t, owner, other, version))
      test('the state is retained on both sides, and the will takes it back', t => notifies(t, owner, other, version))
    })
  }
}

for (const [owner, other] of pairs) {
  test(`bridges: ${owner} bridges to ${other} by MQTT 5: properties of messages go through, either way`, async t => {
    const house = await startLinked(t, owner, other, 5)
    const properties = {
      contentType: 'text/plain',
      responseTopic: 'answers/here',
      correlationData: Buffer.from('7'),
      userProperties: { origin: 'far away' },
    }
    for (const [from, to, topic] of [
      [house.owner, house.other, 'out1/a'],
      [house.other, house.owner, 'in1/a'],
    ] as const) {
      const taker = await connectMqttJs(t, `mqtt://127.0.0.1:${to.port}`, { protocolVersion: 5 })
      await taker.subscribeAsync(topic, { qos: 1 })
      const arrived = new Promise<IPublishPacket>(resolve => {
        taker.once('message', (_topic, _payload, packet) => resolve(packet))
      })
      const giver = await connectMqttJs(t, `mqtt://127.0.0.1:${from.port}`, { protocolVersion: 5 })
      await giver.publishAsync(topic, 'with properties', { qos: 1, properties })
      const { contentType, responseTopic, correlationData, userProperties } = (await arrived).properties ?? {}
      const came = { contentType, responseTopic, correlationData, userProperties: { ...userProperties } }
      assert.deepEqual(came, properties)
    }
  })
}

async function shares(t: TestContext, owner: BrokerKind, other: BrokerKind, version: Version): Promise<void> {
  const house = await startLinked(t, owner, other, version)
  const near = await listen(t, house.owner, 'near')
  const far = await listen(t, house.other, 'far')
  for (const qos of levels) {
    await publish(t, house.owner, `out${qos}/a`, 'goes', 2)
    assert.deepEqual(await far.next(), { topic: `out${qos}/a`, payload: 'goes', qos, retain: false })
    assert.deepEqual(await near.next(), { topic: `out${qos}/a`, payload: 'goes', qos: 2, retain: false })
    await publish(t, house.other, `in${qos}/a`, 'comes', 2)
    assert.deepEqual(await near.next(), { topic: `in${qos}/a`, payload: 'comes', qos, retain: false })
    assert.deepEqual(await far.next(), { topic: `in${qos}/a`, payload: 'comes', qos: 2, retain: false })
  }
  await publish(t, house.owner, 'here/mapped/a/b', 'mapped', 1)
  assert.deepEqual(await far.next(), { topic: 'there/mapped/a/b', payload: 'mapped', qos: 1, retain: false })
  assert.equal((await near.next()).topic, 'here/mapped/a/b')
  await publish(t, house.other, 'there/back/a', 'back', 1)
  assert.deepEqual(await near.next(), { topic: 'here/back/a', payload: 'back', qos: 1, retain: false })
  assert.equal((await far.next()).topic, 'there/back/a')
  await publish(t, house.owner, 'one/topic', 'renamed', 1)
  assert.deepEqual(await far.next(), { topic: 'another/topic', payload: 'renamed', qos: 1, retain: false })
  assert.equal((await near.next()).topic, 'one/topic')
  await publish(t, house.owner, 'in1/a', 'stays here', 1)
  await publish(t, house.owner, 'out1/a', 'marker', 1)
  assert.equal((await far.next()).payload, 'marker', 'what is only to come in does not go out')
}

async function turnsNothingRound(
  t: TestContext,
  owner: BrokerKind,
  other: BrokerKind,
  version: Version,
): Promise<void> {
  const house = await startLinked(t, owner, other, version)
  const near = await listen(t, house.owner, 'near', 'loop/#')
  const far = await listen(t, house.other, 'far', 'loop/#')
  for (const [broker, payload] of [
    [house.owner, 'first'],
    [house.other, 'second'],
    [house.owner, 'third'],
    [house.other, 'fourth'],
  ] as const) {
    await publish(t, broker, 'loop/a', payload, 2)
    const expected = { topic: 'loop/a', payload, qos: 2, retain: false }
    assert.deepEqual(await near.next(), expected)
    assert.deepEqual(await far.next(), expected)
  }
}

async function retains(t: TestContext, owner: BrokerKind, other: BrokerKind, version: Version): Promise<void> {
  const house = await startLinked(t, owner, other, version)
  for (const [from, to, topic] of [
    [house.owner, house.other, 'out1/kept'],
    [house.other, house.owner, 'in1/kept'],
  ] as const) {
    const early = await listen(t, to, 'early', topic)
    await publish(t, from, topic, 'kept', 1, true)
    assert.equal((await early.next()).payload, 'kept')
    const late = await listen(t, to, 'late', topic)
    assert.deepEqual(await late.next(), { topic, payload: 'kept', qos: 1, retain: true })
    await publish(t, from, topic, '', 1, true)
    assert.equal((await early.next()).payload, '')
    const later = await listen(t, to, 'later', topic)
    await publish(t, from, topic, 'marker', 1)
    assert.equal((await later.next()).payload, 'marker', 'what was cleared here is cleared there')
  }
}

async function notifies(t: TestContext, owner: BrokerKind, other: BrokerKind, version: Version): Promise<void> {
  const house = await startLinked(t, owner, other, version)
  const topic = '$SYS/broker/connection/to-there/state'
  const near = await listen(t, house.owner, 'near', topic)
  assert.equal((await near.next()).payload, '1')
  const far = await listen(t, house.other, 'far', topic)
  assert.deepEqual({ ...(await far.next()), qos: 0 }, { topic, payload: '1', qos: 0, retain: true })
  await house.owner.kill()
  assert.equal((await far.next()).payload, '0')
  const late = await listen(t, house.other, 'late', topic)
  assert.deepEqual({ ...(await late.next()), qos: 0 }, { topic, payload: '0', qos: 0, retain: true })
}

/** Connected, with all subscriptions made on both sides. */
async function startLinked(t: TestContext, owner: BrokerKind, other: BrokerKind, version: Version): Promise<House> {
  const bridge = [`bridge_protocol_version ${versionWords[version]}`, 'remote_clientid to-there', ...lines]
  const house = await startHouse(t, { owner, other, bridge: [...bridge, 'topic probe both 1'] })
  for (const [from, to] of [
    [house.other, house.owner],
    [house.owner, house.other],
  ] as const) {
    await waitForLink(t, from.port, 'probe', await Collector.start(t, to.port, 'probe', 1))
  }
  return house
}

function listen(t: TestContext, { port }: LastingBroker, clientId: string, ...filters: string[]): Promise<Subscriber> {
  return mqttJsClient.subscribe(
    t,
    { port, version: 4 },
    { clientId, filters: filters.length > 0 ? filters : shared, qos: 2 },
  )
}

function publish(
  t: TestContext,
  { port }: LastingBroker,
  topic: string,
  payload: string,
  qos: Delivery['qos'],
  retain = false,
): Promise<void> {
  return mqttJsClient.publish(t, { port, version: 4 }, { topic, payloads: [payload], qos: qos as Qos, retain })
}
