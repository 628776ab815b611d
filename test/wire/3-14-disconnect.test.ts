// MQTT 5 §3.14 and 3.1.1 §3.14: DISCONNECT, from both sides.

import assert from 'node:assert/strict'
import test from 'node:test'
import { hex } from '../support/bytes.ts'
import { connectBytes, disconnectBytes, publishBytes } from '../support/packet-bytes.ts'
import { readReason } from '../support/packet-reader.ts'
import { property } from '../support/property-bytes.ts'
import { dial, join, lasting, shareWireBroker, startWireBroker, subscribe, unique } from '../support/wire-broker.ts'

const broker = shareWireBroker()
const versions = [4, 5] as const

test('[MQTT-3.14.0-1] before a CONNACK that accepts there is no DISCONNECT', async t => {
  const malformed = await dial(t, broker)
  malformed.send(connectBytes({ clientId: 'x', flags: 0x03 }))
  const first = await malformed.packetOrEnd()
  assert(first === undefined || first.name === 'CONNACK')
  await malformed.expectClosed()
  const refused = await dial(t, broker)
  refused.send(connectBytes({ clientId: 'x', properties: property.authenticationMethod('none such') }))
  assert((await refused.expectConnack()).reasonCode >= 0x80)
  await refused.expectClosed()
})

for (const version of versions) {
  for (const firstByte of [0xe1, 0xe2, 0xe4, 0xe8]) {
    test(`[MQTT-3.14.1-1] [v3.1.1 MQTT-3.14.1-1] DISCONNECT with first byte 0x${firstByte.toString(16)} is malformed, and the will is published, version ${version}`, async t => {
      const topic = unique('will/')
      const watcher = await join(t, broker, { version })
      await subscribe(watcher, [{ filter: topic }])
      const client = await join(t, broker, { version, will: { topic } })
      client.send(hex`${firstByte} 00`)
      await client.expectDisconnect(0x81)
      await watcher.expectPublish()
    })
  }

  test(`[MQTT-3.14.4-1] [MQTT-3.14.4-2] [v3.1.1 MQTT-3.14.4-1] [v3.1.1 MQTT-3.14.4-2] after DISCONNECT the broker closes, and takes nothing that follows it, version ${version}`, async t => {
    const topic = unique()
    const watcher = await join(t, broker, { version })
    await subscribe(watcher, [{ filter: topic }])
    const client = await join(t, broker, { version })
    client.send(
      publishBytes({ version, topic, payload: 'before' }),
      disconnectBytes(),
      publishBytes({ version, topic, payload: 'behind' }),
    )
    await client.expectClosed()
    assert.equal((await watcher.expectPublish()).payload, 'before')
    await watcher.expectNothing()
  })

  test(`[MQTT-3.14.4-3] [v3.1.1 MQTT-3.14.4-3] DISCONNECT throws the will away, version ${version}`, async t => {
    const topic = unique('will/')
    const watcher = await join(t, broker, { version })
    await subscribe(watcher, [{ filter: topic }])
    const client = await join(t, broker, { version, will: { topic } })
    client.send(disconnectBytes())
    await client.expectClosed()
    await watcher.expectNothing()
  })
}

test('[MQTT-3.14.4-3] DISCONNECT 0x00 in its long form throws the will away too', async t => {
  const topic = unique('will/')
  const watcher = await join(t, broker)
  await subscribe(watcher, [{ filter: topic }])
  for (const bytes of [hex`E0 01 00`, hex`E0 02 00 00`]) {
    const client = await join(t, broker, { will: { topic } })
    client.send(bytes)
    await client.expectClosed()
  }
  await watcher.expectNothing()
})

for (const reasonCode of [0x80, 0x83, 0x90, 0x97]) {
  test(`[MQTT-3.14.2-1] DISCONNECT 0x${reasonCode.toString(16)} from a client is taken, and the will is published`, async t => {
    const topic = unique('will/')
    const watcher = await join(t, broker)
    await subscribe(watcher, [{ filter: topic }])
    const client = await join(t, broker, { will: { topic } })
    client.send(disconnectBytes(reasonCode))
    await client.expectClosed()
    await watcher.expectPublish()
  })
}

for (const reasonCode of [0x01, 0x10, 0x18, 0x85, 0xff]) {
  test(`[MQTT-3.14.2-1] DISCONNECT 0x${reasonCode.toString(16)}, which is not of the table, is refused`, async t => {
    const client = await join(t, broker)
    client.send(disconnectBytes(reasonCode))
    await client.expectDisconnect(0x81, 0x82)
  })
}

test('[MQTT-3.14.2-1] [MQTT-3.14.2-2] [MQTT-3.14.4-1] [MQTT-3.14.4-2] a takeover says 0x8E without a session expiry interval, and closes', async t => {
  const fields = lasting(unique('c'))
  const older = await join(t, broker, fields)
  await join(t, broker, fields)
  const { reasonCode, properties } = readReason(await older.expectPacket('DISCONNECT'))
  assert.equal(reasonCode, 0x8e)
  assert(!properties.some(([name]) => name === 'sessionExpiryInterval'))
  await older.expectClosed()
})

test('[MQTT-3.14.2-1] [MQTT-4.13.2-1] a broker that stops says 0x8B, and closes', async t => {
  const stopping = await startWireBroker(t)
  const client = await join(t, stopping)
  const older = await join(t, stopping, { version: 4 })
  const stopped = stopping.process.stop()
  await client.expectDisconnect(0x8b)
  await older.expectClosed()
  await stopped
})

test('[MQTT-3.14.2-3] [MQTT-3.14.2-4] DISCONNECT stays within the Maximum Packet Size of the client', async t => {
  const client = await join(t, broker, { properties: property.maximumPacketSize(20) })
  client.send(hex`C1 00`)
  const { bytes } = await client.expectPacket('DISCONNECT')
  assert(bytes.length <= 20)
  assert.equal(bytes[2], 0x81)
  await client.expectClosed()
})

test('[MQTT-3.14.2-1] a session that was to end with its connection cannot be made to last by DISCONNECT (§3.14.2.2.2)', async t => {
  const client = await join(t, broker)
  client.send(disconnectBytes(0, property.sessionExpiryInterval(10)))
  await client.expectDisconnect(0x82)
})
