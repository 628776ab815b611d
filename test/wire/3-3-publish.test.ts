// MQTT 5 §3.3 and 3.1.1 §3.3: PUBLISH. Retained messages and properties have files of their own.

import assert from 'node:assert/strict'
import test from 'node:test'
import { hex, lengthPrefixed } from '../support/bytes.ts'
import { packetBytes, publishBytes } from '../support/packet-bytes.ts'
import { property } from '../support/property-bytes.ts'
import {
  drain,
  join,
  joinWithConnack,
  lasting,
  publish,
  shareWireBroker,
  startWireBroker,
  subscribe,
  unique,
} from '../support/wire-broker.ts'

const broker = shareWireBroker()
const versions = [4, 5] as const

for (const version of versions) {
  test(`[MQTT-3.3.1-1] [v3.1.1 MQTT-3.3.1-1] [MQTT-4.4.0-1] [v3.1.1 MQTT-4.4.0-1] what is sent again after a reconnection has DUP 1, version ${version}`, async t => {
    const clientId = unique('c')
    const topic = unique()
    const first = await join(t, broker, lasting(clientId, version))
    await subscribe(first, topic)
    const publisher = await join(t, broker, { version })
    for (const qos of [1, 2]) await publish(publisher, { topic, qos })
    assert.deepEqual([(await first.expectPublish()).dup, (await first.expectPublish()).dup], [false, false])
    first.breakOff()
    const second = await join(t, broker, lasting(clientId, version))
    assert.deepEqual([(await second.expectPublish()).dup, (await second.expectPublish()).dup], [true, true])
  })

  test(`[MQTT-3.3.1-2] [v3.1.1 MQTT-3.3.1-2] [MQTT-4.3.1-1] [v3.1.1 MQTT-4.3.1-1] QoS 0 is sent with DUP 0, and with DUP 1 it ends the connection, version ${version}`, async t => {
    const topic = unique()
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, topic)
    const publisher = await join(t, broker, { version })
    await publish(publisher, { topic })
    const { dup, qos } = await subscriber.expectPublish()
    assert.deepEqual([qos, dup], [0, false])
    publisher.send(publishBytes({ version, topic, dup: true }))
    await publisher.expectDisconnect(0x81)
    await subscriber.expectNothing()
  })

  for (const qos of [1, 2]) {
    test(`[MQTT-3.3.1-3] [v3.1.1 MQTT-3.3.1-3] [MQTT-4.3.2-2] [MQTT-4.3.3-2] DUP 1 from a publisher is not passed on, QoS ${qos}, version ${version}`, async t => {
      const topic = unique()
      const subscriber = await join(t, broker, { version })
      await subscribe(subscriber, topic)
      await publish(await join(t, broker, { version }), { topic, qos, dup: true })
      assert.equal((await subscriber.expectPublish()).dup, false)
    })
  }

  test(`[MQTT-3.3.1-4] [v3.1.1 MQTT-3.3.1-4] both QoS bits set end the connection, version ${version}`, async t => {
    const client = await join(t, broker, { version })
    client.send(publishBytes({ version, topic: unique(), qos: 3 }))
    await client.expectDisconnect(0x81)
  })

  test(`[MQTT-3.3.2-1] [v3.1.1 MQTT-3.3.2-1] a PUBLISH that ends within its topic name ends the connection, version ${version}`, async t => {
    const client = await join(t, broker, { version })
    client.send(packetBytes(0x30, hex`00 05 'abc'`))
    await client.expectDisconnect(0x81)
  })

  test(`[MQTT-3.3.2-1] [v3.1.1 MQTT-3.3.2-1] [v3.1.1 MQTT-1.5.3-1] a topic name that is not UTF-8 ends the connection, version ${version}`, async t => {
    const client = await join(t, broker, { version })
    client.send(publishBytes({ version, topic: hex`F8 88 80 80 80` }))
    await client.expectDisconnect(0x81)
  })

  for (const topic of ['#', '+', 'a/#', 'a/+/b', 'a#', '+a']) {
    test(`[MQTT-3.3.2-2] [v3.1.1 MQTT-3.3.2-2] [MQTT-4.7.0-1] [v3.1.1 MQTT-4.7.1-1] topic name '${topic}' is refused and reaches nobody, version ${version}`, async t => {
      const subscriber = await join(t, broker, { version })
      await subscribe(subscriber, [{ filter: topic.endsWith('#') ? 'a/#' : 'a/+/b' }])
      const client = await join(t, broker, { version })
      client.send(publishBytes({ version, topic }))
      await client.expectDisconnect(0x90, 0x81, 0x82)
      await subscriber.expectNothing()
    })
  }

  test(`[MQTT-3.3.2-3] [v3.1.1 MQTT-3.3.2-3] a subscriber gets what matches its filter, and nothing else, version ${version}`, async t => {
    const base = unique()
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, [{ filter: `${base}/+/b` }])
    const publisher = await join(t, broker, { version })
    for (const end of ['a/b', 'a/c', 'b', 'x/b/c', '/b']) await publish(publisher, { topic: `${base}/${end}` })
    assert.deepEqual(
      (await drain(subscriber)).map(({ topic }) => topic),
      [`${base}/a/b`, `${base}//b`],
    )
  })

  test(`[MQTT-3.3.4-1] [v3.1.1 MQTT-3.3.4-1] QoS 0 gets no answer, QoS 1 PUBACK, QoS 2 PUBREC, version ${version}`, async t => {
    const client = await join(t, broker, { version })
    client.send(publishBytes({ version, topic: unique() }))
    await client.expectNothing()
    client.send(publishBytes({ version, topic: unique(), qos: 1, packetId: 5 }))
    assert.equal((await client.expectAcknowledgement('PUBACK')).packetId, 5)
    client.send(publishBytes({ version, topic: unique(), qos: 2, packetId: 6 }))
    assert.equal((await client.expectAcknowledgement('PUBREC')).packetId, 6)
    await client.expectNothing()
  })

  test(`[MQTT-3.3.4-2] [v3.1.1 MQTT-3.3.5-1] overlapping subscriptions deliver at the highest QoS among them, version ${version}`, async t => {
    const base = unique()
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, [
      { filter: `${base}/#`, qos: 0 },
      { filter: `${base}/+`, qos: 2 },
      { filter: `${base}/a`, qos: 1 },
    ])
    await publish(await join(t, broker, { version }), { topic: `${base}/a`, qos: 2 })
    assert.equal(Math.max(...(await drain(subscriber)).map(({ qos }) => qos)), 2)
  })

  test(`[v3.1.1 MQTT-3.3.5-2] a PUBLISH that is not permitted is acknowledged or told, and reaches nobody, version ${version}`, async t => {
    const rules = ['topic read #', 'topic write open/#', ''].join('\n')
    const guarded = await startWireBroker(t, 'allow_anonymous true\nacl_file acl', { acl: rules })
    const subscriber = await join(t, guarded, { version })
    await subscribe(subscriber, [{ filter: '#' }])
    const publisher = await join(t, guarded, { version })
    publisher.send(publishBytes({ version, topic: 'closed/x', qos: 1, packetId: 5 }))
    const answer = await publisher.expectAcknowledgement('PUBACK')
    assert.deepEqual([answer.packetId, answer.reasonCode], [5, version === 5 ? 0x87 : 0])
    await publish(publisher, { topic: 'open/x', qos: 1 })
    assert.deepEqual(
      (await drain(subscriber)).map(({ topic }) => topic),
      ['open/x'],
    )
  })
}

