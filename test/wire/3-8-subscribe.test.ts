// MQTT 5 §3.8 and §3.9, 3.1.1 §3.8 and §3.9: SUBSCRIBE and SUBACK. Retain handling is tested with retained messages.

import assert from 'node:assert/strict'
import test from 'node:test'
import { hex } from '../support/bytes.ts'
import { publishBytes, subscribeBytes } from '../support/packet-bytes.ts'
import { property } from '../support/property-bytes.ts'
import { drain, join, lasting, publish, shareWireBroker, subscribe, unique } from '../support/wire-broker.ts'

const broker = shareWireBroker()
const versions = [4, 5] as const

for (const version of versions) {
  for (const firstByte of [0x80, 0x81, 0x83, 0x8a]) {
    test(`[MQTT-3.8.1-1] [v3.1.1 MQTT-3.8.1-1] SUBSCRIBE with first byte 0x${firstByte.toString(16)} ends the connection, version ${version}`, async t => {
      const client = await join(t, broker, { version })
      client.send(subscribeBytes({ version, firstByte, subscriptions: [{ filter: 'a' }] }))
      await client.expectDisconnect(0x81)
    })
  }

  test(`[MQTT-3.8.3-1] [v3.1.1 MQTT-3.8.3-1] a filter that is not UTF-8 ends the connection, version ${version}`, async t => {
    const client = await join(t, broker, { version })
    client.send(subscribeBytes({ version, subscriptions: [{ filter: 'good' }, { filter: hex`'a' C1 81` }] }))
    await client.expectDisconnect(0x81)
  })

  test(`[MQTT-3.8.3-2] [v3.1.1 MQTT-3.8.3-3] SUBSCRIBE without a filter ends the connection, version ${version}`, async t => {
    const client = await join(t, broker, { version })
    client.send(subscribeBytes({ version, subscriptions: [] }))
    await client.expectDisconnect(0x82, 0x81)
  })

  test(`[MQTT-3.8.3-2] [v3.1.1 MQTT-3.8.3-3] a filter without its options ends the connection, version ${version}`, async t => {
    const client = await join(t, broker, { version })
    const whole = subscribeBytes({ version, subscriptions: [{ filter: 'a' }] })
    client.send(hex`82 ${whole.length - 3}`, whole.subarray(2, -1))
    await client.expectDisconnect(0x81)
  })

  for (const options of [0x40, 0x80, 0xc1]) {
    test(`[MQTT-3.8.3-5] [v3.1.1 MQTT-3.8.3-4] reserved bits in options 0x${options.toString(16)} end the connection, version ${version}`, async t => {
      const client = await join(t, broker, { version })
      client.send(subscribeBytes({ version, subscriptions: [{ filter: 'a', options }] }))
      await client.expectDisconnect(0x81)
    })
  }

  test(`[v3.1.1 MQTT-3.8.3-4] a subscription to QoS 3 ends the connection, version ${version}`, async t => {
    const client = await join(t, broker, { version })
    client.send(subscribeBytes({ version, subscriptions: [{ filter: 'a', options: 0x03 }] }))
    await client.expectDisconnect(0x81, 0x82)
  })

  test(`[MQTT-3.8.4-1] [v3.1.1 MQTT-3.8.4-1] [v3.1.1 MQTT-3.8.4-5] each SUBSCRIBE is answered with a SUBACK, version ${version}`, async t => {
    const client = await join(t, broker, { version })
    for (const qos of [0, 1, 2]) {
      client.send(subscribeBytes({ version, packetId: 7 + qos, subscriptions: [{ filter: unique(), qos }] }))
      const { packetId, reasonCodes } = await client.expectSuback()
      assert.deepEqual([packetId, reasonCodes], [7 + qos, [qos]])
    }
  })

  test(`[MQTT-3.8.4-3] [v3.1.1 MQTT-3.8.4-3] an identical filter replaces the subscription: one copy, at the new QoS, version ${version}`, async t => {
    const topic = unique()
    const client = await join(t, broker, { version })
    const publisher = await join(t, broker, { version })
    for (const qos of [2, 0, 1]) {
      await subscribe(client, [{ filter: topic, qos }])
      await publish(publisher, { topic, qos: 2 })
      assert.deepEqual(
        (await drain(client)).map(message => message.qos),
        [qos],
      )
    }
  })

  test(`[MQTT-3.8.4-4] [v3.1.1 MQTT-3.8.4-3] no message is lost while a subscription is replaced again and again, version ${version}`, async t => {
    const topic = unique()
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, [{ filter: topic }])
    const publisher = await join(t, broker, { version })
    const count = 200
    for (let number = 0; number < count; number += 1) {
      publisher.send(publishBytes({ version, topic, payload: String(number) }))
      if (number % 5 === 0) subscriber.send(subscribeBytes({ version, subscriptions: [{ filter: topic }] }))
    }
    await publisher.expectNothing()
    const got: string[] = []
    while (got.length < count) {
      const packet = await subscriber.nextPacket('PUBLISH or SUBACK')
      if (packet.name === 'PUBLISH') got.push(Buffer.from(packet.body).toString().split(topic)[1]!.replace('\0', ''))
    }
    assert.deepEqual(
      got,
      Array.from({ length: count }, (_, number) => String(number)),
    )
  })

  test(`[MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.8.4-7] [MQTT-3.9.3-1] [v3.1.1 MQTT-3.8.4-4] [v3.1.1 MQTT-3.8.4-5] [v3.1.1 MQTT-3.9.3-1] several filters get one SUBACK with a code for each, in their order, version ${version}`, async t => {
    const base = unique()
    const client = await join(t, broker, { version })
    await subscribe(
      client,
      [2, 0, 1, 0, 2].map((qos, index) => ({ filter: `${base}/${index}`, qos })),
    )
    const publisher = await join(t, broker, { version })
    for (const index of [0, 1, 2, 3, 4]) await publish(publisher, { topic: `${base}/${index}`, qos: 2 })
    assert.deepEqual(
      (await drain(client)).map(({ qos }) => qos),
      [2, 0, 1, 0, 2],
    )
  })

  test(`[MQTT-3.8.4-5] [v3.1.1 MQTT-3.8.4-4] the same filter twice in one SUBSCRIBE acts like two packets: the last counts, version ${version}`, async t => {
    const topic = unique()
    const client = await join(t, broker, { version })
    await subscribe(client, [
      { filter: topic, qos: 2 },
      { filter: topic, qos: 0 },
    ])
    await publish(await join(t, broker, { version }), { topic, qos: 2 })
    assert.deepEqual(
      (await drain(client)).map(({ qos }) => qos),
      [0],
    )
  })

  for (const granted of [0, 1, 2]) {
    test(`[MQTT-3.8.4-8] [v3.1.1 MQTT-3.8.4-6] a subscription granted QoS ${granted} delivers at the lower of both, version ${version}`, async t => {
      const topic = unique()
      const client = await join(t, broker, { version })
      await subscribe(client, [{ filter: topic, qos: granted }])
      const publisher = await join(t, broker, { version })
      for (const qos of [0, 1, 2]) await publish(publisher, { topic, qos })
      assert.deepEqual(
        (await drain(client)).map(({ qos }) => qos),
        [0, 1, 2].map(qos => Math.min(qos, granted)),
      )
    })
  }

  test(`[MQTT-3.9.3-2] [v3.1.1 MQTT-3.9.3-2] [MQTT-3.8.4-7] a filter that is refused gets a failure code of the table, or ends the connection, version ${version}`, async t => {
    const client = await join(t, broker, { version })
    client.send(subscribeBytes({ version, subscriptions: [{ filter: 'fine' }, { filter: 'a/#/b' }] }))
    const packet = await client.packetOrEnd()
    if (packet?.name === 'SUBACK') {
      const codes = [...packet.body.subarray(-2)]
      assert.deepEqual(codes, [0, version === 5 ? 0x8f : 0x80])
    } else {
      assert.equal(packet?.name, version === 5 ? 'DISCONNECT' : undefined)
    }
  })
}

