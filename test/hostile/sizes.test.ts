// Names, depths, lists and numbers at the far end of what MQTT allows, on the real broker: each gets a defined answer, below
// the limit it works, and nobody else waits for it.

import assert from 'node:assert/strict'
import test from 'node:test'
import { concat } from '../support/bytes.ts'
import {
  connectBytes,
  disconnectBytes,
  publishBytes,
  subscribeBytes,
  unsubscribeBytes,
} from '../support/packet-bytes.ts'
import { processorMsOf } from '../support/processor.ts'
import { property } from '../support/property-bytes.ts'
import type { RawClient } from '../support/raw-client.ts'
import {
  dial,
  drain,
  join,
  publish,
  settled,
  startWireBroker,
  subscribe,
  unique,
  type WireBroker,
} from '../support/wire-broker.ts'

const versions = [4, 5] as const
const open = 'allow_anonymous true'
const longestText = 65_535
const anyDepth = 'max_topic_levels 65535\nmax_subscription_levels_per_client 10000000'

/** A topic of so many levels; above 32,768 no UTF-8 string of MQTT has room for more. */
const deep = (levels: number) => `${'a/'.repeat(levels - 1)}a`

// Topics a thousand levels deep (max_topic_levels)

for (const version of versions) {
  test(`max_topic_levels: a topic a thousand levels deep is refused in PUBLISH, SUBSCRIBE and will, version ${version}`, async t => {
    const broker = await startWireBroker(t, open)
    const subscriber = await join(t, broker, { version })
    subscriber.send(
      subscribeBytes({ version, packetId: 2, subscriptions: [{ filter: deep(1000) }, { filter: deep(200) }] }),
    )
    assert.deepEqual((await subscriber.expectSuback()).reasonCodes, [version === 5 ? 0x8f : 0x80, 0])
    subscriber.send(unsubscribeBytes({ version, packetId: 3, filters: [deep(1000)] }))
    assert.deepEqual((await subscriber.expectUnsuback()).reasonCodes, version === 5 ? [0x11] : [])
    await publish(await join(t, broker), { topic: deep(200), qos: 1 })
    assert.equal((await subscriber.expectPublish()).topic, deep(200))
  })

  test(`max_topic_levels: who publishes a thousand levels deep is disconnected, version ${version}`, async t => {
    const broker = await startWireBroker(t, open)
    const publisher = await join(t, broker, { version })
    publisher.send(publishBytes({ version, topic: deep(1000), qos: 1 }))
    await publisher.expectDisconnect(0x90)
    const dying = await dial(t, broker, version)
    dying.send(connectBytes({ version, clientId: unique('c'), will: { topic: deep(1000) } }))
    assert.equal((await dying.expectConnack()).reasonCode, version === 5 ? 0x90 : 3)
    await dying.expectClosed()
  })
}

for (const levels of [1000, 32_768]) {
  test(`max_topic_levels: when it is raised, ${levels} levels work in PUBLISH, SUBSCRIBE, will and retained messages`, async t => {
    const broker = await startWireBroker(t, `${open}\n${anyDepth}`)
    const client = await join(t, broker)
    const topic = deep(levels)
    for (const filter of [topic, '#', `${'+/'.repeat(levels - 1)}+`]) await subscribe(client, filter)
    await publish(await join(t, broker), { topic, qos: 1, retain: true, payload: 'deep' })
    await settledBy(client, 3, topic)
    const dying = await join(t, broker, { will: { topic, payload: 'gone' } })
    dying.breakOff()
    await settledBy(client, 3, topic)
    const late = await join(t, broker)
    await subscribe(late, `${'+/'.repeat(levels - 1)}#`)
    assert.equal((await late.expectPublish()).payload, 'deep')
    late.send(unsubscribeBytes({ filters: [`${'+/'.repeat(levels - 1)}#`] }))
    assert.deepEqual((await late.expectUnsuback()).reasonCodes, [0])
    await publish(late, { topic, qos: 1, retain: true })
    await settledBy(client, 3, topic)
  })
}

async function settledBy(client: RawClient, count: number, topic: string): Promise<void> {
  for (let i = 0; i < count; i += 1) assert.equal((await client.expectPublish()).topic, topic)
}

test('max_subscription_levels_per_client: filters whose levels together pass it are refused; less deep ones still fit', async t => {
  const broker = await startWireBroker(t, `${open}\nmax_subscription_levels_per_client 500`)
  const client = await join(t, broker)
  const filters = [deep(200), `+/${deep(199)}`, `+/+/${deep(198)}`, 'a/b']
  client.send(subscribeBytes({ subscriptions: filters.map(filter => ({ filter, qos: 1 })) }))
  assert.deepEqual((await client.expectSuback()).reasonCodes, [1, 1, 0x97, 1])
  await publish(await join(t, broker), { topic: deep(200), qos: 0 })
  assert.equal((await drain(client)).length, 2)
})

