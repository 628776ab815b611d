// MQTT 5 §2 and 3.1.1 §2: fixed headers, packet identifiers, properties.

import assert from 'node:assert/strict'
import test from 'node:test'
import { hex, lengthPrefixed } from '../support/bytes.ts'
import {
  acknowledgementBytes,
  packetBytes,
  publishBytes,
  subscribeBytes,
  unsubscribeBytes,
} from '../support/packet-bytes.ts'
import { join, lasting, publish, shareWireBroker, subscribe, unique } from '../support/wire-broker.ts'

const broker = shareWireBroker()
const versions = [4, 5] as const

/** Packets whose flags must be 0, with one that is set. */
const badFlags: readonly (readonly [string, Uint8Array])[] = [
  ['PUBACK', hex`41 02 00 01`],
  ['PUBREC', hex`58 02 00 01`],
  ['PUBCOMP', hex`72 02 00 01`],
  ['PINGREQ', hex`C1 00`],
  ['DISCONNECT', hex`E4 00`],
]

for (const version of versions) {
  for (const [packet, bytes] of badFlags) {
    test(`[MQTT-2.1.3-1] [v3.1.1 MQTT-2.2.2-1] [v3.1.1 MQTT-2.2.2-2] reserved flags of ${packet} that are set end the connection, version ${version}`, async t => {
      const client = await join(t, broker, { version })
      client.send(bytes)
      await client.expectDisconnect(0x81)
    })
  }

  test(`[MQTT-2.1.3-1] [v3.1.1 MQTT-2.2.2-1] packets that the broker sends have their reserved flags as listed, version ${version}`, async t => {
    const topic = unique()
    const subscriber = await join(t, broker, { version })
    subscriber.send(subscribeBytes({ version, subscriptions: [{ filter: topic, qos: 2 }] }))
    const flags = [(await subscriber.expectPacket('SUBACK')).flags]
    const publisher = await join(t, broker, { version })
    publisher.send(publishBytes({ version, topic, qos: 1, packetId: 2 }), publishBytes({ version, topic: 'x', qos: 2 }))
    flags.push((await publisher.expectPacket('PUBACK')).flags, (await publisher.expectPacket('PUBREC')).flags)
    await publish(publisher, { topic, qos: 2, packetId: 3 })
    publisher.send(acknowledgementBytes('PUBREL', 1))
    flags.push((await publisher.expectPacket('PUBCOMP')).flags)
    await subscriber.expectPublish()
    subscriber.send(acknowledgementBytes('PUBREC', (await subscriber.expectPublish()).packetId))
    flags.push((await subscriber.expectPacket('PUBREL')).flags)
    subscriber.send(unsubscribeBytes({ version, filters: [topic] }), hex`C0 00`)
    flags.push((await subscriber.expectPacket('UNSUBACK')).flags, (await subscriber.expectPacket('PINGRESP')).flags)
    assert.deepEqual(flags, [0, 0, 0, 0, 2, 0, 0])
  })

  test(`[MQTT-2.2.1-2] [v3.1.1 MQTT-2.3.1-5] a QoS 0 PUBLISH has no packet identifier, neither way, version ${version}`, async t => {
    const topic = unique()
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, topic)
    const publisher = await join(t, broker, { version })
    const noProperties = version === 5 ? hex`00` : hex``
    const bytes = packetBytes(0x30, lengthPrefixed(topic), noProperties, hex`'payload'`)
    publisher.send(bytes)
    await subscriber.expect(bytes)
  })

  for (const [packet, bytes] of [
    ['SUBSCRIBE', subscribeBytes({ version, packetId: 0, subscriptions: [{ filter: 'a' }] })],
    ['UNSUBSCRIBE', unsubscribeBytes({ version, packetId: 0, filters: ['a'] })],
    ['QoS 1 PUBLISH', publishBytes({ version, packetId: 0, qos: 1, topic: 'a' })],
    ['QoS 2 PUBLISH', publishBytes({ version, packetId: 0, qos: 2, topic: 'a' })],
  ] as const) {
    test(`[MQTT-2.2.1-3] [v3.1.1 MQTT-2.3.1-1] packet identifier 0 in ${packet} ends the connection, version ${version}`, async t => {
      const client = await join(t, broker, { version })
      client.send(bytes)
      await client.expectDisconnect(0x82, 0x81)
    })
  }

  test(`[MQTT-2.2.1-4] [v3.1.1 MQTT-2.3.1-4] [v3.1.1 MQTT-2.3.1-1] [MQTT-4.3.2-1] [MQTT-4.3.3-1] messages in flight have identifiers that differ and are not 0, version ${version}`, async t => {
    const topic = unique()
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, topic)
    const publisher = await join(t, broker, { version })
    for (let count = 1; count <= 20; count += 1) await publish(publisher, { topic, qos: 1 + (count % 2), packetId: 7 })
    const ids = new Set<number>()
    for (let count = 1; count <= 20; count += 1) ids.add((await subscriber.expectPublish()).packetId)
    assert.equal(ids.size, 20)
    assert(!ids.has(0))
  })

  test(`[v3.1.1 MQTT-2.3.1-4] [MQTT-4.4.0-1] [v3.1.1 MQTT-4.4.0-1] a message sent again keeps its identifier, version ${version}`, async t => {
    const clientId = unique('c')
    const topic = unique()
    const first = await join(t, broker, lasting(clientId, version))
    await subscribe(first, topic)
    await publish(await join(t, broker, { version }), { topic, qos: 1 })
    const { packetId } = await first.expectPublish()
    first.breakOff()
    const second = await join(t, broker, lasting(clientId, version))
    assert.equal((await second.expectPublish()).packetId, packetId)
  })

  test(`[MQTT-2.2.1-5] [v3.1.1 MQTT-2.3.1-6] acknowledgements carry the identifier of their PUBLISH, version ${version}`, async t => {
    const client = await join(t, broker, { version })
    for (const packetId of [1, 0x1234, 0xffff]) {
      await publish(client, { topic: unique(), qos: 1, packetId })
      await publish(client, { topic: unique(), qos: 2, packetId })
    }
  })

  test(`[MQTT-2.2.1-5] [v3.1.1 MQTT-2.3.1-6] PUBREL carries the identifier of the PUBLISH that was sent, version ${version}`, async t => {
    const topic = unique()
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, topic)
    await publish(await join(t, broker, { version }), { topic, qos: 2, packetId: 0x4321 })
    const { packetId } = await subscriber.expectPublish()
    subscriber.send(acknowledgementBytes('PUBREC', packetId))
    assert.equal((await subscriber.expectAcknowledgement('PUBREL')).packetId, packetId)
  })

  test(`[MQTT-2.2.1-6] [v3.1.1 MQTT-2.3.1-7] [MQTT-3.8.4-2] [v3.1.1 MQTT-3.8.4-2] SUBACK and UNSUBACK carry the identifier of their request, version ${version}`, async t => {
    const client = await join(t, broker, { version })
    for (const packetId of [1, 0x1234, 0xffff]) {
      client.send(subscribeBytes({ version, packetId, subscriptions: [{ filter: 'a' }] }))
      assert.equal((await client.expectSuback()).packetId, packetId)
      client.send(unsubscribeBytes({ version, packetId, filters: ['a'] }))
      assert.equal((await client.expectUnsuback()).packetId, packetId)
    }
  })
}