test('[MQTT-3.3.2-7] aliases end with their connection, on the way in', async t => {
  const clientId = unique('c')
  const topic = unique()
  const first = await join(t, broker, lasting(clientId))
  await publish(first, { topic, properties: property.topicAlias(1) })
  first.breakOff()
  const second = await join(t, broker, lasting(clientId))
  second.send(publishBytes({ topic: '', properties: property.topicAlias(1) }))
  await second.expectDisconnect(0x82, 0x94)
})

test('[MQTT-3.3.2-7] aliases end with their connection, on the way out', async t => {
  const fields = { ...lasting(unique('c')) }
  const properties = Buffer.concat([fields.properties!, property.topicAliasMaximum(5)])
  const topic = unique()
  const first = await join(t, broker, { ...fields, properties })
  await subscribe(first, [{ filter: topic }])
  const publisher = await join(t, broker)
  for (let count = 0; count < 2; count += 1) await publish(publisher, { topic })
  await drain(first)
  first.breakOff()
  const second = await join(t, broker, { ...fields, properties })
  await publish(publisher, { topic })
  assert.equal((await second.expectPublish()).topic, topic)
})

test('[MQTT-3.3.2-8] alias 0 ends the connection, and is never sent', async t => {
  const client = await join(t, broker)
  client.send(publishBytes({ topic: 'a', properties: property.topicAlias(0) }))
  await client.expectDisconnect(0x94, 0x82)
  const topic = unique()
  const subscriber = await join(t, broker, { properties: property.topicAliasMaximum(1) })
  await subscribe(subscriber, [{ filter: topic }])
  const publisher = await join(t, broker)
  for (let count = 0; count < 3; count += 1) await publish(publisher, { topic })
  for (const { properties } of await drain(subscriber)) assert.notEqual(new Map(properties).get('topicAlias'), 0)
})