test('two hundred filters with hundreds of wildcards each do not make a deep topic explode', async t => {
  const broker = await startWireBroker(t, `${open}\n${anyDepth}`)
  const [client, neighbour] = [await join(t, broker), await join(t, broker)]
  const levels = 1000
  for (let i = 0; i < 10; i += 1) {
    const filters = Array.from({ length: 20 }, (_, k) => alternating(levels, i * 20 + k))
    await subscribe(
      client,
      filters.map(filter => ({ filter, qos: 0 })),
    )
  }
  client.send(publishBytes({ topic: deep(levels) }))
  await assertPrompt(broker, neighbour)
  assert.equal((await drain(client)).length, 200)
})

/** `a` and `+` in a pattern of its own for each seed, so that filters share few nodes. */
function alternating(levels: number, seed: number): string {
  return Array.from({ length: levels }, (_, level) => ((seed >> (level % 10)) & 1 ? '+' : 'a')).join('/')
}

/** The broker is not busy for long with what others have just sent. */
async function assertPrompt(broker: WireBroker, client: RawClient): Promise<void> {
  const before = await processorMsOf(broker.process)
  await settled(client)
  const busyMs = (await processorMsOf(broker.process)) - before
  assert(busyMs < 1500, `until a ping was answered the broker was busy for ${busyMs} ms`)
}

// Client ids (max_client_id_length)

for (const version of versions) {
  test(`max_client_id_length: a client id of 65,535 bytes is refused, version ${version}`, async t => {
    const broker = await startWireBroker(t, open)
    const client = await dial(t, broker, version)
    client.send(connectBytes({ version, clientId: 'i'.repeat(longestText) }))
    assert.equal((await client.expectConnack()).reasonCode, version === 5 ? 0x85 : 2)
    await client.expectClosed()
    await join(t, broker, { version, clientId: 'i'.repeat(1024) })
    assertShortLines(broker)
  })

  test(`max_client_id_length: when it is raised, 65,535 bytes work, the log shows their beginning, version ${version}`, async t => {
    const broker = await startWireBroker(t, `${open}\nmax_client_id_length 65535\nlog_type all`)
    const clientId = 'é'.repeat(longestText >> 1)
    const first = await join(t, broker, { version, clientId, username: 'u'.repeat(longestText) })
    await join(t, broker, { version, clientId: `${clientId}x`, username: 'u'.repeat(longestText) })
    await settled(first)
    await join(t, broker, { version, clientId, username: 'u'.repeat(longestText) })
    await first.expectDisconnect(0x8e)
    assertShortLines(broker)
  })
}

function assertShortLines({ process }: WireBroker): void {
  assert.deepEqual(
    process.lines.filter(line => line.length > 1000),
    [],
  )
}

// Topics and properties as long as they can be

test('a topic of 65,535 bytes works in PUBLISH, SUBSCRIBE, will and retained messages, and under an alias', async t => {
  const broker = await startWireBroker(t, `${open}\nlog_type all`)
  const client = await join(t, broker, { properties: property.topicAliasMaximum(1) })
  const topic = 't'.repeat(longestText)
  await subscribe(client, topic)
  const other = await join(t, broker, { will: { topic, payload: 'gone' } })
  await publish(other, { topic, qos: 2, retain: true, payload: '1', properties: property.topicAlias(1) })
  await publish(other, { topic: '', qos: 1, payload: '2', properties: property.topicAlias(1) })
  other.breakOff()
  const messages = [await client.expectPublish(), await client.expectPublish(), await client.expectPublish()]
  assert.deepEqual(
    messages.map(({ payload, topic: { length } }) => [payload, length]),
    [
      ['1', longestText],
      ['2', 0],
      ['gone', 0],
    ],
  )
  assertShortLines(broker)
})

/** As many as a packet may repeat a property; each takes some hundred bytes of memory, and five on the wire. */
const mostProperties = 1000
const listed = (count: number) =>
  concat(...Array.from({ length: count }, (_, i) => property.userProperty(`${i}`, 'v'.repeat(10))))

