// MQTT 5 §4.7 and 3.1.1 §4.7: topic names and topic filters.

import assert from 'node:assert/strict'
import test from 'node:test'
import { publishBytes, subscribeBytes } from '../support/packet-bytes.ts'
import type { RawClient } from '../support/raw-client.ts'
import { drain, join, publish, shareWireBroker, startWireBroker, subscribe, unique } from '../support/wire-broker.ts'

const broker = shareWireBroker()
const versions = [4, 5] as const

/** A filter that is refused gets a failure in SUBACK, or ends the connection. */
async function expectFilterRefused(client: RawClient, filter: string): Promise<void> {
  client.send(subscribeBytes({ version: client.version, subscriptions: [{ filter }] }))
  const packet = await client.packetOrEnd()
  if (packet?.name === 'SUBACK') assert(packet.body.at(-1)! >= 0x80, 'SUBACK refuses')
  else assert.equal(packet?.name, client.version === 5 ? 'DISCONNECT' : undefined)
}

for (const version of versions) {
  for (const filter of ['a#', 'a/#/b', '#/a', 'a/b#', '##', 'a/##']) {
    test(`[MQTT-4.7.1-1] [v3.1.1 MQTT-4.7.1-2] filter '${filter}' is refused: # stands alone and last, version ${version}`, async t =>
      expectFilterRefused(await join(t, broker, { version }), filter))
  }

  for (const filter of ['a+', '+a', 'a/b+/c', '++', 'a/+b', '+#']) {
    test(`[MQTT-4.7.1-2] [v3.1.1 MQTT-4.7.1-3] filter '${filter}' is refused: + takes a whole level, version ${version}`, async t =>
      expectFilterRefused(await join(t, broker, { version }), filter))
  }

  test(`[MQTT-4.7.3-1] [v3.1.1 MQTT-4.7.3-1] an empty filter is refused, version ${version}`, async t =>
    expectFilterRefused(await join(t, broker, { version }), ''))

  test(`[MQTT-4.7.3-1] [v3.1.1 MQTT-4.7.3-1] an empty topic name ends the connection, version ${version}`, async t => {
    const client = await join(t, broker, { version })
    client.send(publishBytes({ version, topic: '' }))
    await client.expectDisconnect(0x82, 0x81, 0x90)
  })

  for (const [filter, matches, differs] of [
    [
      '@/tennis/#',
      ['@/tennis', '@/tennis/', '@/tennis/1', '@/tennis/1/score'],
      ['@', '@/tennisx', '@/Tennis/1', 'x/@/tennis'],
    ],
    ['@/+', ['@/', '@/a'], ['@', '@/a/b', '@/a/']],
    ['@/+/c', ['@/b/c', '@//c'], ['@/c', '@/b/b/c', '@/b/c/']],
    ['@/+/+', ['@//', '@/a/b'], ['@/a']],
    ['+/@/#', ['x/@', '/@/y', 'x/@/y/z'], ['@', 'x/y/@']],
    ['/@', ['/@'], ['@', '/@/']],
    ['@/', ['@/'], ['@']],
  ] as const) {
    test(`[MQTT-4.7.1-1] [MQTT-4.7.1-2] [v3.1.1 MQTT-4.7.1-2] [v3.1.1 MQTT-4.7.1-3] filter '${filter}' matches what it should and nothing else, version ${version}`, async t => {
      const base = unique()
      const at = (text: string) => text.replace('@', base)
      const client = await join(t, broker, { version })
      await subscribe(client, [{ filter: at(filter) }])
      const publisher = await join(t, broker, { version })
      for (const topic of [...matches, ...differs]) await publish(publisher, { topic: at(topic) })
      assert.deepEqual(
        (await drain(client)).map(({ topic }) => topic),
        matches.map(at),
      )
    })
  }

  test(`[MQTT-4.7.1-1] [v3.1.1 MQTT-4.7.1-2] # alone matches every topic, version ${version}`, async t => {
    const alone = await startWireBroker(t)
    const client = await join(t, alone, { version })
    await subscribe(client, [{ filter: '#' }])
    const publisher = await join(t, alone, { version })
    const topics = ['a', '/', '/a/', 'a/b/c/d', ' ']
    for (const topic of topics) await publish(publisher, { topic })
    assert.deepEqual(
      (await drain(client)).map(({ topic }) => topic),
      topics,
    )
  })

  test(`[MQTT-4.7.2-1] [v3.1.1 MQTT-4.7.2-1] filters that begin with a wildcard do not match names that begin with $, version ${version}`, async t => {
    const base = unique()
    const client = await join(t, broker, { version })
    await subscribe(client, [{ filter: '#' }, { filter: `+/${base}` }, { filter: `+/${base}/#` }, { filter: `+/+` }])
    const exact = await join(t, broker, { version })
    await subscribe(exact, [{ filter: `$own/${base}` }])
    const pattern = await join(t, broker, { version })
    await subscribe(pattern, [{ filter: `$own/+` }])
    await publish(await join(t, broker, { version }), { topic: `$own/${base}` })
    assert.deepEqual(
      (await drain(client)).filter(({ topic }) => topic.startsWith('$')),
      [],
    )
    assert.equal((await drain(exact)).length, 1)
    assert.equal((await drain(pattern)).filter(({ topic }) => topic.endsWith(base)).length, 1)
  })

  test(`[MQTT-4.7.2-1] [v3.1.1 MQTT-4.7.2-1] retained $-topics come to their own filters only, version ${version}`, async t => {
    const base = unique()
    await publish(await join(t, broker, { version }), { topic: `$own/${base}`, retain: true, payload: 'x' })
    const client = await join(t, broker, { version })
    await subscribe(client, [{ filter: '#' }, { filter: `+/${base}` }])
    assert.deepEqual(
      (await drain(client)).filter(({ topic }) => topic.startsWith('$')),
      [],
    )
    await subscribe(client, [{ filter: `$own/${base}` }])
    assert.equal((await drain(client)).length, 1)
  })

  test(`[MQTT-4.7.3-3] [v3.1.1 MQTT-4.7.3-3] a name and a filter of 65,535 bytes are taken or refused, but never cut, version ${version}`, async t => {
    const topic = unique().padEnd(65_535, 'x')
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, [{ filter: topic }])
    const publisher = await join(t, broker, { version })
    await publish(publisher, { topic: topic.slice(0, -1), payload: 'shorter' })
    await publish(publisher, { topic, payload: 'whole' })
    const [only, ...more] = await drain(subscriber)
    assert.deepEqual([only?.payload, only?.topic.length, more.length], ['whole', 65_535, 0])
  })

  test(`[MQTT-4.7.3-4] [v3.1.1 MQTT-4.7.3-4] matching changes no character: neither letter case, nor Unicode form, nor spaces, nor slashes, version ${version}`, async t => {
    const base = unique()
    const names = ['e\u0301', '\u00e9', 'E', 'e', ' e', 'e ', '/e', 'e/', 'e//', '..', '%65'].map(
      each => `${base}/${each}`,
    )
    const client = await join(t, broker, { version })
    const publisher = await join(t, broker, { version })
    for (const filter of names) {
      await subscribe(client, [{ filter }])
      for (const topic of names) await publish(publisher, { topic })
      const got = (await drain(client)).map(({ topic }) => topic)
      assert(got.includes(filter))
      assert.deepEqual(
        got,
        names.filter(topic => names.indexOf(topic) <= names.indexOf(filter)),
      )
    }
  })

  test(`[MQTT-4.7.0-1] [v3.1.1 MQTT-4.7.1-1] a will topic with a wildcard is refused, version ${version}`, async t => {
    for (const topic of ['a/#', '+/a']) {
      await assert.rejects(join(t, broker, { version, will: { topic } }))
    }
  })
}
