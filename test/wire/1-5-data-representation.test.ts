// MQTT 5 §1.5 and 3.1.1 §1.5: strings and integers as they are on the wire.

import assert from 'node:assert/strict'
import test from 'node:test'
import { hex } from '../support/bytes.ts'
import { packetBytes, publishBytes, subscribeBytes } from '../support/packet-bytes.ts'
import { property } from '../support/property-bytes.ts'
import { drain, join, publish, shareWireBroker, subscribe, unique } from '../support/wire-broker.ts'

const broker = shareWireBroker()
const versions = [4, 5] as const

/** What RFC 3629 forbids, each between two letters. */
const illFormed: readonly (readonly [string, Uint8Array])[] = [
  ['a surrogate, U+D800', hex`'a' ED A0 80 'b'`],
  ['a surrogate, U+DFFF', hex`'a' ED BF BF 'b'`],
  ['a pair of surrogates', hex`'a' ED A0 BD ED B8 80 'b'`],
  ['an overlong slash', hex`'a' C0 AF 'b'`],
  ['an overlong U+0000', hex`'a' C0 80 'b'`],
  ['an overlong U+FFFF', hex`'a' F0 8F BF BF 'b'`],
  ['a lone continuation byte', hex`'a' 80 'b'`],
  ['a character that breaks off', hex`'a' E2 82 'b'`],
  ['a code point above U+10FFFF', hex`'a' F4 90 80 80 'b'`],
  ['a byte that UTF-8 never uses', hex`'a' FF 'b'`],
]

for (const version of versions) {
  for (const [what, bytes] of illFormed) {
    test(`[MQTT-1.5.4-1] [v3.1.1 MQTT-1.5.3-1] ${what} in a topic name ends the connection, version ${version}`, async t => {
      const client = await join(t, broker, { version })
      client.send(publishBytes({ version, topic: bytes }))
      await client.expectDisconnect(0x81)
    })
  }

  test(`[MQTT-1.5.4-1] [v3.1.1 MQTT-1.5.3-1] characters of one to four bytes arrive as they were sent, version ${version}`, async t => {
    const topic = `${unique()}/aé€😀`
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, topic)
    await publish(await join(t, broker, { version }), { topic, payload: 'x' })
    assert.equal((await subscriber.expectPublish()).topic, topic)
  })

  test(`[MQTT-1.5.4-2] [v3.1.1 MQTT-1.5.3-2] [MQTT-4.7.3-2] [v3.1.1 MQTT-4.7.3-2] U+0000 in a topic name ends the connection, version ${version}`, async t => {
    const client = await join(t, broker, { version })
    client.send(publishBytes({ version, topic: hex`'a' 00 'b'` }))
    await client.expectDisconnect(0x81)
  })

  test(`[MQTT-1.5.4-2] [v3.1.1 MQTT-1.5.3-2] [MQTT-4.7.3-2] [v3.1.1 MQTT-4.7.3-2] U+0000 in a topic filter ends the connection, version ${version}`, async t => {
    const client = await join(t, broker, { version })
    client.send(subscribeBytes({ version, subscriptions: [{ filter: hex`'a' 00` }] }))
    await client.expectDisconnect(0x81)
  })

  test(`[MQTT-1.5.4-3] [v3.1.1 MQTT-1.5.3-3] EF BB BF is a character like others, also in front, version ${version}`, async t => {
    const name = unique()
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, [{ filter: `\ufeff${name}\ufeff` }])
    const publisher = await join(t, broker, { version })
    await publish(publisher, { topic: name, payload: 'without' })
    await publish(publisher, { topic: `\ufeff${name}\ufeff`, payload: 'with' })
    const [only, ...more] = await drain(subscriber)
    assert.equal(only?.payload, 'with')
    assert.deepEqual([...Buffer.from(only?.topic ?? '').subarray(0, 3)], [0xef, 0xbb, 0xbf])
    assert.deepEqual(more, [])
  })
}

test('[MQTT-1.5.5-1] remaining lengths that are sent take the fewest bytes', async t => {
  const subscriber = await join(t, broker, { version: 4 })
  const topic = unique()
  await subscribe(subscriber, [{ filter: topic }])
  const publisher = await join(t, broker, { version: 4 })
  const head = 2 + topic.length
  for (const [length, encoded] of [
    [127, hex`7F`],
    [128, hex`80 01`],
    [16_383, hex`FF 7F`],
    [16_384, hex`80 80 01`],
  ] as const) {
    await publish(publisher, { topic, payload: 'x'.repeat(length - head) })
    const { bytes } = await subscriber.expectPacket('PUBLISH')
    assert.deepEqual([...bytes.subarray(1, 1 + encoded.length)], [...encoded])
  }
})

// The statement binds who encodes; embedded clients with a fixed-width length work with Mosquitto, and so with us.
test('[MQTT-1.5.5-1] a remaining length in more bytes than needed is understood from a client', async t => {
  const client = await join(t, broker)
  client.send(hex`C0 80 00`)
  await client.expect('D0 00')
})

test('[MQTT-1.5.5-1] a property length in more bytes than needed ends the connection', async t => {
  const client = await join(t, broker)
  client.send(packetBytes(0x82, hex`00 01 (property length) 80 00 (filter) 00 01 'a' 00`))
  await client.expectDisconnect(0x81)
})

test('[MQTT-1.5.5-1] a remaining length of more than four bytes ends the connection', async t => {
  const client = await join(t, broker)
  client.send(hex`30 80 80 80 80 01`)
  await client.expectDisconnect(0x81)
})

test('[MQTT-1.5.7-1] both halves of a user property arrive as they were sent', async t => {
  const topic = unique()
  const subscriber = await join(t, broker)
  await subscribe(subscriber, [{ filter: topic }])
  await publish(await join(t, broker), { topic, properties: property.userProperty('né', '€') })
  assert.deepEqual((await subscriber.expectPublish()).properties, [['userProperty', 'né=€']])
})

test('[MQTT-1.5.7-1] an ill-formed name or value of a user property ends the connection', async t => {
  const bad = hex`ED A0 80`
  for (const properties of [
    property.userProperty(bad, 'v'),
    property.userProperty('n', bad),
    property.userProperty('n', hex`00`),
  ]) {
    const client = await join(t, broker)
    client.send(publishBytes({ topic: unique(), properties }))
    await client.expectDisconnect(0x81)
  }
})
