// MQTT 5 §3.3.1.3, §3.8.3.1 and 3.1.1 §3.3.1.3: retained messages.

import assert from 'node:assert/strict'
import test from 'node:test'
import { property } from '../support/property-bytes.ts'
import type { RawClient } from '../support/raw-client.ts'
import { drain, join, publish, shareWireBroker, subscribe, timePasses, unique } from '../support/wire-broker.ts'

const broker = shareWireBroker()
const versions = [4, 5] as const

/** What a new subscriber is sent at once. */
async function retainedOn(t: test.TestContext, filter: string, version: 4 | 5 = 5) {
  const subscriber = await join(t, broker, { version })
  await subscribe(subscriber, filter)
  return (await drain(subscriber)).map(({ topic, payload, qos, retain }) => ({ topic, payload, qos, retain }))
}

for (const version of versions) {
  for (const qos of [0, 1, 2]) {
    test(`[MQTT-3.3.1-5] [v3.1.1 MQTT-3.3.1-5] [v3.1.1 MQTT-3.3.1-6] [v3.1.1 MQTT-3.3.1-8] [v3.1.1 MQTT-3.3.1-7] a message with RETAIN 1 replaces the retained one, and comes with its QoS ${qos}, version ${version}`, async t => {
      const topic = unique()
      const publisher = await join(t, broker, { version })
      await publish(publisher, { topic, retain: true, qos: 1, payload: 'old' })
      await publish(publisher, { topic, retain: true, qos, payload: 'new' })
      assert.deepEqual(await retainedOn(t, topic, version), [{ topic, payload: 'new', qos, retain: true }])
    })
  }

  test(`[v3.1.1 MQTT-3.3.1-6] [MQTT-3.3.1-9] a new subscription gets the retained message of each topic that matches, version ${version}`, async t => {
    const base = unique()
    const publisher = await join(t, broker, { version })
    for (const end of ['a', 'b', 'a/c', 'd/e'])
      await publish(publisher, { topic: `${base}/${end}`, retain: true, payload: end })
    const topics = async (filter: string) => (await retainedOn(t, filter, version)).map(({ payload }) => payload).sort()
    assert.deepEqual(await topics(`${base}/+`), ['a', 'b'])
    assert.deepEqual(await topics(`${base}/#`), ['a', 'a/c', 'b', 'd/e'])
  })

  test(`[MQTT-3.3.1-6] [v3.1.1 MQTT-3.3.1-10] an empty message with RETAIN 1 is delivered and removes the retained one, version ${version}`, async t => {
    const topic = unique()
    const publisher = await join(t, broker, { version })
    await publish(publisher, { topic, retain: true, payload: 'old' })
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, [{ filter: topic }])
    await subscriber.expectPublish()
    await publish(publisher, { topic, retain: true, payload: '' })
    assert.equal((await subscriber.expectPublish()).payload, '')
    assert.deepEqual(await retainedOn(t, topic, version), [])
  })

  test(`[MQTT-3.3.1-7] [v3.1.1 MQTT-3.3.1-11] an empty message is not retained, version ${version}`, async t => {
    const topic = unique()
    await publish(await join(t, broker, { version }), { topic, retain: true, qos: 1, payload: '' })
    assert.deepEqual(await retainedOn(t, topic, version), [])
  })

  test(`[MQTT-3.3.1-8] [v3.1.1 MQTT-3.3.1-12] RETAIN 0 neither stores, nor replaces, nor removes, version ${version}`, async t => {
    const topic = unique()
    const publisher = await join(t, broker, { version })
    await publish(publisher, { topic, payload: 'passing' })
    assert.deepEqual(await retainedOn(t, topic, version), [])
    await publish(publisher, { topic, payload: 'kept', retain: true })
    await publish(publisher, { topic, payload: 'passing' })
    await publish(publisher, { topic, payload: '' })
    assert.deepEqual(
      (await retainedOn(t, topic, version)).map(({ payload }) => payload),
      ['kept'],
    )
  })

  test(`[MQTT-3.3.1-12] [v3.1.1 MQTT-3.3.1-9] on an established subscription RETAIN is 0, however it was published, version ${version}`, async t => {
    const topic = unique()
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, [{ filter: topic }])
    const publisher = await join(t, broker, { version })
    await publish(publisher, { topic, retain: true, payload: 'x' })
    await publish(publisher, { topic, payload: 'y' })
    assert.deepEqual(
      (await drain(subscriber)).map(({ retain }) => retain),
      [false, false],
    )
  })

  test(`[MQTT-3.8.4-4] [v3.1.1 MQTT-3.8.4-3] subscribing again sends the retained message again, version ${version}`, async t => {
    const topic = unique()
    await publish(await join(t, broker, { version }), { topic, retain: true, payload: 'kept' })
    const subscriber = await join(t, broker, { version })
    for (let count = 0; count < 2; count += 1) {
      await subscribe(subscriber, [{ filter: topic }])
      assert.deepEqual(
        (await drain(subscriber)).map(({ payload, retain }) => [payload, retain]),
        [['kept', true]],
      )
    }
  })
}

