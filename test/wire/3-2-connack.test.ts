// MQTT 5 §3.2: what CONNACK says of the server's limits, and that the server keeps to them. Session Present is tested with
// sessions.

import assert from 'node:assert/strict'
import test from 'node:test'
import { concat } from '../support/bytes.ts'
import { connectBytes, publishBytes, subscribeBytes } from '../support/packet-bytes.ts'
import { property } from '../support/property-bytes.ts'
import {
  dial,
  join,
  joinWithConnack,
  lasting,
  leave,
  publish,
  shareWireBroker,
  startWireBroker,
  subscribe,
  unique,
} from '../support/wire-broker.ts'

const broker = shareWireBroker()
const versions = [4, 5] as const

for (const version of versions) {
  test(`[MQTT-3.2.0-1] [v3.1.1 MQTT-3.2.0-1] CONNACK comes before what was queued for the session, version ${version}`, async t => {
    const clientId = unique('c')
    const topic = unique()
    const first = await join(t, broker, lasting(clientId, version))
    await subscribe(first, topic)
    await leave(first)
    await publish(await join(t, broker, { version }), { topic, qos: 1 })
    const second = await dial(t, broker, version)
    second.send(connectBytes(lasting(clientId, version)))
    await second.expectConnack()
    await second.expectPublish()
  })
}

test('[MQTT-3.2.2-8] [v3.1.1 MQTT-3.2.2-6] CONNACK that accepts names only what a server may tell', async t => {
  const { connack } = await joinWithConnack(t, broker)
  const may = [
    'sessionExpiryInterval',
    'receiveMaximum',
    'maximumQoS',
    'retainAvailable',
    'maximumPacketSize',
    'topicAliasMaximum',
    'reasonString',
    'userProperty',
    'wildcardSubscriptionAvailable',
    'subscriptionIdentifiersAvailable',
    'sharedSubscriptionAvailable',
    'serverKeepAlive',
  ]
  for (const [name] of connack.properties) assert(may.includes(name), name)
})

test('[MQTT-3.2.2-9] a server that does QoS 2 tells no Maximum QoS, one that does not tells it', async t => {
  const full = await joinWithConnack(t, broker)
  assert(!new Map(full.connack.properties).has('maximumQoS'))
  for (const maximum of [0, 1]) {
    const limited = await startWireBroker(t, `allow_anonymous true\nmax_qos ${maximum}`)
    const { connack } = await joinWithConnack(t, limited)
    assert.equal(new Map(connack.properties).get('maximumQoS'), maximum)
  }
})

test('[MQTT-3.2.2-10] a server without QoS 2 accepts subscriptions that ask for it, and delivers', async t => {
  const limited = await startWireBroker(t, 'allow_anonymous true\nmax_qos 1')
  const topic = unique()
  const client = await join(t, limited)
  client.send(subscribeBytes({ packetId: 1, subscriptions: [{ filter: topic, qos: 2 }] }))
  const [granted = 0x80] = (await client.expectSuback()).reasonCodes
  assert(granted <= 2)
  await publish(await join(t, limited), { topic, qos: 1 })
  assert.equal((await client.expectPublish()).qos, 1)
})

test('[MQTT-3.2.2-11] a PUBLISH above the Maximum QoS ends the connection with 0x9B, one at it is taken', async t => {
  const limited = await startWireBroker(t, 'allow_anonymous true\nmax_qos 1')
  const client = await join(t, limited)
  await publish(client, { topic: unique(), qos: 1 })
  client.send(publishBytes({ topic: unique(), qos: 2 }))
  await client.expectDisconnect(0x9b)
})

test('[MQTT-3.2.2-12] a will above the Maximum QoS refuses the connection with 0x9B, one at it does not', async t => {
  const limited = await startWireBroker(t, 'allow_anonymous true\nmax_qos 1')
  await join(t, limited, { will: { topic: 'w', qos: 1 } })
  const client = await dial(t, limited)
  client.send(connectBytes({ clientId: unique('c'), will: { topic: 'w', qos: 2 } }))
  assert.equal((await client.expectConnack()).reasonCode, 0x9b)
  await client.expectClosed()
})