test('[MQTT-3.3.2-8] an empty topic name without an alias, or with one that was never set, ends the connection', async t => {
  for (const properties of [hex``, property.topicAlias(1)]) {
    const client = await join(t, broker)
    client.send(publishBytes({ topic: '', properties }))
    await client.expectDisconnect(0x82, 0x94)
  }
})

test('[MQTT-3.3.2-12] an alias may be given another topic', async t => {
  const [one, two] = [unique(), unique()]
  const subscriber = await join(t, broker)
  await subscribe(subscriber, [{ filter: one }, { filter: two }])
  const publisher = await join(t, broker)
  await publish(publisher, { topic: one, properties: property.topicAlias(1) })
  await publish(publisher, { topic: two, properties: property.topicAlias(1) })
  await publish(publisher, { topic: '', properties: property.topicAlias(1) })
  assert.deepEqual(
    (await drain(subscriber)).map(({ topic }) => topic),
    [one, two, two],
  )
})

test('[MQTT-3.3.4-3] [MQTT-3.3.4-4] [MQTT-3.3.4-5] the identifiers of all matching subscriptions go with the message, in one copy or one in each', async t => {
  const base = unique()
  const subscriber = await join(t, broker)
  await subscribe(subscriber, [{ filter: `${base}/#` }], property.subscriptionIdentifier(1))
  await subscribe(subscriber, [{ filter: `${base}/+` }], property.subscriptionIdentifier(268_435_455))
  await subscribe(subscriber, [{ filter: `${base}/b` }], property.subscriptionIdentifier(3))
  await publish(await join(t, broker), { topic: `${base}/a` })
  const copies = await drain(subscriber)
  const identifiers = copies.map(({ properties }) =>
    properties.filter(([name]) => name === 'subscriptionIdentifier').map(([, value]) => Number(value)),
  )
  const all = identifiers.flat().sort((a, b) => a - b)
  assert.deepEqual(all, [1, 268_435_455])
  if (copies.length > 1) assert(identifiers.every(each => each.length === 1))
})

test('[MQTT-3.3.4-3] a subscription without an identifier adds none', async t => {
  const topic = unique()
  const subscriber = await join(t, broker)
  await subscribe(subscriber, [{ filter: topic }])
  await publish(await join(t, broker), { topic })
  assert.deepEqual((await subscriber.expectPublish()).properties, [])
})

test('[MQTT-3.3.4-6] a PUBLISH with a subscription identifier ends the connection', async t => {
  const client = await join(t, broker)
  client.send(publishBytes({ topic: unique(), properties: property.subscriptionIdentifier(1) }))
  await client.expectDisconnect(0x82, 0x81)
})

test('[MQTT-3.3.4-7] a client that exceeds the Receive Maximum that it was told is cut off with 0x93', async t => {
  const { client, connack } = await joinWithConnack(t, broker)
  const maximum = Number(new Map(connack.properties).get('receiveMaximum') ?? 65_535)
  for (let packetId = 1; packetId <= maximum; packetId += 1) {
    client.send(publishBytes({ topic: unique(), qos: 2, packetId }))
    await client.expectAcknowledgement('PUBREC')
  }
  await client.expectNothing()
  client.send(publishBytes({ topic: unique(), qos: 2, packetId: maximum + 1 }))
  await client.expectDisconnect(0x93)
})

test('[MQTT-3.3.2-1] a PUBLISH of 3.1.1 has no properties: what would be their length is payload', async t => {
  const topic = unique()
  const subscriber = await join(t, broker, { version: 4 })
  await subscribe(subscriber, topic)
  const publisher = await join(t, broker, { version: 4 })
  const bytes = packetBytes(0x30, lengthPrefixed(topic), hex`00 FF`)
  publisher.send(bytes)
  await subscriber.expect(bytes)
})
