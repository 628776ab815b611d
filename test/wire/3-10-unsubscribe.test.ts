// MQTT 5 §3.10 and §3.11, 3.1.1 §3.10 and §3.11: UNSUBSCRIBE and UNSUBACK.

import assert from 'node:assert/strict'
import test from 'node:test'
import { hex } from '../support/bytes.ts'
import { acknowledgementBytes, unsubscribeBytes } from '../support/packet-bytes.ts'
import { property } from '../support/property-bytes.ts'
import type { RawClient } from '../support/raw-client.ts'
import { drain, join, lasting, publish, shareWireBroker, subscribe, unique } from '../support/wire-broker.ts'

const broker = shareWireBroker()
const versions = [4, 5] as const

async function unsubscribe(client: RawClient, ...filters: readonly string[]): Promise<readonly number[]> {
  client.send(unsubscribeBytes({ version: client.version, packetId: 0x2222, filters }))
  const { packetId, reasonCodes } = await client.expectUnsuback()
  assert.equal(packetId, 0x2222)
  return reasonCodes
}

for (const version of versions) {
  for (const firstByte of [0xa0, 0xa1, 0xa3, 0xaa]) {
    test(`[MQTT-3.10.1-1] [v3.1.1 MQTT-3.10.1-1] UNSUBSCRIBE with first byte 0x${firstByte.toString(16)} ends the connection, version ${version}`, async t => {
      const client = await join(t, broker, { version })
      client.send(unsubscribeBytes({ version, firstByte, filters: ['a'] }))
      await client.expectDisconnect(0x81)
    })
  }

  test(`[MQTT-3.10.3-1] [v3.1.1 MQTT-3.10.3-1] a filter that is not UTF-8 ends the connection, version ${version}`, async t => {
    const client = await join(t, broker, { version })
    client.send(unsubscribeBytes({ version, filters: ['a', hex`FE`] }))
    await client.expectDisconnect(0x81)
  })

  test(`[MQTT-3.10.3-2] [v3.1.1 MQTT-3.10.3-2] UNSUBSCRIBE without a filter ends the connection, version ${version}`, async t => {
    const client = await join(t, broker, { version })
    client.send(unsubscribeBytes({ version, filters: [] }))
    await client.expectDisconnect(0x82, 0x81)
  })

  test(`[MQTT-3.10.4-1] [v3.1.1 MQTT-3.10.4-1] a filter is compared as text: one that matches as a pattern stays, version ${version}`, async t => {
    const base = unique()
    const client = await join(t, broker, { version })
    await subscribe(client, [{ filter: `${base}/+` }])
    await unsubscribe(client, `${base}/a`, `${base}/#`, `${base.toUpperCase()}/+`, `${base}/+/`)
    const publisher = await join(t, broker, { version })
    await publish(publisher, { topic: `${base}/a` })
    assert.equal((await drain(client)).length, 1)
    await unsubscribe(client, `${base}/+`)
    await publish(publisher, { topic: `${base}/a` })
    assert.deepEqual(await drain(client), [])
  })

  test(`[MQTT-3.10.4-2] [v3.1.1 MQTT-3.10.4-2] after UNSUBACK nothing new is delivered, and another subscription that matches goes on, version ${version}`, async t => {
    const base = unique()
    const client = await join(t, broker, { version })
    await subscribe(client, [{ filter: `${base}/a`, qos: 1 }, { filter: `${base}/b/#` }])
    await unsubscribe(client, `${base}/a`)
    const publisher = await join(t, broker, { version })
    for (const qos of [0, 1, 2]) await publish(publisher, { topic: `${base}/a`, qos })
    await publish(publisher, { topic: `${base}/b` })
    assert.deepEqual(
      (await drain(client)).map(({ topic }) => topic),
      [`${base}/b`],
    )
  })

  test(`[MQTT-3.10.4-3] [v3.1.1 MQTT-3.10.4-3] deliveries that had begun are completed, also over a reconnection, version ${version}`, async t => {
    const topic = unique()
    const fields = lasting(unique('c'), version)
    const client = await join(t, broker, fields)
    await subscribe(client, topic)
    const publisher = await join(t, broker, { version })
    for (const qos of [1, 2]) await publish(publisher, { topic, qos })
    const sent = [await client.expectPublish(), await client.expectPublish()]
    await unsubscribe(client, topic)
    client.breakOff()
    const again = await join(t, broker, fields)
    const resent = [await again.expectPublish(), await again.expectPublish()]
    assert.deepEqual(
      resent.map(({ packetId, qos }) => [packetId, qos]),
      sent.map(({ packetId, qos }) => [packetId, qos]),
    )
    again.send(acknowledgementBytes('PUBACK', resent[0]!.packetId), acknowledgementBytes('PUBREC', resent[1]!.packetId))
    assert.equal((await again.expectAcknowledgement('PUBREL')).packetId, resent[1]!.packetId)
  })

  test(`[MQTT-3.10.4-4] [MQTT-3.10.4-5] [v3.1.1 MQTT-3.10.4-4] [v3.1.1 MQTT-3.10.4-5] UNSUBSCRIBE is answered with UNSUBACK, also when nothing was subscribed, version ${version}`, async t => {
    const topic = unique()
    const client = await join(t, broker, { version })
    const nothing = await unsubscribe(client, topic)
    await subscribe(client, [{ filter: topic }])
    const something = await unsubscribe(client, topic)
    assert.deepEqual([nothing, something], version === 5 ? [[0x11], [0x00]] : [[], []])
  })

  test(`[MQTT-3.10.4-6] [MQTT-3.11.3-1] [MQTT-3.11.3-2] [v3.1.1 MQTT-3.10.4-6] several filters get one UNSUBACK, with codes in their order, version ${version}`, async t => {
    const base = unique()
    const client = await join(t, broker, { version })
    await subscribe(client, [{ filter: `${base}/a` }, { filter: `${base}/b` }, { filter: `${base}/c` }])
    const codes = await unsubscribe(client, `${base}/a`, `${base}/x`, `${base}/b`, `${base}/a`)
    assert.deepEqual(codes, version === 5 ? [0x00, 0x11, 0x00, 0x11] : [])
    const publisher = await join(t, broker, { version })
    for (const end of ['a', 'b', 'c']) await publish(publisher, { topic: `${base}/${end}` })
    assert.deepEqual(
      (await drain(client)).map(({ topic }) => topic),
      [`${base}/c`],
    )
  })
}

test('[MQTT-3.11.2-1] [MQTT-3.11.2-2] UNSUBACK stays within the Maximum Packet Size of the client', async t => {
  const client = await join(t, broker, { properties: property.maximumPacketSize(20) })
  client.send(unsubscribeBytes({ packetId: 9, filters: [unique()] }))
  await client.expect(hex`B0 04 00 09 00 11`)
})

test('[v3.1.1 MQTT-3.10.4-4] UNSUBACK of 3.1.1 is its identifier and nothing else', async t => {
  const client = await join(t, broker, { version: 4 })
  client.send(unsubscribeBytes({ version: 4, packetId: 9, filters: ['a', 'b'] }))
  await client.expect('B0 02 00 09')
})
