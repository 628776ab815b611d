// Floods against the real broker: its memory stays where it was, whoever takes no answers is cut off by `write_timeout`, and
// a neighbour is served all the while.

import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import test, { type TestContext } from 'node:test'
import { connectMqttJs } from '../support/clients.ts'
import { memoryOf } from '../support/memory.ts'
import { connectBytes, pingreqBytes, publishBytes, subscribeBytes, unsubscribeBytes } from '../support/packet-bytes.ts'
import type { RawClient } from '../support/raw-client.ts'
import {
  dial,
  join,
  publish,
  settled,
  startWireBroker,
  subscribe,
  unique,
  type WireBroker,
} from '../support/wire-broker.ts'

const open = 'allow_anonymous true\nconnection_messages false'

/** Runs a flood and tells by how many MiB the broker has grown at its end. */
async function growth(broker: WireBroker, flood: () => Promise<unknown>): Promise<number> {
  const before = await memoryOf(broker.process)
  await flood()
  return (await memoryOf(broker.process)) - before
}

/** Garbage that was not collected yet looks like growth; what a flood is worth in memory is several times this. */
const flatMiB = 200

/** Writes `chunk` again and again, as fast as the socket takes it, until the broker ends the connection. */
async function floodUntilCutOff({ socket }: RawClient, chunk: Uint8Array): Promise<void> {
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  while (!socket.destroyed) {
    if (!socket.write(chunk)) await Promise.race([once(socket, 'drain').catch(() => {}), closed])
  }
}

const repeated = (bytes: Uint8Array, times: number) => Buffer.concat(Array<Uint8Array>(times).fill(bytes))

const greedy: readonly { readonly what: string; readonly bytes: Uint8Array }[] = [
  { what: 'PINGREQ', bytes: pingreqBytes },
  { what: 'PUBLISH at QoS 1', bytes: publishBytes({ topic: 'flood', qos: 1, payload: 'x' }) },
  { what: 'PUBLISH at QoS 2', bytes: publishBytes({ topic: 'flood', qos: 2, payload: 'x' }) },
  { what: 'SUBSCRIBE', bytes: subscribeBytes({ subscriptions: [{ filter: 'flood/+' }] }) },
  { what: 'UNSUBSCRIBE', bytes: unsubscribeBytes({ filters: ['no/such'] }) },
]

for (const { what, bytes } of greedy) {
  test(`write_timeout: a client that floods with ${what} and reads no answer is not read on, and then cut off`, async t => {
    // At a rate of subscriptions the answers that are not read come too slowly for this test.
    const broker = await startWireBroker(t, `${open}\nwrite_timeout 2\nmax_subscribe_rate 0`)
    const neighbour = await join(t, broker)
    const flooder = await join(t, broker)
    flooder.socket.pause()
    const grown = await growth(broker, () => floodUntilCutOff(flooder, repeated(bytes, 10_000)))
    assert(grown < flatMiB, `the broker grew by ${grown.toFixed()} MiB`)
    await settled(neighbour)
    await subscribe(neighbour, 'flood/over')
  })
}

test('a client that floods with PINGREQ and reads gets every answer, and a neighbour is let in and served meanwhile', async t => {
  const broker = await startWireBroker(t, open)
  const flooder = await dial(t, broker)
  const count = 200_000
  let answered = 0
  const all = new Promise<void>(resolve => {
    flooder.socket.removeAllListeners('data').on('data', bytes => {
      answered += bytes.length
      if (answered >= 2 * count) resolve()
    })
  })
  flooder.send(connectBytes({ clientId: unique('c') }), repeated(pingreqBytes, count))
  await publish(await join(t, broker), { topic: 'meanwhile', qos: 2 })
  await all
  await settled(await join(t, broker))
})

// A subscriber that never reads

const large = Buffer.alloc(50_000, 'x')
/** With the default of 20 messages under way, all of them fit into the kernel's buffers, and nothing is ever stuck. */
const qos1Bounds = 'max_inflight_messages 0\nmax_queued_messages 100'

