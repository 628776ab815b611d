// MQTT 5 §4.3 and 3.1.1 §4.3: the three delivery protocols, with the broker on either side.

import assert from 'node:assert/strict'
import test from 'node:test'
import { acknowledgementBytes, publishBytes, type Version } from '../support/packet-bytes.ts'
import { property } from '../support/property-bytes.ts'
import type { RawClient } from '../support/raw-client.ts'
import {
  drain,
  join,
  lasting,
  publish,
  shareWireBroker,
  subscribe,
  timePasses,
  unique,
} from '../support/wire-broker.ts'

const broker = shareWireBroker('allow_anonymous true\nacl_file acl', { acl: 'topic deny closed/#\ntopic #\n' })
const versions = [4, 5] as const

/** A subscriber with a lasting session, to which one message of this QoS is on its way. */
async function delivering(t: test.TestContext, version: Version, qos: number, properties?: Uint8Array) {
  const fields = lasting(unique('c'), version)
  const topic = unique()
  const subscriber = await join(t, broker, fields)
  await subscribe(subscriber, topic)
  const publisher = await join(t, broker, { version, keepAlive: 0 })
  await publish(publisher, { topic, qos, payload: 'x', ...(properties && { properties }) })
  const { packetId, dup } = await subscriber.expectPublish()
  const comeBack = (from: RawClient) => {
    from.breakOff()
    return join(t, broker, fields)
  }
  return { subscriber, packetId, dup, comeBack, publisher, topic }
}

