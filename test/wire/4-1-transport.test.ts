// MQTT 5 §4.2, 3.1.1 §4.2 and §7.1.1: a byte stream in which packets begin and end anywhere.

import assert from 'node:assert/strict'
import test from 'node:test'
import { concat } from '../support/bytes.ts'
import { connectBytes, publishBytes, subscribeBytes } from '../support/packet-bytes.ts'
import { dial, join, shareWireBroker, subscribe, unique } from '../support/wire-broker.ts'

const broker = shareWireBroker()

for (const version of [4, 5] as const) {
  test(`[MQTT-4.2.0-1] [v3.1.1 MQTT-7.1.1-1] packets may arrive byte by byte, version ${version}`, async t => {
    const client = await dial(t, broker, version)
    const topic = unique()
    const connect = connectBytes({ version, clientId: unique('c') })
    const rest = concat(
      subscribeBytes({ version, subscriptions: [{ filter: topic }] }),
      publishBytes({ version, topic, payload: 'x'.repeat(200) }),
    )
    for (const byte of concat(connect, rest)) {
      await new Promise<void>(resolve => client.socket.write(Uint8Array.of(byte), () => resolve()))
    }
    await client.expectConnack()
    await client.expectSuback()
    assert.equal((await client.expectPublish()).payload, 'x'.repeat(200))
  })

  test(`[MQTT-4.2.0-1] [v3.1.1 MQTT-7.1.1-1] many packets may arrive in one piece, and keep their order, version ${version}`, async t => {
    const topic = unique()
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, [{ filter: topic }])
    const client = await dial(t, broker, version)
    const payloads = Array.from({ length: 500 }, (_, number) => `${number}`)
    const publishes = payloads.map(payload => publishBytes({ version, topic, payload }))
    client.send(connectBytes({ version, clientId: unique('c') }), ...publishes)
    for (const payload of payloads) assert.equal((await subscriber.expectPublish()).payload, payload)
  })

  test(`[MQTT-4.2.0-1] a message of a megabyte passes whole, version ${version}`, async t => {
    const topic = unique()
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, [{ filter: topic }])
    const payload = 'abcdefgh'.repeat(131_072)
    const publisher = await join(t, broker, { version })
    publisher.send(publishBytes({ version, topic, payload }))
    assert.equal((await subscriber.expectPublish()).payload, payload)
  })
}