test('[MQTT-2.2.2-1] a packet without properties has a property length of zero', async t => {
  const client = await join(t, broker)
  client.send(subscribeBytes({ packetId: 9, subscriptions: [{ filter: unique(), qos: 1 }] }))
  await client.expect(hex`90 04 00 09 (property length) 00 01`)
})

test('[MQTT-2.2.2-1] a packet without a property length is malformed', async t => {
  const client = await join(t, broker)
  client.send(hex`82 02 00 09`)
  await client.expectDisconnect(0x81)
})

test('[MQTT-2.2.2-1] properties that end behind the packet are malformed', async t => {
  const client = await join(t, broker)
  client.send(packetBytes(0x30, lengthPrefixed('a'), hex`05 01 01`))
  await client.expectDisconnect(0x81)
})

test('[MQTT-2.2.2-1] a property that the packet may not have, one that is unknown and one that is there twice are refused', async t => {
  for (const [properties, code] of [
    [hex`11 00 00 00 01 (session expiry interval)`, 0x82],
    [hex`7F 00 (unknown)`, 0x81],
    [hex`01 01 01 01 (payload format indicator, twice)`, 0x82],
  ] as const) {
    const client = await join(t, broker)
    client.send(publishBytes({ topic: unique(), properties }))
    await client.expectDisconnect(code, 0x81)
  }
})
