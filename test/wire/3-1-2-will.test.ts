// MQTT 5 §3.1.2.5 to §3.1.2.7, §3.1.3.2 and 3.1.1 §3.1.2.5 to §3.1.2.7: the will message.

import assert from 'node:assert/strict'
import test from 'node:test'
import { concat, hex } from '../support/bytes.ts'
import { disconnectBytes, type Version, type WillFields } from '../support/packet-bytes.ts'
import { property } from '../support/property-bytes.ts'
import type { RawClient } from '../support/raw-client.ts'
import { join, lasting, leave, shareWireBroker, subscribe, timePasses, unique } from '../support/wire-broker.ts'

const broker = shareWireBroker()
const versions = [4, 5] as const

/** A watcher of the will topic, and a client with that will. */
async function bereaved(
  t: test.TestContext,
  version: Version,
  will: Partial<WillFields> = {},
  connect: Parameters<typeof join>[2] = {},
): Promise<{ watcher: RawClient; client: RawClient; topic: string; clientId: string }> {
  const topic = unique('will/')
  const clientId = unique('c')
  const watcher = await join(t, broker, { version })
  await subscribe(watcher, topic)
  const client = await join(t, broker, { version, clientId, ...connect, will: { topic, payload: 'gone', ...will } })
  return { watcher, client, topic, clientId }
}

for (const version of versions) {
  test(`[MQTT-3.1.2-7] [MQTT-3.1.2-8] [v3.1.1 MQTT-3.1.2-8] the will is published when the connection breaks off, and not before, version ${version}`, async t => {
    const { watcher, client } = await bereaved(t, version)
    await client.expectNothing()
    await watcher.expectNothing()
    client.breakOff()
    assert.equal((await watcher.expectPublish()).payload, 'gone')
  })

  test(`[MQTT-3.1.2-8] [v3.1.1 MQTT-3.1.2-8] the will is published when the broker ends the connection for a protocol error, version ${version}`, async t => {
    const { watcher, client } = await bereaved(t, version)
    client.send(hex`00 00`)
    await watcher.expectPublish()
  })

  test(`[MQTT-3.1.2-8] [v3.1.1 MQTT-3.1.2-8] the will is published when another connection takes the client id over, version ${version}`, async t => {
    const { watcher, clientId } = await bereaved(t, version)
    await join(t, broker, { version, clientId })
    await watcher.expectPublish()
  })

  test(`[MQTT-3.1.2-8] [MQTT-3.1.2-10] [MQTT-3.14.4-3] [v3.1.1 MQTT-3.1.2-10] [v3.1.1 MQTT-3.14.4-3] DISCONNECT throws the will away, for later connections too, version ${version}`, async t => {
    const { watcher, client, clientId } = await bereaved(t, version)
    await leave(client)
    await watcher.expectNothing()
    const later = await join(t, broker, { version, clientId })
    later.breakOff()
    await leave(await join(t, broker, { version, clientId }))
    await watcher.expectNothing()
  })

  test(`[MQTT-3.1.2-10] [v3.1.1 MQTT-3.1.2-10] a will is published once, version ${version}`, async t => {
    const { watcher, client, clientId } = await bereaved(t, version)
    client.breakOff()
    await watcher.expectPublish()
    const later = await join(t, broker, { version, clientId })
    later.breakOff()
    await leave(await join(t, broker, { version, clientId }))
    await watcher.expectNothing()
  })

  test(`[v3.1.1 MQTT-3.1.2-12] a client without a will leaves none, version ${version}`, async t => {
    const clientId = unique('c')
    const watcher = await join(t, broker, { version })
    await subscribe(watcher, [{ filter: '#' }])
    const client = await join(t, broker, { version, clientId })
    client.breakOff()
    await leave(await join(t, broker, { version, clientId }))
    watcher.send(hex`C0 00`)
    for (let packet = await watcher.nextPacket(); packet.name !== 'PINGRESP'; packet = await watcher.nextPacket()) {
      assert(!Buffer.from(packet.body).includes(clientId))
    }
  })

  for (const qos of [0, 1, 2]) {
    test(`[MQTT-3.1.2-12] [v3.1.1 MQTT-3.1.2-14] [v3.1.1 MQTT-3.1.2-9] a will of QoS ${qos} is published at that QoS, version ${version}`, async t => {
      const { watcher, client } = await bereaved(t, version, { qos })
      client.breakOff()
      assert.equal((await watcher.expectPublish()).qos, qos)
    })
  }

  test(`[MQTT-3.1.2-14] [v3.1.1 MQTT-3.1.2-16] a will without retain is not retained, version ${version}`, async t => {
    const { watcher, client, topic } = await bereaved(t, version)
    client.breakOff()
    await watcher.expectPublish()
    const later = await join(t, broker, { version })
    await subscribe(later, [{ filter: topic }])
    await later.expectNothing()
  })

  test(`[MQTT-3.1.2-15] [v3.1.1 MQTT-3.1.2-17] a will with retain is retained, version ${version}`, async t => {
    const { watcher, client, topic } = await bereaved(t, version, { retain: true })
    client.breakOff()
    assert.equal((await watcher.expectPublish()).retain, false)
    const later = await join(t, broker, { version })
    await subscribe(later, [{ filter: topic }])
    const { payload, retain } = await later.expectPublish()
    assert.deepEqual([payload, retain], ['gone', true])
  })

  test(`[MQTT-3.1.2-9] [v3.1.1 MQTT-3.1.2-9] a will may be empty, version ${version}`, async t => {
    const { watcher, client } = await bereaved(t, version, { payload: '' })
    client.breakOff()
    assert.equal((await watcher.expectPublish()).payload, '')
  })
}