/** Payloads sent because of a subscription with this Retain Handling. */
async function sentOnSubscribe(subscriber: RawClient, filter: string, retainHandling: number): Promise<string[]> {
  await subscribe(subscriber, [{ filter, retainHandling }])
  return (await drain(subscriber)).map(({ payload }) => payload)
}

test('[MQTT-3.3.1-9] Retain Handling 0 sends the retained message at every subscription', async t => {
  const topic = unique()
  await publish(await join(t, broker), { topic, retain: true, payload: 'kept' })
  const subscriber = await join(t, broker)
  assert.deepEqual(await sentOnSubscribe(subscriber, topic, 0), ['kept'])
  assert.deepEqual(await sentOnSubscribe(subscriber, topic, 0), ['kept'])
})

test('[MQTT-3.3.1-10] Retain Handling 1 sends it for a new subscription only', async t => {
  const topic = unique()
  await publish(await join(t, broker), { topic, retain: true, payload: 'kept' })
  const subscriber = await join(t, broker)
  assert.deepEqual(await sentOnSubscribe(subscriber, topic, 1), ['kept'])
  assert.deepEqual(await sentOnSubscribe(subscriber, topic, 1), [])
})

test('[MQTT-3.3.1-11] Retain Handling 2 sends none, and what comes later arrives', async t => {
  const topic = unique()
  const publisher = await join(t, broker)
  await publish(publisher, { topic, retain: true, payload: 'kept' })
  const subscriber = await join(t, broker)
  assert.deepEqual(await sentOnSubscribe(subscriber, topic, 2), [])
  await publish(publisher, { topic, payload: 'later' })
  assert.equal((await subscriber.expectPublish()).payload, 'later')
})

test('[MQTT-3.3.1-13] with Retain As Published RETAIN is as it was published', async t => {
  const topic = unique()
  const subscriber = await join(t, broker)
  await subscribe(subscriber, [{ filter: topic, retainAsPublished: true }])
  const publisher = await join(t, broker)
  await publish(publisher, { topic, retain: true, payload: 'x' })
  await publish(publisher, { topic, payload: 'y' })
  assert.deepEqual(
    (await drain(subscriber)).map(({ retain }) => retain),
    [true, false],
  )
})

test('[MQTT-3.3.1-9] a shared subscription gets no retained messages (§4.8.2)', async t => {
  const topic = unique()
  await publish(await join(t, broker), { topic, retain: true, payload: 'kept' })
  const subscriber = await join(t, broker)
  assert.deepEqual(await sentOnSubscribe(subscriber, `$share/group/${topic}`, 0), [])
})

test('[MQTT-3.3.2-5] [MQTT-3.3.2-6] a retained message expires, and until then tells what is left', async t => {
  const [gone, kept] = [unique(), unique()]
  const publisher = await join(t, broker)
  await publish(publisher, { topic: gone, retain: true, payload: 'x', properties: property.messageExpiryInterval(1) })
  await publish(publisher, {
    topic: kept,
    retain: true,
    payload: 'x',
    properties: property.messageExpiryInterval(1000),
  })
  await timePasses(t, broker)
  assert.deepEqual(await retainedOn(t, gone), [])
  const subscriber = await join(t, broker)
  await subscribe(subscriber, [{ filter: kept }])
  const left = Number(new Map((await subscriber.expectPublish()).properties).get('messageExpiryInterval'))
  assert(left < 1000 && left > 900, `left ${left}`)
})
