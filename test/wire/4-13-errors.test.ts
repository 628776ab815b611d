// MQTT 5 §4.13 and 3.1.1 §4.8: whoever breaks the protocol loses its connection, and nobody else does.

import assert from 'node:assert/strict'
import test from 'node:test'
import { hex } from '../support/bytes.ts'
import { publishBytes } from '../support/packet-bytes.ts'
import { property } from '../support/property-bytes.ts'
import { join, lasting, publish, shareWireBroker, subscribe, unique } from '../support/wire-broker.ts'

const broker = shareWireBroker()
const versions = [4, 5] as const

const violations: readonly (readonly [string, Uint8Array])[] = [
  ['packet type 0', hex`00 00`],
  ['CONNACK', hex`20 02 00 00`],
  ['SUBACK', hex`90 03 00 01 00`],
  ['UNSUBACK', hex`B0 02 00 01`],
  ['PINGRESP', hex`D0 00`],
  ['an empty PUBLISH', hex`30 00`],
  ['an empty SUBSCRIBE', hex`82 00`],
  ['an empty UNSUBSCRIBE', hex`A2 00`],
  ['an empty PUBACK', hex`40 00`],
  ['a remaining length of five bytes', hex`30 FF FF FF FF 7F`],
]

for (const version of versions) {
  for (const [what, bytes] of violations) {
    test(`[MQTT-4.13.1-1] [MQTT-4.13.2-1] [v3.1.1 MQTT-4.8.0-1] ${what} ends the connection, version ${version}`, async t => {
      const client = await join(t, broker, { version })
      client.send(bytes)
      await client.expectDisconnect(0x81, 0x82)
    })
  }

  test(`[MQTT-4.13.1-1] [v3.1.1 MQTT-4.8.0-1] what came before the fault is done, what comes behind it is not, version ${version}`, async t => {
    const topic = unique()
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, [{ filter: topic }])
    const client = await join(t, broker, { version })
    client.send(
      publishBytes({ version, topic, payload: 'before' }),
      hex`00 00`,
      publishBytes({ version, topic, payload: 'behind' }),
    )
    await client.expectDisconnect(0x81)
    assert.equal((await subscriber.expectPublish()).payload, 'before')
    await subscriber.expectNothing()
  })

  test(`[MQTT-4.13.2-1] [v3.1.1 MQTT-4.8.0-1] the fault of one connection touches no other, nor its own session, version ${version}`, async t => {
    const topic = unique()
    const fields = lasting(unique('c'), version)
    const other = await join(t, broker, { version })
    await subscribe(other, [{ filter: topic }])
    const guilty = await join(t, broker, fields)
    await subscribe(guilty, [{ filter: topic, qos: 1 }])
    guilty.send(hex`00 00`)
    await guilty.expectDisconnect(0x81)
    await publish(await join(t, broker, { version }), { topic, qos: 1, payload: 'x' })
    assert.equal((await other.expectPublish()).payload, 'x')
    assert.equal((await (await join(t, broker, fields)).expectPublish()).payload, 'x')
  })
}

test('[v3.1.1 MQTT-4.8.0-1] AUTH, which 3.1.1 does not know, ends the connection', async t => {
  const client = await join(t, broker, { version: 4 })
  client.send(hex`F0 00`)
  await client.expectClosed()
})

test('[MQTT-4.13.1-1] bytes that are no valid property end the connection with 0x81 or 0x82', async t => {
  for (const properties of [
    hex`24 01 (maximum QoS)`,
    hex`12 00 01 'x' (assigned client id)`,
    property.payloadFormatIndicator(9),
  ]) {
    const client = await join(t, broker)
    client.send(publishBytes({ topic: 'a', properties }))
    await client.expectDisconnect(0x81, 0x82)
  }
})