for (const version of versions) {
  test(`[MQTT-4.3.1-1] [v3.1.1 MQTT-4.3.1-1] QoS 0 is delivered with QoS 0 and DUP 0, and not to an absent client as a duplicate, version ${version}`, async t => {
    const { subscriber, packetId, dup, comeBack } = await delivering(t, version, 0)
    assert.deepEqual([packetId, dup], [0, false])
    assert.deepEqual(await drain(await comeBack(subscriber)), [])
  })

  test(`[MQTT-4.3.2-2] [MQTT-4.3.2-3] [v3.1.1 MQTT-4.3.2-1] QoS 1 goes out with DUP 0 and is unacknowledged until PUBACK, version ${version}`, async t => {
    const { subscriber, packetId, dup, comeBack } = await delivering(t, version, 1)
    assert.equal(dup, false)
    const second = await comeBack(subscriber)
    const again = await second.expectPublish()
    assert.deepEqual([again.packetId, again.dup, again.qos], [packetId, true, 1])
    second.send(acknowledgementBytes('PUBACK', packetId))
    await second.expectNothing()
    assert.deepEqual(await drain(await comeBack(second)), [])
  })

  test(`[MQTT-4.3.2-1] [v3.1.1 MQTT-4.3.2-1] [v3.1.1 MQTT-2.3.1-4] an identifier that waits for its PUBACK is not given to another message, version ${version}`, async t => {
    const { subscriber, packetId, publisher, topic } = await delivering(t, version, 1)
    for (let count = 0; count < 40; count += 1) {
      await publish(publisher, { topic, qos: 1 })
      const next = await subscriber.expectPublish()
      assert.notEqual(next.packetId, packetId)
      subscriber.send(acknowledgementBytes('PUBACK', next.packetId))
    }
  })

  test(`[MQTT-4.3.2-4] [v3.1.1 MQTT-4.3.2-2] PUBACK carries the identifier, and the message is delivered when it comes, version ${version}`, async t => {
    const topic = unique()
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, topic)
    const publisher = await join(t, broker, { version })
    publisher.send(publishBytes({ version, topic, qos: 1, packetId: 0xabcd }))
    assert.equal((await publisher.expectAcknowledgement('PUBACK')).packetId, 0xabcd)
    assert.equal((await drain(subscriber)).length, 1)
  })

  test(`[MQTT-4.3.2-5] [v3.1.1 MQTT-4.3.2-2] after PUBACK the identifier is a new message, whatever DUP says, version ${version}`, async t => {
    const topic = unique()
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, [{ filter: topic }])
    const publisher = await join(t, broker, { version })
    for (const dup of [false, true, true]) await publish(publisher, { topic, qos: 1, packetId: 5, dup })
    assert.equal((await drain(subscriber)).length, 3)
  })

  test(`[MQTT-4.3.3-2] [MQTT-4.3.3-3] [v3.1.1 MQTT-4.3.3-1] QoS 2 goes out with DUP 0 and is unacknowledged until PUBREC, version ${version}`, async t => {
    const { subscriber, packetId, dup, comeBack } = await delivering(t, version, 2)
    assert.equal(dup, false)
    const again = await (await comeBack(subscriber)).expectPublish()
    assert.deepEqual([again.packetId, again.dup, again.qos], [packetId, true, 2])
  })

  test(`[MQTT-4.3.3-4] [MQTT-4.3.3-5] [MQTT-4.3.3-6] [v3.1.1 MQTT-4.3.3-1] [MQTT-4.4.0-1] [v3.1.1 MQTT-4.4.0-1] after PUBREC it is PUBREL that is sent again, until PUBCOMP, version ${version}`, async t => {
    const { subscriber, packetId, comeBack } = await delivering(t, version, 2)
    subscriber.send(acknowledgementBytes('PUBREC', packetId))
    assert.equal((await subscriber.expectAcknowledgement('PUBREL')).packetId, packetId)
    const second = await comeBack(subscriber)
    assert.equal((await second.expectAcknowledgement('PUBREL')).packetId, packetId)
    await second.expectNothing()
    second.send(acknowledgementBytes('PUBCOMP', packetId))
    await second.expectNothing()
    const third = await comeBack(second)
    await third.expectNothing()
  })

  test(`[MQTT-4.3.3-1] [v3.1.1 MQTT-4.3.3-1] an identifier that waits for its PUBCOMP is not given to another message, version ${version}`, async t => {
    const { subscriber, packetId, publisher, topic } = await delivering(t, version, 2)
    subscriber.send(acknowledgementBytes('PUBREC', packetId))
    await subscriber.expectAcknowledgement('PUBREL')
    for (let count = 0; count < 40; count += 1) {
      await publish(publisher, { topic, qos: 1 })
      const next = await subscriber.expectPublish()
      assert.notEqual(next.packetId, packetId)
      subscriber.send(acknowledgementBytes('PUBACK', next.packetId))
    }
  })

  test(`[MQTT-4.3.3-8] [MQTT-4.3.3-11] [v3.1.1 MQTT-4.3.3-2] PUBREC and PUBCOMP carry the identifier, version ${version}`, async t => {
    const publisher = await join(t, broker, { version })
    publisher.send(publishBytes({ version, topic: unique(), qos: 2, packetId: 0xbeef }))
    assert.equal((await publisher.expectAcknowledgement('PUBREC')).packetId, 0xbeef)
    publisher.send(acknowledgementBytes('PUBREL', 0xbeef))
    assert.equal((await publisher.expectAcknowledgement('PUBCOMP')).packetId, 0xbeef)
  })

  test(`[MQTT-4.3.3-10] [v3.1.1 MQTT-4.3.3-2] until PUBREL the same identifier gets PUBREC again and is delivered once, version ${version}`, async t => {
    const topic = unique()
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, [{ filter: topic }])
    const publisher = await join(t, broker, { version })
    for (const dup of [false, true, false]) {
      publisher.send(publishBytes({ version, topic, qos: 2, packetId: 5, dup }))
      const { packetId, reasonCode } = await publisher.expectAcknowledgement('PUBREC')
      assert.deepEqual([packetId, reasonCode < 0x80], [5, true])
    }
    publisher.send(acknowledgementBytes('PUBREL', 5))
    await publisher.expectAcknowledgement('PUBCOMP')
    assert.equal((await drain(subscriber)).length, 1)
  })

  test(`[MQTT-4.3.3-10] [v3.1.1 MQTT-4.3.3-2] [v3.1.1 MQTT-4.1.0-1] a duplicate after a reconnection is delivered once too, version ${version}`, async t => {
    const topic = unique()
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, [{ filter: topic }])
    const fields = lasting(unique('c'), version)
    const first = await join(t, broker, fields)
    first.send(publishBytes({ version, topic, qos: 2, packetId: 5 }))
    await first.expectAcknowledgement('PUBREC')
    first.breakOff()
    const second = await join(t, broker, fields)
    await publish(second, { topic, qos: 2, packetId: 5, dup: true })
    assert.equal((await drain(subscriber)).length, 1)
  })

  test(`[MQTT-4.3.3-11] [v3.1.1 MQTT-4.3.3-2] a PUBREL that is repeated is answered again and delivers nothing, version ${version}`, async t => {
    const topic = unique()
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, [{ filter: topic }])
    const publisher = await join(t, broker, { version })
    await publish(publisher, { topic, qos: 2, packetId: 5 })
    publisher.send(acknowledgementBytes('PUBREL', 5))
    assert.equal((await publisher.expectAcknowledgement('PUBCOMP')).packetId, 5)
    assert.equal((await drain(subscriber)).length, 1)
  })

  test(`[MQTT-4.3.3-12] [v3.1.1 MQTT-4.3.3-2] after PUBCOMP the identifier is a new message, version ${version}`, async t => {
    const topic = unique()
    const subscriber = await join(t, broker, { version })
    await subscribe(subscriber, [{ filter: topic }])
    const publisher = await join(t, broker, { version })
    for (const dup of [false, true]) await publish(publisher, { topic, qos: 2, packetId: 5, dup })
    assert.equal((await drain(subscriber)).length, 2)
  })

  test(`[MQTT-4.4.0-1] what is unacknowledged is not sent again while the connection lasts, version ${version}`, async t => {
    const { subscriber } = await delivering(t, version, 1)
    await timePasses(t, broker)
    await subscriber.expectNothing()
  })
}