test('[MQTT-3.8.3-3] with No Local a client does not get its own messages, but those of others', async t => {
  const topic = unique()
  const client = await join(t, broker)
  await subscribe(client, [{ filter: topic, noLocal: true }])
  await publish(client, { topic, payload: 'own' })
  await publish(await join(t, broker), { topic, payload: 'other' })
  assert.deepEqual(
    (await drain(client)).map(({ payload }) => payload),
    ['other'],
  )
})

test('[MQTT-3.8.3-3] without No Local a client gets its own messages', async t => {
  const topic = unique()
  const client = await join(t, broker)
  await subscribe(client, [{ filter: topic }])
  client.send(publishBytes({ topic, payload: 'own' }))
  assert.equal((await client.expectPublish()).payload, 'own')
})

test('[MQTT-3.8.3-3] No Local holds for the client id: a later connection of it gets none of its earlier messages', async t => {
  const topic = unique()
  const fields = lasting(unique('c'))
  const first = await join(t, broker, fields)
  await subscribe(first, [{ filter: topic, noLocal: true, qos: 1 }])
  first.send(publishBytes({ topic, qos: 1 }))
  await first.expectAcknowledgement('PUBACK')
  first.breakOff()
  assert.deepEqual(await drain(await join(t, broker, fields)), [])
})

test('[MQTT-3.8.3-4] No Local on a shared subscription ends the connection with 0x82', async t => {
  const client = await join(t, broker)
  client.send(subscribeBytes({ subscriptions: [{ filter: '$share/g/a', noLocal: true }] }))
  await client.expectDisconnect(0x82)
})

test('[MQTT-3.8.3-5] Retain Handling 3 ends the connection', async t => {
  const client = await join(t, broker)
  client.send(subscribeBytes({ subscriptions: [{ filter: 'a', retainHandling: 3 }] }))
  await client.expectDisconnect(0x82, 0x81)
})

test('[v3.1.1 MQTT-3.8.3-4] what are options in 5.0 are reserved bits in 3.1.1', async t => {
  for (const options of [0x04, 0x08, 0x10, 0x20]) {
    const client = await join(t, broker, { version: 4 })
    client.send(subscribeBytes({ version: 4, subscriptions: [{ filter: 'a', options }] }))
    await client.expectClosed()
  }
})

test('[MQTT-3.8.3-2] a subscription identifier of 0, or two of them, end the connection', async t => {
  for (const properties of [hex`0B 00`, hex`0B 01 0B 02`]) {
    const client = await join(t, broker)
    client.send(subscribeBytes({ properties, subscriptions: [{ filter: 'a' }] }))
    await client.expectDisconnect(0x82, 0x81)
  }
})

test('[MQTT-3.9.2-1] [MQTT-3.9.2-2] SUBACK stays within the Maximum Packet Size of the client', async t => {
  const client = await join(t, broker, { properties: property.maximumPacketSize(20) })
  client.send(subscribeBytes({ packetId: 9, subscriptions: [{ filter: unique(), qos: 1 }] }))
  await client.expect(hex`90 04 00 09 00 01`)
})