test('[MQTT-3.2.2-13] without retained messages a retained will refuses the connection with 0x9A, another does not', async t => {
  const limited = await startWireBroker(t, 'allow_anonymous true\nretain_available false')
  const { connack } = await joinWithConnack(t, limited, { will: { topic: 'w' } })
  assert.equal(new Map(connack.properties).get('retainAvailable'), 0)
  const client = await dial(t, limited)
  client.send(connectBytes({ clientId: unique('c'), will: { topic: 'w', retain: true } }))
  assert.equal((await client.expectConnack()).reasonCode, 0x9a)
  await client.expectClosed()
})

test('[MQTT-3.2.2-14] without retained messages a retained PUBLISH ends the connection with 0x9A', async t => {
  const limited = await startWireBroker(t, 'allow_anonymous true\nretain_available false')
  const client = await join(t, limited)
  await publish(client, { topic: unique() })
  client.send(publishBytes({ topic: unique(), retain: true }))
  await client.expectDisconnect(0x9a)
})

test('[MQTT-3.2.2-15] a packet above the Maximum Packet Size that was told ends the connection with 0x95, one of that size does not', async t => {
  const limited = await startWireBroker(t, 'allow_anonymous true\nmax_packet_size 100')
  const { client, connack } = await joinWithConnack(t, limited)
  assert.equal(new Map(connack.properties).get('maximumPacketSize'), 100)
  const bytes = (length: number) => publishBytes({ topic: 'topic', payload: 'x'.repeat(length - 2 - 7 - 1) })
  client.send(bytes(100))
  await client.expectNothing()
  client.send(bytes(101))
  await client.expectDisconnect(0x95)
})

test('[MQTT-3.2.2-17] [MQTT-3.3.2-9] [MQTT-3.3.2-12] aliases up to the Topic Alias Maximum that was told are taken, one above ends the connection with 0x94', async t => {
  const { client, connack } = await joinWithConnack(t, broker)
  const maximum = Number(new Map(connack.properties).get('topicAliasMaximum') ?? 0)
  assert(maximum > 0)
  const base = unique()
  const subscriber = await join(t, broker)
  await subscribe(subscriber, [{ filter: `${base}/+` }])
  for (let alias = 1; alias <= maximum; alias += 1) {
    client.send(publishBytes({ topic: `${base}/${alias}`, properties: property.topicAlias(alias) }))
    assert.equal((await subscriber.expectPublish()).topic, `${base}/${alias}`)
  }
  for (let alias = 1; alias <= maximum; alias += 1) {
    client.send(publishBytes({ topic: '', properties: property.topicAlias(alias) }))
    assert.equal((await subscriber.expectPublish()).topic, `${base}/${alias}`)
  }
  client.send(publishBytes({ topic: base, properties: property.topicAlias(maximum + 1) }))
  await client.expectDisconnect(0x94)
})

test('[MQTT-3.2.2-18] a server that told no Topic Alias Maximum refuses every alias', async t => {
  const limited = await startWireBroker(t, 'allow_anonymous true\nmax_topic_alias 0')
  const { client, connack } = await joinWithConnack(t, limited)
  assert.equal(new Map(connack.properties).get('topicAliasMaximum') ?? 0, 0)
  client.send(publishBytes({ topic: 'a', properties: property.topicAlias(1) }))
  await client.expectDisconnect(0x94)
})

test('[MQTT-3.2.2-19] [MQTT-3.2.2-20] a CONNACK never exceeds the Maximum Packet Size, whether it accepts or refuses', async t => {
  for (const extra of [[], [property.authenticationMethod('no such method')]]) {
    const client = await dial(t, broker)
    const properties = concat(property.maximumPacketSize(30), ...extra)
    client.send(connectBytes({ clientId: unique('c'), properties }))
    assert((await client.expectPacket('CONNACK')).bytes.length <= 30)
  }
})

test('[MQTT-3.2.2-22] [MQTT-3.2.2-21] a Server Keep Alive is told only when the own value is above the allowed', async t => {
  const limited = await startWireBroker(t, 'allow_anonymous true\nmax_keepalive 100')
  const told = async (keepAlive: number) =>
    new Map((await joinWithConnack(t, limited, { keepAlive })).connack.properties).get('serverKeepAlive')
  assert.deepEqual([await told(60), await told(100), await told(101), await told(0)], [undefined, undefined, 100, 100])
})