test('[MQTT-4.3.3-7] [MQTT-3.3.2-5] what was sent once does not expire: it is sent again after its interval', async t => {
  for (const qos of [1, 2]) {
    const { subscriber, packetId, comeBack } = await delivering(t, 5, qos, property.messageExpiryInterval(1))
    await timePasses(t, broker)
    assert.equal((await (await comeBack(subscriber)).expectPublish()).packetId, packetId)
  }
})

test('[MQTT-4.3.3-13] the exchange is completed for a message that expired meanwhile', async t => {
  const publisher = await join(t, broker, { keepAlive: 0 })
  publisher.send(publishBytes({ topic: unique(), qos: 2, packetId: 5, properties: property.messageExpiryInterval(1) }))
  await publisher.expectAcknowledgement('PUBREC')
  await timePasses(t, broker)
  publisher.send(acknowledgementBytes('PUBREL', 5))
  const { packetId, reasonCode } = await publisher.expectAcknowledgement('PUBCOMP')
  assert.deepEqual([packetId, reasonCode], [5, 0])
})

test('[MQTT-4.3.3-9] after a refusing PUBREC the identifier is a new message', async t => {
  const topic = unique()
  const subscriber = await join(t, broker)
  await subscribe(subscriber, [{ filter: topic }])
  const publisher = await join(t, broker)
  publisher.send(publishBytes({ topic: 'closed/x', qos: 2, packetId: 5 }))
  assert.equal((await publisher.expectAcknowledgement('PUBREC')).reasonCode, 0x87)
  await publish(publisher, { topic, qos: 2, packetId: 5 })
  assert.equal((await drain(subscriber)).length, 1)
})

test('[MQTT-4.4.0-2] a refusing PUBACK or PUBREC acknowledges: no PUBREL, and nothing is sent again', async t => {
  for (const [qos, packet] of [
    [1, 'PUBACK'],
    [2, 'PUBREC'],
  ] as const) {
    const { subscriber, packetId, comeBack } = await delivering(t, 5, qos)
    subscriber.send(acknowledgementBytes(packet, packetId, 0x83))
    await subscriber.expectNothing()
    await (await comeBack(subscriber)).expectNothing()
  }
})
