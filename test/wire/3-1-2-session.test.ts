// MQTT 5 §3.1.2.4, §3.1.2.11.2, §3.2.2.1.1 and 3.1.1 §3.1.2.4: which session a CONNECT opens, and how long it lasts.

import assert from 'node:assert/strict'
import test from 'node:test'
import { connectBytes, disconnectBytes } from '../support/packet-bytes.ts'
import { property } from '../support/property-bytes.ts'
import {
  dial,
  drain,
  join,
  joinWithConnack,
  lasting,
  leave,
  publish,
  shareWireBroker,
  subscribe,
  timePasses,
  unique,
} from '../support/wire-broker.ts'

const broker = shareWireBroker()
const versions = [4, 5] as const

for (const version of versions) {
  test(`[MQTT-3.1.2-4] [MQTT-3.1.4-4] [MQTT-3.2.2-2] [v3.1.1 MQTT-3.1.2-6] [v3.1.1 MQTT-3.1.4-3] [v3.1.1 MQTT-3.2.2-1] a clean start throws subscriptions and queue of the old session away, version ${version}`, async t => {
    const clientId = unique('c')
    const topic = unique()
    const first = await join(t, broker, lasting(clientId, version))
    await subscribe(first, topic)
    await leave(first)
    const publisher = await join(t, broker, { version })
    await publish(publisher, { topic, qos: 1, payload: 'queued' })
    const second = await joinWithConnack(t, broker, { version, clientId, cleanStart: true })
    assert.equal(second.connack.sessionPresent, false)
    await publish(publisher, { topic, qos: 1, payload: 'live' })
    assert.deepEqual(await drain(second.client), [])
  })

  test(`[MQTT-3.1.2-4] [v3.1.1 MQTT-3.1.2-6] nothing is left of the old session after a clean start, version ${version}`, async t => {
    const clientId = unique('c')
    await leave(await join(t, broker, lasting(clientId, version)))
    await leave(await join(t, broker, { version, clientId, cleanStart: true }))
    const third = await joinWithConnack(t, broker, lasting(clientId, version))
    assert.equal(third.connack.sessionPresent, false)
  })

  test(`[MQTT-3.1.2-5] [MQTT-3.1.4-4] [MQTT-3.2.2-3] [v3.1.1 MQTT-3.1.2-4] [v3.1.1 MQTT-3.1.2-5] [v3.1.1 MQTT-3.1.4-3] [v3.1.1 MQTT-3.2.2-2] a session that is resumed has its subscriptions and what was queued, version ${version}`, async t => {
    const clientId = unique('c')
    const topic = unique()
    const first = await join(t, broker, lasting(clientId, version))
    await subscribe(first, topic)
    await leave(first)
    const publisher = await join(t, broker, { version })
    await publish(publisher, { topic, qos: 1, payload: 'one' })
    await publish(publisher, { topic, qos: 2, payload: 'two' })
    const second = await joinWithConnack(t, broker, lasting(clientId, version))
    assert.equal(second.connack.sessionPresent, true)
    const queued = [await second.client.expectPublish(), await second.client.expectPublish()]
    assert.deepEqual(
      queued.map(({ payload, qos, dup }) => [payload, qos, dup]),
      [
        ['one', 1, false],
        ['two', 2, false],
      ],
    )
    await publish(publisher, { topic, qos: 0, payload: 'three' })
    assert.equal((await second.client.expectPublish()).payload, 'three')
  })

  test(`[MQTT-3.1.2-6] [MQTT-3.2.2-3] [v3.1.1 MQTT-3.1.2-4] [v3.1.1 MQTT-3.2.2-3] without a stored session a new one is made, and serves, version ${version}`, async t => {
    const { client, connack } = await joinWithConnack(t, broker, lasting(unique('c'), version))
    assert.equal(connack.sessionPresent, false)
    const topic = unique()
    await subscribe(client, [{ filter: topic }])
    await publish(await join(t, broker, { version }), { topic })
    await client.expectPublish()
  })

  test(`[MQTT-3.1.2-23] [v3.1.1 MQTT-3.1.2-4] [MQTT-4.1.0-1] [v3.1.1 MQTT-4.1.0-1] a session is stored when its connection breaks off as well, version ${version}`, async t => {
    const clientId = unique('c')
    const client = await join(t, broker, lasting(clientId, version))
    client.breakOff()
    assert.equal((await joinWithConnack(t, broker, lasting(clientId, version))).connack.sessionPresent, true)
  })

  test(`[v3.1.1 MQTT-3.1.2-6] [v3.1.1 MQTT-4.1.0-2] [MQTT-3.1.2-23] a clean session lasts as long as its connection and no longer, version ${version}`, async t => {
    const clientId = unique('c')
    const topic = unique()
    const client = await join(t, broker, { version, clientId })
    await subscribe(client, [{ filter: topic }])
    await publish(await join(t, broker, { version }), { topic })
    await client.expectPublish()
    await leave(client)
    assert.equal((await joinWithConnack(t, broker, lasting(clientId, version))).connack.sessionPresent, false)
  })

  test(`[v3.1.1 MQTT-3.1.2-7] a retained message outlives the session of its publisher, version ${version}`, async t => {
    const topic = unique()
    const publisher = await join(t, broker, { version })
    await publish(publisher, { topic, retain: true, qos: 1, payload: 'kept' })
    await leave(publisher)
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, [{ filter: topic }])
    assert.equal((await subscriber.expectPublish()).payload, 'kept')
  })

  test(`[MQTT-3.2.2-6] [v3.1.1 MQTT-3.2.2-4] a refusing CONNACK says that no session is present, although one is, version ${version}`, async t => {
    const clientId = unique('c')
    await leave(await join(t, broker, lasting(clientId, version)))
    const client = await dial(t, broker, version)
    if (version === 5) {
      client.send(connectBytes({ clientId, cleanStart: false, properties: property.authenticationMethod('none such') }))
      const { flags, reasonCode } = await client.expectConnack()
      assert(reasonCode >= 0x80)
      assert.equal(flags, 0)
    } else {
      client.send(connectBytes({ version, clientId, cleanStart: false, protocolLevel: 9 }))
      await client.expect('20 02 00 01')
    }
    await client.expectClosed()
  })

  test(`[MQTT-3.2.2-1] [v3.1.1 MQTT-3.2.2-2] the acknowledge flags are 00 or 01, version ${version}`, async t => {
    const clientId = unique('c')
    const first = await joinWithConnack(t, broker, lasting(clientId, version))
    await leave(first.client)
    const second = await joinWithConnack(t, broker, lasting(clientId, version))
    assert.deepEqual([first.connack.flags, second.connack.flags], [0x00, 0x01])
  })
}

