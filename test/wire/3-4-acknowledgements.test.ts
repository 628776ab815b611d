// MQTT 5 §3.4 to §3.7 and 3.1.1 §3.6: PUBACK, PUBREC, PUBREL, PUBCOMP.

import assert from 'node:assert/strict'
import test from 'node:test'
import { hex } from '../support/bytes.ts'
import { acknowledgementBytes, publishBytes } from '../support/packet-bytes.ts'
import { property } from '../support/property-bytes.ts'
import { join, publish, shareWireBroker, subscribe, unique } from '../support/wire-broker.ts'

const broker = shareWireBroker('allow_anonymous true\nacl_file acl', { acl: 'topic deny closed/#\ntopic #\n' })
const versions = [4, 5] as const

const allowedCodes = {
  PUBACK: [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
  PUBREC: [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
  PUBREL: [0x00, 0x92],
  PUBCOMP: [0x00, 0x92],
} as const

for (const [packet, qos, clause] of [
  ['PUBACK', 1, '3.4.2-1'],
  ['PUBREC', 2, '3.5.2-1'],
] as const) {
  test(`[MQTT-3.4.2-1] [MQTT-3.5.2-1] ${packet} tells with a code of its table what became of the message (${clause})`, async t => {
    const topic = unique()
    const publisher = await join(t, broker)
    const answer = async (to: string, packetId: number) => {
      publisher.send(publishBytes({ topic: to, qos, packetId }))
      return (await publisher.expectAcknowledgement(packet)).reasonCode
    }
    const nobody = await answer(topic, 1)
    await subscribe(await join(t, broker), [{ filter: topic }])
    assert.deepEqual([await answer(topic, 2), await answer('closed/x', 3)], [0x00, 0x87])
    assert((allowedCodes[packet] as readonly number[]).includes(nobody))
  })
}

for (const [packet, clause] of [
  ['PUBACK', '3.4.2-1'],
  ['PUBREC', '3.5.2-1'],
  ['PUBREL', '3.6.2-1'],
  ['PUBCOMP', '3.7.2-1'],
] as const) {
  test(`[MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] a ${packet} with a code that is not of its table ends the connection (${clause})`, async t => {
    for (const reasonCode of [0x01, 0x8e, 0xff]) {
      const client = await join(t, broker)
      client.send(acknowledgementBytes(packet, 1, reasonCode))
      await client.expectDisconnect(0x81, 0x82)
    }
  })
}

test('[MQTT-3.7.2-1] a PUBREL for a message that was never sent is answered with PUBCOMP 0x92', async t => {
  const client = await join(t, broker)
  client.send(acknowledgementBytes('PUBREL', 77))
  const { packetId, reasonCode } = await client.expectAcknowledgement('PUBCOMP')
  assert.deepEqual([packetId, reasonCode], [77, 0x92])
})

test('[MQTT-3.6.2-1] a PUBREC for a message that was never sent is answered with PUBREL 0x92', async t => {
  const client = await join(t, broker)
  client.send(acknowledgementBytes('PUBREC', 77))
  const { packetId, reasonCode } = await client.expectAcknowledgement('PUBREL')
  assert.deepEqual([packetId, reasonCode], [77, 0x92])
})

test('[MQTT-3.6.2-1] [MQTT-3.7.2-1] a good exchange says success in PUBREL and PUBCOMP', async t => {
  const topic = unique()
  const subscriber = await join(t, broker)
  await subscribe(subscriber, topic)
  const publisher = await join(t, broker)
  publisher.send(publishBytes({ topic, qos: 2, packetId: 9 }))
  await publisher.expectAcknowledgement('PUBREC')
  publisher.send(acknowledgementBytes('PUBREL', 9))
  assert.equal((await publisher.expectAcknowledgement('PUBCOMP')).reasonCode, 0)
  subscriber.send(acknowledgementBytes('PUBREC', (await subscriber.expectPublish()).packetId))
  assert.equal((await subscriber.expectAcknowledgement('PUBREL')).reasonCode, 0)
})

test('[MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-2] [MQTT-3.5.2-3] a refusal stays within the Maximum Packet Size of the publisher', async t => {
  const client = await join(t, broker, { properties: property.maximumPacketSize(20) })
  for (const [qos, packet] of [
    [1, 'PUBACK'],
    [2, 'PUBREC'],
  ] as const) {
    client.send(publishBytes({ topic: 'closed/x', qos, packetId: qos }))
    const { bytes } = await client.expectPacket(packet)
    assert(bytes.length <= 20)
    assert.equal(bytes[4], 0x87)
  }
})

test('[MQTT-3.6.2-2] [MQTT-3.6.2-3] [MQTT-3.7.2-2] [MQTT-3.7.2-3] PUBREL and PUBCOMP stay within the Maximum Packet Size of the client', async t => {
  const client = await join(t, broker, { properties: property.maximumPacketSize(20) })
  for (const [sent, packet] of [
    ['PUBREC', 'PUBREL'],
    ['PUBREL', 'PUBCOMP'],
  ] as const) {
    client.send(acknowledgementBytes(sent, 77))
    assert((await client.expectPacket(packet)).bytes.length <= 20)
  }
})

for (const version of versions) {
  for (const firstByte of [0x60, 0x61, 0x63, 0x66]) {
    test(`[MQTT-3.6.1-1] [v3.1.1 MQTT-3.6.1-1] PUBREL with first byte 0x${firstByte.toString(16)} ends the connection, version ${version}`, async t => {
      const client = await join(t, broker, { version })
      await publish(client, { topic: unique(), qos: 1, packetId: 3 })
      client.send(publishBytes({ version, topic: unique(), qos: 2, packetId: 1 }))
      await client.expectAcknowledgement('PUBREC')
      client.send(hex`${firstByte} 02 00 01`)
      await client.expectDisconnect(0x81)
    })
  }

  test(`[MQTT-4.13.1-1] [v3.1.1 MQTT-4.8.0-1] an acknowledgement that breaks off ends the connection, version ${version}`, async t => {
    const client = await join(t, broker, { version })
    client.send(hex`40 01 00`)
    await client.expectDisconnect(0x81)
  })
}

test('[v3.1.1 MQTT-4.8.0-1] an acknowledgement of 3.1.1 with bytes behind its identifier ends the connection', async t => {
  const client = await join(t, broker, { version: 4 })
  client.send(hex`40 03 00 01 00`)
  await client.expectClosed()
})