test('[MQTT-3.1.2-8] DISCONNECT 0x04 asks for the will', async t => {
  const { watcher, client } = await bereaved(t, 5)
  client.send(disconnectBytes(0x04))
  assert.equal((await watcher.expectPublish()).payload, 'gone')
})

const delayed = (seconds: number) => ({ properties: property.willDelayInterval(seconds) })

test('[MQTT-3.1.2-8] a will with a delay is published when the delay has passed, and not before', async t => {
  const { watcher, client, clientId } = await bereaved(t, 5, delayed(1), lasting(unique('c')))
  assert(clientId)
  const began = performance.now()
  client.breakOff()
  await watcher.expectNothing()
  await watcher.expectPublish()
  assert(performance.now() - began > 900)
})

test('[MQTT-3.1.2-8] a will with a delay is published when the session ends before', async t => {
  const { watcher, client } = await bereaved(t, 5, delayed(3600))
  client.breakOff()
  assert.equal((await watcher.expectPublish()).payload, 'gone')
})

test('[MQTT-3.1.2-8] a clean start ends the session, and so publishes a will that still waits', async t => {
  const clientId = unique('c')
  const { watcher, client } = await bereaved(t, 5, delayed(3600), lasting(clientId))
  client.breakOff()
  await join(t, broker, { clientId, cleanStart: true })
  assert.equal((await watcher.expectPublish()).payload, 'gone')
})

test('[MQTT-3.1.3-9] coming back to the session within the delay keeps the will from being published', async t => {
  const clientId = unique('c')
  const { watcher, client } = await bereaved(t, 5, delayed(1), lasting(clientId))
  client.breakOff()
  await join(t, broker, { ...lasting(clientId), keepAlive: 0 })
  await timePasses(t, broker)
  await watcher.expectNothing()
})

test("[MQTT-3.1.3-10] the will's properties arrive, user properties in their order", async t => {
  const properties = concat(
    property.payloadFormatIndicator(1),
    property.contentType('text/plain'),
    property.responseTopic('answer'),
    property.correlationData(hex`01 02`),
    property.userProperty('b', '1'),
    property.userProperty('a', '2'),
    property.userProperty('b', '3'),
  )
  const { watcher, client } = await bereaved(t, 5, { properties })
  client.breakOff()
  const message = await watcher.expectPublish()
  const user = message.properties.filter(([name]) => name === 'userProperty').map(([, pair]) => pair)
  assert.deepEqual(user, ['b=1', 'a=2', 'b=3'])
  assert.deepEqual(Object.fromEntries(message.properties.filter(([name]) => name !== 'userProperty')), {
    payloadFormatIndicator: 1,
    contentType: 'text/plain',
    responseTopic: 'answer',
    correlationData: '0102',
  })
})