test('a thousand user properties arrive in order; one more, and a hundred thousand, are refused as over the quota', async t => {
  const broker = await startWireBroker(t, open)
  const [sender, receiver, plain] = [
    await join(t, broker),
    await join(t, broker),
    await join(t, broker, { version: 4 }),
  ]
  await subscribe(receiver, 'listed')
  await subscribe(plain, 'listed')
  await publish(sender, { topic: 'listed', qos: 1, payload: 'p', properties: listed(mostProperties) })
  const arrived = await receiver.expectPublish()
  assert.deepEqual(
    arrived.properties.map(([, value]) => value),
    Array.from({ length: mostProperties }, (_, i) => `${i}=vvvvvvvvvv`),
  )
  assert.equal((await plain.expectPublish()).payload, 'p')
  for (const count of [mostProperties + 1, 100_000]) {
    const greedy = await join(t, broker)
    greedy.send(publishBytes({ topic: 'listed', qos: 1, properties: listed(count) }))
    await greedy.expectDisconnect(0x97)
  }
  await receiver.expectNothing()
})

test('a CONNECT and its will may carry a thousand user properties each, which the will passes on; no more', async t => {
  const broker = await startWireBroker(t, open)
  const watcher = await join(t, broker)
  await subscribe(watcher, 'will')
  const properties = listed(mostProperties)
  const dying = await join(t, broker, { properties, will: { topic: 'will', properties } })
  dying.breakOff()
  assert.equal((await watcher.expectPublish()).properties.length, mostProperties)
  const greedy = await dial(t, broker)
  greedy.send(connectBytes({ properties: listed(mostProperties + 1) }))
  await greedy.expectClosed()
})

// A hundred thousand subscriptions in one session (max_subscriptions_per_client)

const perPacket = 1000
const packets = 100

/** @returns how often each reason code was given */
async function subscribeOften(client: RawClient): Promise<Record<number, number>> {
  const counts: Record<number, number> = {}
  for (let packet = 0; packet < packets; packet += 1) {
    const subscriptions = Array.from({ length: perPacket }, (_, i) => ({ filter: `many/${packet}/${i}/+`, qos: 1 }))
    client.send(subscribeBytes({ version: client.version, packetId: packet + 1, subscriptions }))
    for (const code of (await client.expectSuback()).reasonCodes) counts[code] = (counts[code] ?? 0) + 1
  }
  return counts
}

for (const version of versions) {
  test(`max_subscriptions_per_client: of 100,000 subscriptions the first 10,000 are granted and the others refused, version ${version}`, async t => {
    const broker = await startWireBroker(t, open)
    const client = await join(t, broker, { version })
    assert.deepEqual(await subscribeOften(client), { 1: 10_000, [version === 5 ? 0x97 : 0x80]: 90_000 })
    await publish(await join(t, broker), { topic: 'many/9/999/x', qos: 1 })
    assert.equal((await client.expectPublish()).topic, 'many/9/999/x')
    client.send(unsubscribeBytes({ version, packetId: 1, filters: ['many/0/0/+'] }))
    await client.expectUnsuback()
    await subscribe(client, 'there is room again')
  })
}

test('max_subscriptions_per_client: when it is raised, 100,000 subscriptions work, and a disconnect frees them at once', async t => {
  const broker = await startWireBroker(t, `${open}\n${anyDepth}\nmax_subscriptions_per_client 100000`)
  const [client, neighbour] = [await join(t, broker), await join(t, broker)]
  assert.deepEqual(await subscribeOften(client), { 1: 100_000 })
  for (const topic of ['many/0/0/x', 'many/50/500/x', 'many/99/999/x']) {
    await publish(neighbour, { topic, qos: 1 })
    assert.equal((await client.expectPublish()).topic, topic)
  }
  client.send(disconnectBytes())
  await client.expectClosed()
  await assertPrompt(broker, neighbour)
  assert.equal(await publishedTo(neighbour, 'many/50/500/x'), 0x10)
})

test('max_subscriptions_per_client: a hundred thousand members of shared groups are freed as quickly', async t => {
  const broker = await startWireBroker(t, `${open}\n${anyDepth}\nmax_subscriptions_per_client 100000`)
  const [client, neighbour] = [await join(t, broker), await join(t, broker)]
  for (let packet = 0; packet < packets; packet += 1) await subscribeShared(client, packet)
  await publish(neighbour, { topic: 'one', qos: 0 })
  client.breakOff()
  await assertPrompt(broker, neighbour)
})

async function subscribeShared(client: RawClient, packet: number): Promise<void> {
  const subscriptions = Array.from({ length: perPacket }, (_, i) => ({ filter: `$share/${packet}-${i}/one/#` }))
  client.send(subscribeBytes({ packetId: packet + 1, subscriptions }))
  await client.expectSuback()
}

async function publishedTo(client: RawClient, topic: string): Promise<number> {
  client.send(publishBytes({ topic, qos: 1, packetId: 9 }))
  return (await client.expectAcknowledgement('PUBACK')).reasonCode
}