test('[MQTT-4.1.0-2] a session with expiry interval 0 ends with its connection', async t => {
  const clientId = unique('c')
  await leave(await join(t, broker, { clientId, cleanStart: false }))
  assert.equal((await joinWithConnack(t, broker, { clientId, cleanStart: false })).connack.sessionPresent, false)
})

test('[MQTT-4.1.0-2] DISCONNECT may change the expiry interval', async t => {
  const clientId = unique('c')
  const first = await join(t, broker, lasting(clientId))
  first.send(disconnectBytes(0, property.sessionExpiryInterval(1)))
  await first.expectClosed()
  await timePasses(t, broker)
  assert.equal((await joinWithConnack(t, broker, lasting(clientId))).connack.sessionPresent, false)
})

test('[MQTT-4.1.0-2] the interval 0xFFFFFFFF never passes', async t => {
  const clientId = unique('c')
  const properties = property.sessionExpiryInterval(0xffffffff)
  await leave(await join(t, broker, { clientId, properties }))
  await timePasses(t, broker)
  assert.equal(
    (await joinWithConnack(t, broker, { clientId, cleanStart: false, properties })).connack.sessionPresent,
    true,
  )
})

test('[MQTT-4.1.0-1] a session is kept while its connection is open, however short its expiry interval', async t => {
  const topic = unique()
  const client = await join(t, broker, { properties: property.sessionExpiryInterval(1) })
  await subscribe(client, [{ filter: topic }])
  await timePasses(t, broker)
  await publish(await join(t, broker), { topic })
  await client.expectPublish()
})
