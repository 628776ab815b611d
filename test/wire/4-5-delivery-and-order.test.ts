// MQTT 5 §4.5 and §4.6, 3.1.1 §4.5 and §4.6: every matching session gets a message, in order.

import assert from 'node:assert/strict'
import test from 'node:test'
import { acknowledgementBytes, publishBytes } from '../support/packet-bytes.ts'
import type { RawClient } from '../support/raw-client.ts'
import { drain, join, lasting, leave, publish, shareWireBroker, subscribe, unique } from '../support/wire-broker.ts'

const broker = shareWireBroker()
const versions = [4, 5] as const

/** Takes `count` messages, acknowledging each by its QoS, and returns the payloads. */
async function takeAll(client: RawClient, count: number): Promise<string[]> {
  const payloads: string[] = []
  while (payloads.length < count) {
    const packet = await client.nextPacket('PUBLISH')
    const packetId = Buffer.from(packet.body).readUInt16BE(0)
    if (packet.name === 'PUBREL') {
      client.send(acknowledgementBytes('PUBCOMP', packetId))
      continue
    }
    assert.equal(packet.name, 'PUBLISH')
    const topicLength = packetId
    const qos = (packet.flags >> 1) & 3
    const id = qos > 0 ? Buffer.from(packet.body).readUInt16BE(2 + topicLength) : 0
    const head = 2 + topicLength + (qos > 0 ? 2 : 0) + (client.version === 5 ? 1 : 0)
    payloads.push(Buffer.from(packet.body.subarray(head)).toString())
    if (qos === 1) client.send(acknowledgementBytes('PUBACK', id))
    if (qos === 2) client.send(acknowledgementBytes('PUBREC', id))
  }
  return payloads
}

const numbers = (count: number) => Array.from({ length: count }, (_, number) => String(number))

for (const version of versions) {
  for (const qos of [1, 2]) {
    test(`[MQTT-4.5.0-1] [v3.1.1 MQTT-4.5.0-1] [v3.1.1 MQTT-3.1.2-5] a QoS ${qos} message reaches every matching session, present or absent, and no other, version ${version}`, async t => {
      const base = unique()
      const filters = [`${base}/a`, `${base}/+`, `${base}/#`, '#']
      const present = await join(t, broker, { version })
      await subscribe(present, [{ filter: `${base}/a`, qos }])
      const other = await join(t, broker, { version })
      await subscribe(other, [{ filter: `${base}/b`, qos }])
      const absent = []
      for (const filter of filters) {
        const fields = lasting(unique('c'), version)
        const client = await join(t, broker, fields)
        await subscribe(client, [{ filter, qos }])
        await leave(client)
        absent.push(fields)
      }
      await publish(await join(t, broker, { version }), { topic: `${base}/a`, qos, payload: 'x' })
      assert.equal((await present.expectPublish()).payload, 'x')
      await other.expectNothing()
      for (const fields of absent) {
        const queued = (await drain(await join(t, broker, fields))).filter(({ topic }) => topic.startsWith(base))
        assert.deepEqual(
          queued.map(message => [message.payload, message.qos]),
          [['x', qos]],
        )
      }
    })
  }

  for (const qos of [0, 1, 2]) {
    test(`[MQTT-4.6.0-5] [MQTT-4.6.0-6] [v3.1.1 MQTT-4.6.0-5] [v3.1.1 MQTT-4.6.0-6] messages of QoS ${qos} from one client come in their order, version ${version}`, async t => {
      const topic = unique()
      const subscriber = await join(t, broker, { version })
      await subscribe(subscriber, topic)
      const publisher = await join(t, broker, { version })
      const count = 100
      const publishing = async () => {
        for (const payload of numbers(count)) await publish(publisher, { topic, qos, payload })
      }
      const [payloads] = await Promise.all([takeAll(subscriber, count), publishing()])
      assert.deepEqual(payloads, numbers(count))
    })
  }

  test(`[MQTT-4.6.0-5] [v3.1.1 MQTT-4.6.0-6] messages of QoS 2 come in the order in which they were published, also when their PUBRELs are not, version ${version}`, async t => {
    const topic = unique()
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, [{ filter: topic }])
    const publisher = await join(t, broker, { version })
    publisher.send(
      publishBytes({ version, topic, qos: 2, packetId: 1, payload: '0' }),
      publishBytes({ version, topic, qos: 2, packetId: 2, payload: '1' }),
    )
    for (let count = 0; count < 2; count += 1) await publisher.expectAcknowledgement('PUBREC')
    publisher.send(acknowledgementBytes('PUBREL', 1), acknowledgementBytes('PUBREL', 2))
    for (let count = 0; count < 2; count += 1) await publisher.expectAcknowledgement('PUBCOMP')
    assert.deepEqual(
      (await drain(subscriber)).map(({ payload }) => payload),
      ['0', '1'],
    )
  })

  test(`[v3.1.1 MQTT-4.6.0-1] [v3.1.1 MQTT-4.4.0-1] [MQTT-4.4.0-1] [MQTT-4.6.0-5] what was in flight is sent again in its order, and before what was queued, version ${version}`, async t => {
    const topic = unique()
    const fields = lasting(unique('c'), version)
    const first = await join(t, broker, fields)
    await subscribe(first, topic)
    const publisher = await join(t, broker, { version })
    for (const payload of numbers(5)) await publish(publisher, { topic, qos: 1 + (Number(payload) % 2), payload })
    const sent = await drain(first)
    await leave(first)
    await publish(publisher, { topic, qos: 1, payload: '5' })
    const second = await join(t, broker, fields)
    const again = await drain(second)
    assert.deepEqual(
      again.map(({ payload }) => payload),
      numbers(6),
    )
    assert.deepEqual(
      again.slice(0, 5).map(({ packetId }) => packetId),
      sent.map(({ packetId }) => packetId),
    )
    assert.deepEqual(
      again.map(({ dup }) => dup),
      [true, true, true, true, true, false],
    )
  })

  test(`[MQTT-4.6.0-5] [v3.1.1 MQTT-4.6.0-6] a queue longer than what may be in flight is delivered in its order after reconnection, version ${version}`, async t => {
    const topic = unique()
    const fields = lasting(unique('c'), version)
    const first = await join(t, broker, fields)
    await subscribe(first, topic)
    await leave(first)
    const publisher = await join(t, broker, { version })
    for (const payload of numbers(60)) await publish(publisher, { topic, qos: 1, payload })
    assert.deepEqual(await takeAll(await join(t, broker, fields), 60), numbers(60))
  })
}
