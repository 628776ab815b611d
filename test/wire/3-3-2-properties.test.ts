// MQTT 5 §3.3.2.3: the properties of PUBLISH, and how they are passed on.

import assert from 'node:assert/strict'
import test from 'node:test'
import { concat, hex } from '../support/bytes.ts'
import { publishBytes } from '../support/packet-bytes.ts'
import { type PropertyList, property } from '../support/property-bytes.ts'
import {
  drain,
  join,
  lasting,
  leave,
  publish,
  shareWireBroker,
  subscribe,
  timePasses,
  unique,
} from '../support/wire-broker.ts'

const broker = shareWireBroker()

/** The properties with which a message reaches a subscriber. */
async function passedOn(
  t: test.TestContext,
  properties: Uint8Array,
  payload: Uint8Array | string = 'x',
): Promise<PropertyList> {
  const topic = unique()
  const subscriber = await join(t, broker)
  await subscribe(subscriber, [{ filter: topic }])
  await publish(await join(t, broker), { topic, payload, properties })
  return (await subscriber.expectPublish()).properties
}

async function refused(t: test.TestContext, properties: Uint8Array, ...codes: readonly number[]): Promise<void> {
  const client = await join(t, broker)
  client.send(publishBytes({ topic: unique(), properties }))
  await client.expectDisconnect(...codes)
}

for (const value of [0, 1]) {
  test(`[MQTT-3.3.2-4] payload format indicator ${value} is passed on`, async t =>
    assert.deepEqual(await passedOn(t, property.payloadFormatIndicator(value)), [['payloadFormatIndicator', value]]))
}

test('[MQTT-3.3.2-4] payload format indicator 2 is refused', t =>
  refused(t, property.payloadFormatIndicator(2), 0x82, 0x81))

test('[MQTT-3.3.2-13] [MQTT-3.3.2-15] the response topic is passed on', async t =>
  assert.deepEqual(await passedOn(t, property.responseTopic('é/answer')), [['responseTopic', 'é/answer']]))

test('[MQTT-3.3.2-13] a response topic that is not UTF-8 is refused', t =>
  refused(t, property.responseTopic(hex`C0 AF`), 0x81))

for (const topic of ['a/#', '+/b']) {
  test(`[MQTT-3.3.2-14] response topic '${topic}' is refused`, t =>
    refused(t, property.responseTopic(topic), 0x82, 0x90, 0x81))
}

test('[MQTT-3.3.2-16] the correlation data are passed on, also when they are empty or no text', async t => {
  assert.deepEqual(await passedOn(t, property.correlationData(hex`00 FF 80`)), [['correlationData', '00ff80']])
  assert.deepEqual(await passedOn(t, property.correlationData('')), [['correlationData', '']])
})

test('[MQTT-3.3.2-17] [MQTT-3.3.2-18] all user properties are passed on in their order, repeated names too', async t => {
  const pairs = ['b=1', 'a=2', 'b=3', '=', 'a=2']
  const bytes = pairs.map(pair => property.userProperty(...(pair.split('=') as [string, string])))
  assert.deepEqual(
    await passedOn(t, concat(...bytes)),
    pairs.map(pair => ['userProperty', pair]),
  )
})

test('[MQTT-3.3.2-17] [MQTT-3.3.2-18] user properties survive the queue of an absent subscriber and retention', async t => {
  const topic = unique()
  const fields = lasting(unique('c'))
  const absent = await join(t, broker, fields)
  await subscribe(absent, topic)
  await leave(absent)
  const properties = concat(property.userProperty('b', '1'), property.userProperty('a', '2'))
  await publish(await join(t, broker), { topic, qos: 1, retain: true, payload: 'x', properties })
  const expected = [
    ['userProperty', 'b=1'],
    ['userProperty', 'a=2'],
  ]
  assert.deepEqual((await (await join(t, broker, fields)).expectPublish()).properties, expected)
  const later = await join(t, broker)
  await subscribe(later, topic)
  assert.deepEqual((await later.expectPublish()).properties, expected)
})

test('[MQTT-3.3.2-19] [MQTT-3.3.2-20] the content type is passed on', async t =>
  assert.deepEqual(await passedOn(t, property.contentType('text/é')), [['contentType', 'text/é']]))

test('[MQTT-3.3.2-19] a content type that is not UTF-8 is refused', t =>
  refused(t, property.contentType(hex`ED A0 80`), 0x81))

test('[MQTT-3.3.2-6] the expiry interval is passed on, less by the time that the message waited', async t => {
  const topic = unique()
  const fields = lasting(unique('c'))
  const absent = await join(t, broker, fields)
  await subscribe(absent, topic)
  await leave(absent)
  await publish(await join(t, broker), { topic, qos: 1, properties: property.messageExpiryInterval(1000) })
  await timePasses(t, broker)
  const { properties } = await (await join(t, broker, fields)).expectPublish()
  const left = Number(new Map(properties).get('messageExpiryInterval'))
  assert(left < 1000 && left > 900, `left ${left}`)
})

test('[MQTT-3.3.2-5] a queued message whose expiry interval passed is not delivered, others are', async t => {
  const topic = unique()
  const fields = lasting(unique('c'))
  const absent = await join(t, broker, fields)
  await subscribe(absent, topic)
  await leave(absent)
  const publisher = await join(t, broker, { keepAlive: 0 })
  await publish(publisher, { topic, qos: 1, payload: 'gone', properties: property.messageExpiryInterval(1) })
  await publish(publisher, { topic, qos: 1, payload: 'kept' })
  await timePasses(t, broker)
  assert.deepEqual(
    (await drain(await join(t, broker, fields))).map(({ payload }) => payload),
    ['kept'],
  )
})

test('[MQTT-3.3.2-6] a message without an expiry interval gets none', async t =>
  assert.deepEqual(await passedOn(t, hex``), []))
