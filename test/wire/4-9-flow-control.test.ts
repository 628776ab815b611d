// MQTT 5 §4.9 and §3.3.4: Receive Maximum, from the broker to a client.

import assert from 'node:assert/strict'
import test from 'node:test'
import { acknowledgementBytes, subscribeBytes } from '../support/packet-bytes.ts'
import { property } from '../support/property-bytes.ts'
import { drain, join, publish, shareWireBroker, subscribe, unique } from '../support/wire-broker.ts'

const broker = shareWireBroker()

/** A subscriber with this Receive Maximum, and six messages of QoS 1 and 2 for it. */
async function flooded(t: test.TestContext, receiveMaximum: number) {
  const topic = unique()
  const subscriber = await join(t, broker, { properties: property.receiveMaximum(receiveMaximum) })
  await subscribe(subscriber, topic)
  const publisher = await join(t, broker)
  for (let count = 0; count < 6; count += 1)
    await publish(publisher, { topic, qos: 1 + (count % 2), payload: String(count) })
  return { subscriber, publisher, topic }
}

for (const receiveMaximum of [1, 2, 5]) {
  test(`[MQTT-3.3.4-9] [MQTT-4.9.0-1] [MQTT-4.9.0-2] at most ${receiveMaximum} messages are unacknowledged, and the first go out at once`, async t => {
    const { subscriber } = await flooded(t, receiveMaximum)
    assert.equal((await drain(subscriber)).length, receiveMaximum)
  })
}

test('[MQTT-3.3.4-9] [MQTT-4.9.0-2] PUBACK and PUBCOMP make room for one message each, PUBREC for none', async t => {
  const { subscriber } = await flooded(t, 1)
  const first = await subscriber.expectPublish()
  subscriber.send(acknowledgementBytes('PUBACK', first.packetId))
  const second = await subscriber.expectPublish()
  assert.equal(second.qos, 2)
  subscriber.send(acknowledgementBytes('PUBREC', second.packetId))
  await subscriber.expectAcknowledgement('PUBREL')
  await subscriber.expectNothing()
  subscriber.send(acknowledgementBytes('PUBCOMP', second.packetId))
  assert.equal((await subscriber.expectPublish()).payload, '2')
})

test('[MQTT-3.3.4-9] [MQTT-4.9.0-2] a refusing PUBREC makes room', async t => {
  const { subscriber } = await flooded(t, 1)
  subscriber.send(acknowledgementBytes('PUBACK', (await subscriber.expectPublish()).packetId))
  subscriber.send(acknowledgementBytes('PUBREC', (await subscriber.expectPublish()).packetId, 0x83))
  assert.equal((await subscriber.expectPublish()).payload, '2')
})

test('[MQTT-3.3.4-10] [MQTT-4.9.0-3] with no room left, everything but QoS 1 and 2 messages goes on', async t => {
  const { subscriber, publisher, topic } = await flooded(t, 1)
  const held = await subscriber.expectPublish()
  subscriber.send(subscribeBytes({ packetId: 77, subscriptions: [{ filter: unique() }] }))
  assert.equal((await subscriber.expectSuback()).packetId, 77)
  const other = unique()
  await subscribe(subscriber, [{ filter: other }])
  await publish(publisher, { topic: other, payload: 'QoS 0' })
  assert.equal((await subscriber.expectPublish()).payload, 'QoS 0')
  await publish(subscriber, { topic: unique(), qos: 2 })
  subscriber.send(acknowledgementBytes('PUBACK', held.packetId))
  assert.equal((await subscriber.expectPublish()).topic, topic)
})

test('[MQTT-4.9.0-1] Receive Maximum 65,535 is taken', async t => {
  const { subscriber } = await flooded(t, 65_535)
  assert.equal((await drain(subscriber)).length, 6)
})
