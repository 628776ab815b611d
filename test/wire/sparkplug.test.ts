// mosquitto_sparkplug_aware.so: birth certificates are there for whoever comes later (Sparkplug 3.0, conformance of a
// Sparkplug Aware server: tck-id-conformance-mqtt-aware-…).

import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { startBroker } from '../support/broker-process.ts'
import { connectBytes } from '../support/packet-bytes.ts'
import { connectRaw } from '../support/raw-client.ts'
import { join, publish, settled, startWireBroker, subscribe, type WireBroker } from '../support/wire-broker.ts'

const plugin = 'allow_anonymous true\nplugin /usr/lib/mosquitto_sparkplug_aware.so'
const certificates = '$sparkplug/certificates/spBv1.0'

/** What is retained below `$sparkplug`, or comes there until it is as much as is waited for. */
async function kept(t: TestContext, broker: WireBroker, count: number): Promise<readonly string[]> {
  const reader = await join(t, broker)
  await subscribe(reader, [{ filter: '$sparkplug/#', qos: 0, retainAsPublished: true }])
  const found = new Set<string>()
  while (found.size < count) {
    const { topic, payload, retain } = await reader.expectPublish()
    found.add(`${topic} ${payload} ${retain}`)
  }
  return [...found].toSorted()
}

test('tck-id-conformance-mqtt-aware-nbirth-mqtt-topic, -dbirth-mqtt-topic: birth certificates are retained below $sparkplug, unchanged', async t => {
  const broker = await startWireBroker(t, plugin)
  const node = await join(t, broker, { version: 4 })
  await publish(node, { topic: 'spBv1.0/group/NBIRTH/node', payload: 'first' })
  await publish(node, { topic: 'spBv1.0/group/DBIRTH/node/device', payload: 'device', qos: 1 })
  assert.deepEqual(await kept(t, broker, 2), [
    `${certificates}/group/DBIRTH/node/device device true`,
    `${certificates}/group/NBIRTH/node first true`,
  ])
  const watcher = await join(t, broker)
  await subscribe(watcher, `${certificates}/group/NBIRTH/node`)
  assert.equal((await watcher.expectPublish()).payload, 'first')
  await publish(node, { topic: 'spBv1.0/group/NBIRTH/node', payload: 'second' })
  assert.equal((await watcher.expectPublish()).payload, 'second')
})

test('mosquitto-conf 6 mosquitto_sparkplug_aware: nothing else is kept, and without the plugin nothing at all', async t => {
  const broker = await startWireBroker(t, plugin)
  const node = await join(t, broker)
  for (const topic of ['spBv1.0/g/NDATA/n', 'spBv1.0/g/NDEATH/n', 'spBv1.0/g/NBIRTH/n/x', 'other/g/NBIRTH/n']) {
    await publish(node, { topic, payload: 'x', qos: 1 })
  }
  await publish(node, { topic: 'spBv1.0/g/NBIRTH/n', payload: 'birth', qos: 1 })
  assert.deepEqual(await kept(t, broker, 1), [`${certificates}/g/NBIRTH/n birth true`])
  const plain = await startWireBroker(t)
  const other = await join(t, plain)
  await publish(other, { topic: 'spBv1.0/g/NBIRTH/n', payload: 'birth', qos: 1 })
  await settled(other)
  const reader = await join(t, plain)
  await subscribe(reader, '$sparkplug/#')
  await reader.expectNothing()
})

test('mosquitto-conf 6 mosquitto_sparkplug_aware: certificates outlive the broker, and many come through at once', async t => {
  const config = ({ port, dir }: { port: number; dir: string }) =>
    `listener ${port} 127.0.0.1\n${plugin}\npersistence true\npersistence_location ${dir}\nmax_inflight_messages 3\nmax_queued_messages 0\nmax_keepalive 60\n`
  const first = await startBroker(t, { config })
  const node = await join(t, { port: first.port, process: first })
  for (let i = 1; i <= 100; i++) await publish(node, { topic: `spBv1.0/g/NBIRTH/n${i}`, payload: `${i}`, qos: 1 })
  const before = await kept(t, { port: first.port, process: first }, 100)
  const { dir } = first
  assert.equal((await first.stop()).code, 0)
  const second = await startBroker(t, { config: place => config({ port: place.port, dir }) })
  assert.deepEqual(await kept(t, { port: second.port, process: second }, 100), before)
})

test('mosquitto-conf 6 mosquitto_sparkplug_aware: nobody else can take its place, and its end comes with the end of the broker', async t => {
  const broker = await startWireBroker(t, `${plugin}\nlog_type all`)
  const [, clientId = ''] = await broker.process.waitForLine(/ as (sparkplug-aware-\S+) /)
  const other = await connectRaw(t, { port: broker.port })
  other.send(connectBytes({ clientId }))
  assert.equal((await other.expectConnack()).reasonCode, 0x85)
  assert.equal((await broker.process.stop()).code, 0)
})