for (const qos of [0, 1] as const) {
  test(`write_timeout: a flood at QoS ${qos} towards a subscriber that never reads costs no memory, cuts it off, and harms no other`, async t => {
    const broker = await startWireBroker(t, `allow_anonymous true\nwrite_timeout 1\n${qos1Bounds}`)
    const deaf = await join(t, broker, { clientId: 'deaf' })
    await subscribe(deaf, [{ filter: 'flood', qos }])
    deaf.socket.pause()
    const listening = await connectMqttJs(t, `mqtt://127.0.0.1:${broker.port}`)
    const received: number[] = []
    const counted = new EventEmitter()
    listening.on('message', (_topic, payload) => {
      received.push(payload.readUInt32BE(0))
      counted.emit('one')
    })
    await listening.subscribeAsync('flood', { qos })
    const sender = await join(t, broker)
    const count = 4000 // 200 MB, far more than all buffers of the kernel
    const grown = await growth(broker, async () => {
      for (let i = 0; i < count; i += 1) {
        const payload = Buffer.from(large)
        payload.writeUInt32BE(i)
        sender.send(publishBytes({ topic: 'flood', qos, payload }))
        if (qos === 1) await sender.expectAcknowledgement('PUBACK')
        // At QoS 0 a queue that is full is a message lost: keep a few under way, as a decent publisher does.
        while (received.length < i - 10) await once(counted, 'one')
      }
      while (received.length < count) await once(counted, 'one')
    })
    assert(grown < flatMiB, `the broker grew by ${grown.toFixed()} MiB`)
    assert.deepEqual(received, [...received.keys()])
    await broker.process.waitForLine(/: Client deaf \[\S+\] disconnected: exceeded timeout \(write_timeout\)\.$/)
  })
}

// Connections

test('a thousand clients that connect and break off leave nothing behind, and others are let in between', async t => {
  const broker = await startWireBroker(t, `${open}\nmax_connections 1000`)
  const flood = async () => {
    for (let round = 0; round < 10; round += 1) {
      const clients = await Promise.all(Array.from({ length: 100 }, () => dial(t, broker)))
      for (const client of clients) {
        client.send(connectBytes({ clientId: unique('c'), will: { topic: 'will', payload: large } }))
      }
      await settled(await join(t, broker))
      for (const client of clients) client.breakOff()
    }
  }
  await flood()
  const grown = await growth(broker, flood)
  assert(grown < flatMiB, `the broker grew by ${grown.toFixed()} MiB`)
})

test('[MQTT-3.1.0-2] a flood of CONNECT on one connection ends at the second', async t => {
  const broker = await startWireBroker(t, open)
  const client = await join(t, broker)
  client.send(repeated(connectBytes({ clientId: 'again' }), 1000))
  await client.expectDisconnect(0x82)
  await broker.process.waitForLine(/: Bad client 127\.0\.0\.1:\d+ sending multiple CONNECT messages\.$/)
})

// Subscriptions and retained messages

test('subscribing and unsubscribing without end leaves nothing behind', async t => {
  const broker = await startWireBroker(t, open)
  const [client, neighbour] = [await join(t, broker), await join(t, broker)]
  const churn = async (from: number) => {
    for (let i = from; i < from + 20_000; i += 500) {
      const filters = Array.from({ length: 500 }, (_, k) => `churn/${i + k}/+`)
      client.send(
        subscribeBytes({ subscriptions: filters.map(filter => ({ filter, qos: 1 })) }),
        unsubscribeBytes({ filters }),
      )
      await client.expectSuback()
      await client.expectUnsuback()
    }
  }
  await churn(0)
  const grown = await growth(broker, () => churn(20_000))
  assert(grown < flatMiB, `the broker grew by ${grown.toFixed()} MiB`)
  neighbour.send(publishBytes({ topic: 'churn/39999/x', qos: 1 }))
  assert.equal((await neighbour.expectAcknowledgement('PUBACK')).reasonCode, 0x10)
})

test('thousands of retained messages all reach a wildcard subscription, past the bounds of its queue; a deaf one costs nothing', async t => {
  const broker = await startWireBroker(t, `${open}\nmax_queued_messages 10\nwrite_timeout 1`)
  const sender = await join(t, broker)
  const count = 5000
  await retainMany(sender, count)
  const received = new Set<string>()
  const listening = await connectMqttJs(t, `mqtt://127.0.0.1:${broker.port}`)
  const all = new Promise<void>(resolve => {
    listening.on('message', topic => {
      received.add(topic)
      if (received.size === count) resolve()
    })
  })
  const deaf: RawClient[] = []
  const grown = await growth(broker, async () => {
    for (let i = 0; i < 20; i += 1) deaf.push(await subscribeDeaf(t, broker))
    await listening.subscribeAsync('#', { qos: 1 })
    await all
  })
  assert(grown < flatMiB, `the broker grew by ${grown.toFixed()} MiB`)
  await settled(sender)
})

async function retainMany(sender: RawClient, count: number): Promise<void> {
  for (let i = 0; i < count; i += 500) {
    for (let k = i; k < i + 500; k += 1) {
      sender.send(publishBytes({ topic: `kept/${k}`, retain: true, payload: Buffer.alloc(1000) }))
    }
    await settled(sender)
  }
}

async function subscribeDeaf(t: TestContext, broker: WireBroker): Promise<RawClient> {
  const client = await join(t, broker)
  client.socket.pause()
  client.send(subscribeBytes({ subscriptions: [{ filter: '#', qos: 1 }] }))
  return client
}
