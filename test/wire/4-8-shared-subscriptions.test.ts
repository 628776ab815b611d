// MQTT 5 §4.8: shared subscriptions.

import assert from 'node:assert/strict'
import test from 'node:test'
import { acknowledgementBytes, disconnectBytes, subscribeBytes } from '../support/packet-bytes.ts'
import { property } from '../support/property-bytes.ts'
import { drain, join, lasting, publish, shareWireBroker, subscribe, unique } from '../support/wire-broker.ts'

const broker = shareWireBroker()

for (const filter of ['$share//a', '$share/', '$share/g', '$share/g/', '$share']) {
  const isShared = filter !== '$share'
  test(`[MQTT-4.8.2-1] [MQTT-4.8.2-2] filter '${filter}' is ${isShared ? 'refused' : 'an ordinary one'}`, async t => {
    const client = await join(t, broker)
    client.send(subscribeBytes({ subscriptions: [{ filter }] }))
    const packet = await client.packetOrEnd()
    if (!isShared) return assert.equal(packet?.body.at(-1), 0)
    if (packet?.name === 'SUBACK') assert(packet.body.at(-1)! >= 0x80)
    else assert.equal(packet?.name, 'DISCONNECT')
  })
}

for (const name of ['a+', '+', '#', 'a#b']) {
  test(`[MQTT-4.8.2-2] share name '${name}' is refused`, async t => {
    const client = await join(t, broker)
    client.send(subscribeBytes({ subscriptions: [{ filter: `$share/${name}/topic` }] }))
    const packet = await client.packetOrEnd()
    if (packet?.name === 'SUBACK') assert(packet.body.at(-1)! >= 0x80)
    else assert.equal(packet?.name, 'DISCONNECT')
  })
}

for (const version of [4, 5] as const) {
  test(`[MQTT-4.8.2-1] each message goes to one member of a share, and to each share, version ${version}`, async t => {
    const topic = unique()
    const join2 = async (filter: string) => {
      const client = await join(t, broker, { version })
      await subscribe(client, [{ filter }])
      return client
    }
    const group = [await join2(`$share/one/${topic}`), await join2(`$share/one/${topic}`)]
    const single = await join2(`$share/two/${topic}`)
    const ordinary = await join2(topic)
    const publisher = await join(t, broker, { version })
    const sent = ['0', '1', '2', '3', '4', '5', '6', '7']
    for (const payload of sent) await publish(publisher, { topic, payload })
    const shares = [await drain(group[0]!), await drain(group[1]!)]
    assert(
      shares.every(share => share.length > 0),
      'both members get some',
    )
    assert.deepEqual(
      shares
        .flat()
        .map(({ payload }) => payload)
        .sort(),
      sent,
    )
    assert.deepEqual(
      (await drain(single)).map(({ payload }) => payload),
      sent,
    )
    assert.deepEqual(
      (await drain(ordinary)).map(({ payload }) => payload),
      sent,
    )
  })
}

test('[MQTT-4.8.2-2] the filter of a share may hold wildcards', async t => {
  const base = unique()
  const client = await join(t, broker)
  await subscribe(client, [{ filter: `$share/g/${base}/+/#` }])
  const publisher = await join(t, broker)
  for (const end of ['', '/a', '/a/b']) await publish(publisher, { topic: base + end })
  assert.deepEqual(
    (await drain(client)).map(({ topic }) => topic),
    [`${base}/a`, `${base}/a/b`],
  )
})

test('[MQTT-4.8.2-3] each member gets messages at its own granted QoS', async t => {
  const topic = unique()
  const members = []
  for (const qos of [0, 1, 2]) {
    const client = await join(t, broker)
    await subscribe(client, [{ filter: `$share/g/${topic}`, qos }])
    members.push({ client, qos })
  }
  const publisher = await join(t, broker)
  for (let count = 0; count < 9; count += 1) await publish(publisher, { topic, qos: 2 })
  let total = 0
  for (const { client, qos } of members) {
    const got = await drain(client)
    total += got.length
    assert(got.length > 0)
    assert(got.every(message => message.qos === qos))
  }
  assert.equal(total, 9)
})

test('[MQTT-4.8.2-4] a QoS 2 delivery that broke off is completed to the same client', async t => {
  const topic = unique()
  const fields = lasting(unique('c'))
  const chosen = await join(t, broker, fields)
  await subscribe(chosen, [{ filter: `$share/g/${topic}`, qos: 2 }])
  await publish(await join(t, broker), { topic, qos: 2, payload: 'x' })
  const { packetId } = await chosen.expectPublish()
  const other = await join(t, broker)
  await subscribe(other, [{ filter: `$share/g/${topic}`, qos: 2 }])
  chosen.breakOff()
  const again = await join(t, broker, fields)
  const message = await again.expectPublish()
  assert.deepEqual([message.packetId, message.payload, message.dup], [packetId, 'x', true])
  await other.expectNothing()
})

test("[MQTT-4.8.2-5] when that client's session ends instead, the message goes to nobody else", async t => {
  const topic = unique()
  const chosen = await join(t, broker, { properties: property.sessionExpiryInterval(3600) })
  await subscribe(chosen, [{ filter: `$share/g/${topic}`, qos: 2 }])
  await publish(await join(t, broker), { topic, qos: 2 })
  await chosen.expectPublish()
  const other = await join(t, broker)
  await subscribe(other, [{ filter: `$share/g/${topic}`, qos: 2 }])
  chosen.send(disconnectBytes(0, property.sessionExpiryInterval(0)))
  await chosen.expectClosed()
  await other.expectNothing()
})

test('[MQTT-4.8.2-6] a message that a member refuses goes to nobody else', async t => {
  for (const [qos, packet] of [
    [1, 'PUBACK'],
    [2, 'PUBREC'],
  ] as const) {
    const topic = unique()
    const first = await join(t, broker)
    await subscribe(first, [{ filter: `$share/g/${topic}`, qos }])
    await publish(await join(t, broker), { topic, qos })
    const { packetId } = await first.expectPublish()
    const other = await join(t, broker)
    await subscribe(other, [{ filter: `$share/g/${topic}`, qos }])
    first.send(acknowledgementBytes(packet, packetId, 0x97))
    await first.expectNothing()
    await other.expectNothing()
  }
})

test('[MQTT-4.8.2-1] leaving a share leaves its other members, and UNSUBSCRIBE takes the whole filter', async t => {
  const topic = unique()
  const filter = `$share/g/${topic}`
  const staying = await join(t, broker)
  await subscribe(staying, [{ filter }])
  const going = await join(t, broker)
  await subscribe(going, [{ filter }])
  going.send(disconnectBytes())
  await going.expectClosed()
  const publisher = await join(t, broker)
  for (let count = 0; count < 3; count += 1) await publish(publisher, { topic })
  assert.equal((await drain(staying)).length, 3)
})
