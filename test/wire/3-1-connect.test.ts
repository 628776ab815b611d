// MQTT 5 §3.1 and 3.1.1 §3.1: the CONNECT packet, its flags and its payload. Sessions and wills have files of their own.

import assert from 'node:assert/strict'
import test from 'node:test'
import { concat, hex, lengthPrefixed } from '../support/bytes.ts'
import { type ConnectFields, connectBytes, packetBytes, pingreqBytes, publishBytes } from '../support/packet-bytes.ts'
import { property } from '../support/property-bytes.ts'
import {
  dial,
  drain,
  expectConnectRefused,
  join,
  joinWithConnack,
  lasting,
  publish,
  shareWireBroker,
  startWireBroker,
  subscribe,
  timePasses,
  unique,
  type WireBroker,
} from '../support/wire-broker.ts'

const broker = shareWireBroker()
const versions = [4, 5] as const
const malformed = [0x81, 0x82] as const

/** Sends a CONNECT that must be refused as malformed. */
async function refused(t: test.TestContext, fields: ConnectFields): Promise<void> {
  const client = await dial(t, broker, fields.version)
  client.send(connectBytes({ clientId: unique('c'), ...fields }))
  await expectConnectRefused(client, ...malformed)
}

for (const [what, bytes] of [
  ['PINGREQ', pingreqBytes],
  ['PUBLISH', publishBytes({ topic: 'a' })],
  ['SUBSCRIBE', hex`82 06 00 01 00 01 'a' 00`],
  ['DISCONNECT', hex`E0 00`],
  ['AUTH', hex`F0 00`],
  ['a packet of type 0', hex`00 00`],
  ['a packet that only servers send', hex`20 02 00 00`],
  ['an HTTP request', hex`'GET / HTTP/1.1' 0D 0A 0D 0A`],
] as const) {
  test(`[MQTT-3.1.0-1] [v3.1.1 MQTT-3.1.0-1] ${what} before CONNECT is cut off without an answer`, async t => {
    const client = await dial(t, broker)
    client.send(bytes)
    await client.expectClosed()
  })
}

for (const version of versions) {
  test(`[MQTT-3.1.0-2] [v3.1.1 MQTT-3.1.0-2] [MQTT-3.2.0-2] a second CONNECT gets no CONNACK and ends the connection, version ${version}`, async t => {
    const clientId = unique('c')
    const client = await join(t, broker, { version, clientId })
    client.send(connectBytes({ version, clientId }))
    await client.expectDisconnect(0x82)
  })

  for (const protocolName of ['MQTX', 'mqtt', 'MQTTT', 'MQIsdp', '']) {
    test(`[MQTT-3.1.2-1] [v3.1.1 MQTT-3.1.2-1] protocol name '${protocolName}' with level ${version} is not served`, async t => {
      const client = await dial(t, broker, version)
      client.send(connectBytes({ version, protocolName, clientId: unique('c') }))
      const packet = await client.packetOrEnd()
      if (packet) {
        assert(
          ['20 02 00 01', '20 03 00 84 00'].includes(
            Buffer.from(packet.bytes)
              .toString('hex')
              .replace(/..(?!$)/g, '$& '),
          ),
        )
        await client.expectClosed()
      }
    })
  }

  test(`[MQTT-3.1.2-3] [v3.1.1 MQTT-3.1.2-3] the reserved bit of the CONNECT flags is refused, version ${version}`, t =>
    refused(t, { version, flags: 0x03 }))

  test(`[MQTT-3.1.2-9] [v3.1.1 MQTT-3.1.2-9] a will flag without a will in the payload is refused, version ${version}`, t =>
    refused(t, { version, flags: 0x06 }))

  test(`[MQTT-3.1.2-11] [v3.1.1 MQTT-3.1.2-11] [v3.1.1 MQTT-3.1.2-13] Will QoS without a will is refused, version ${version}`, async t => {
    await refused(t, { version, flags: 0x0a })
    await refused(t, { version, flags: 0x12 })
  })

  test(`[MQTT-3.1.2-12] [v3.1.1 MQTT-3.1.2-14] Will QoS 3 is refused, version ${version}`, t =>
    refused(t, { version, will: { topic: 'w', qos: 3 } }))

  test(`[MQTT-3.1.2-13] [v3.1.1 MQTT-3.1.2-15] [v3.1.1 MQTT-3.1.2-11] Will Retain without a will is refused, version ${version}`, t =>
    refused(t, { version, flags: 0x22 }))

  test(`[v3.1.1 MQTT-3.1.2-11] a will in the payload without the will flag is refused, version ${version}`, t =>
    refused(t, { version, will: { topic: 'w' }, flags: 0x02 }))

  test(`[MQTT-3.1.2-16] [v3.1.1 MQTT-3.1.2-18] a user name without its flag is refused, version ${version}`, t =>
    refused(t, { version, username: 'u', flags: 0x02 }))

  test(`[MQTT-3.1.2-17] [v3.1.1 MQTT-3.1.2-19] a user name flag without a user name is refused, version ${version}`, t =>
    refused(t, { version, flags: 0x82 }))

  test(`[MQTT-3.1.2-18] [v3.1.1 MQTT-3.1.2-20] a password without its flag is refused, version ${version}`, t =>
    refused(t, { version, username: 'u', password: 'p', flags: 0x82 }))

  test(`[MQTT-3.1.2-19] [v3.1.1 MQTT-3.1.2-21] a password flag without a password is refused, version ${version}`, t =>
    refused(t, { version, username: 'u', flags: 0xc2 }))

  test(`[MQTT-3.1.2-17] [MQTT-3.1.2-19] [v3.1.1 MQTT-3.1.2-19] [v3.1.1 MQTT-3.1.2-21] user name and password that are announced and there are taken, version ${version}`, t =>
    join(t, broker, { version, username: 'u', password: 'p' }).then(() => {}))

  test(`[MQTT-3.1.2-22] [v3.1.1 MQTT-3.1.2-24] [MQTT-3.2.2-22] a client silent for one and a half keep alives is cut off and its will published, one that pings is not, version ${version}`, async t => {
    const topic = unique('will/')
    const watcher = await join(t, broker, { version, keepAlive: 0 })
    await subscribe(watcher, [{ filter: topic }])
    const { client: silent, connack } = await joinWithConnack(t, broker, { version, keepAlive: 1, will: { topic } })
    const lively = await join(t, broker, { version, keepAlive: 1 })
    const pings = setInterval(() => lively.send(pingreqBytes), 200)
    t.after(() => clearInterval(pings))
    const began = performance.now()
    const packet = await silent.packetOrEnd()
    assert(performance.now() - began > 900, 'not before the keep alive')
    assert(packet === undefined || (version === 5 && packet.name === 'DISCONNECT'), 'nothing but DISCONNECT at the end')
    await silent.expectClosed()
    await watcher.expectPublish()
    assert(!connack.properties.some(([name]) => name === 'serverKeepAlive'))
    clearInterval(pings)
    lively.send(hex`E0 00`)
    while ((await lively.packetOrEnd())?.name === 'PINGRESP');
    await watcher.expectNothing()
  })

  test(`[MQTT-3.1.3-1] [v3.1.1 MQTT-3.1.3-1] [MQTT-3.1.3-3] [v3.1.1 MQTT-3.1.3-3] all payload fields are taken in their order, version ${version}`, async t => {
    const topic = unique('will/')
    const watcher = await join(t, broker, { version })
    await subscribe(watcher, [{ filter: topic }])
    const will = { topic, payload: 'the will' }
    const client = await join(t, broker, { version, will, username: 'the user', password: 'the password' })
    client.breakOff()
    assert.equal((await watcher.expectPublish()).payload, 'the will')
  })

  test(`[MQTT-3.1.3-2] [v3.1.1 MQTT-3.1.3-2] the client id, in its letter case, names the session, version ${version}`, async t => {
    const clientId = unique('name')
    const client = await join(t, broker, lasting(clientId, version))
    client.breakOff()
    const other = await joinWithConnack(t, broker, lasting(clientId.toUpperCase(), version))
    assert.equal(other.connack.sessionPresent, false)
    const same = await joinWithConnack(t, broker, lasting(clientId, version))
    assert.equal(same.connack.sessionPresent, true)
  })

  test(`[MQTT-3.1.3-3] [v3.1.1 MQTT-3.1.3-3] a CONNECT without a client id is refused, version ${version}`, async t => {
    const client = await dial(t, broker, version)
    const noProperties = version === 5 ? hex`00` : hex``
    client.send(packetBytes(0x10, hex`00 04 'MQTT' ${version} 02 00 3C`, noProperties))
    await expectConnectRefused(client, ...malformed)
  })

  test(`[MQTT-3.1.3-4] [v3.1.1 MQTT-3.1.3-4] a client id that is not UTF-8 is refused, version ${version}`, t =>
    refused(t, { version, clientId: hex`'a' C0 AF` }))

  test(`[MQTT-3.1.3-5] [v3.1.1 MQTT-3.1.3-5] client ids of 1 and of 23 letters and digits are allowed, version ${version}`, async t => {
    for (const clientId of ['a', '0', '0123456789abcdefghijklm', 'nopqrstuvwxyzABCDEFGHIJ', 'KLMNOPQRSTUVWXYZ']) {
      const client = await join(t, broker, { version, clientId })
      await client.expectNothing()
    }
  })

  test(`[MQTT-3.1.3-5] [v3.1.1 MQTT-3.1.3-5] longer client ids and other characters are allowed too, version ${version}`, async t => {
    const client = await join(t, broker, { version, clientId: `${unique()} é€/${'x'.repeat(200)}` })
    await client.expectNothing()
  })

  test(`[MQTT-3.1.3-11] [v3.1.1 MQTT-3.1.3-10] a will topic that is not UTF-8 is refused, version ${version}`, t =>
    refused(t, { version, will: { topic: hex`'a' FF` } }))

  test(`[MQTT-3.1.3-12] [v3.1.1 MQTT-3.1.3-11] a user name that is not UTF-8 is refused, version ${version}`, t =>
    refused(t, { version, username: hex`'a' ED A0 80` }))

  test(`[MQTT-3.1.4-1] [v3.1.1 MQTT-3.1.4-1] [v3.1.1 MQTT-3.2.2-6] bytes behind the last field are refused, version ${version}`, async t => {
    const client = await dial(t, broker, version)
    const noProperties = version === 5 ? hex`00` : hex``
    client.send(
      packetBytes(0x10, hex`00 04 'MQTT' ${version} 02 00 3C`, noProperties, lengthPrefixed(unique()), hex`00`),
    )
    await expectConnectRefused(client, ...malformed)
  })

  test(`[MQTT-3.1.4-1] [v3.1.1 MQTT-3.1.4-1] flags in the first byte are refused, version ${version}`, async t => {
    const client = await dial(t, broker, version)
    const bytes = connectBytes({ version, clientId: unique('c') })
    client.send(concat(hex`11`, bytes.subarray(1)))
    await expectConnectRefused(client, ...malformed)
  })

  test(`[MQTT-3.1.4-3] [v3.1.1 MQTT-3.1.4-2] the older connection of a client id is closed, the newer one serves, version ${version}`, async t => {
    const clientId = unique('c')
    const older = await join(t, broker, { version, clientId })
    const newer = await join(t, broker, { version, clientId })
    await older.expectDisconnect(0x8e)
    await newer.expectNothing()
  })

  test(`[MQTT-3.1.4-6] [v3.1.1 MQTT-3.1.4-5] what follows a refused CONNECT is not processed, version ${version}`, async t => {
    const topic = unique()
    const watcher = await join(t, broker, { version })
    await subscribe(watcher, [{ filter: topic }])
    const client = await dial(t, broker, version)
    client.send(connectBytes(refusable[version]), publishBytes({ version, topic, payload: 'x' }))
    await client.expectConnack()
    await client.expectClosed()
    await watcher.expectNothing()
  })
}

/** Well-formed CONNECTs that this broker refuses with a CONNACK. */
const refusable: Readonly<Record<4 | 5, ConnectFields>> = {
  4: { version: 4, clientId: '', cleanStart: false },
  5: { clientId: 'x', properties: property.authenticationMethod('no such method') },
}

test('[MQTT-3.1.2-2] [v3.1.1 MQTT-3.1.2-2] [v3.1.1 MQTT-3.2.2-5] an unknown protocol level is answered with return code 1 and cut off', async t => {
  for (const protocolLevel of [0, 2, 6, 255]) {
    const client = await dial(t, broker, 4)
    client.send(connectBytes({ version: 4, protocolLevel, clientId: unique('c') }))
    await client.expect('20 02 00 01')
    await client.expectClosed()
  }
})

test('[MQTT-3.1.2-2] levels 3, 4 and 5 are served', async t => {
  for (const version of [3, 4, 5] as const) await (await join(t, broker, { version })).expectNothing()
})

test('[v3.1.1 MQTT-3.1.2-22] a password without a user name is refused in 3.1.1', async t => {
  await refused(t, { version: 4, password: 'p' })
})

test('[MQTT-3.1.2-19] a password without a user name is allowed in 5.0', async t => {
  await join(t, broker, { password: 'p' })
})

test('[MQTT-3.1.2-24] [MQTT-3.1.2-25] a message above the Maximum Packet Size is dropped, one of just that size arrives', async t => {
  const topic = unique()
  const subscriber = await join(t, broker, { properties: property.maximumPacketSize(64) })
  await subscribe(subscriber, [{ filter: topic }])
  const publisher = await join(t, broker)
  const head = 2 + 2 + topic.length + 1
  await publish(publisher, { topic, payload: 'x'.repeat(64 - head + 1) })
  await publish(publisher, { topic, payload: 'y'.repeat(64 - head) })
  const { bytes } = await subscriber.expectPacket('PUBLISH')
  assert.equal(bytes.length, 64)
  assert.equal(bytes.at(-1), 'y'.charCodeAt(0))
})

test('[MQTT-3.1.2-24] a client for whom not even CONNACK fits is cut off', async t => {
  for (const [clientId, maximum] of [
    [unique('c'), 4],
    ['', 20],
  ] as const) {
    const client = await dial(t, broker)
    client.send(connectBytes({ clientId, properties: property.maximumPacketSize(maximum) }))
    await client.expectClosed()
  }
})

test('[MQTT-3.1.2-25] [MQTT-4.9.0-2] a message too large to send counts as delivered: it takes no place in flight', async t => {
  const topic = unique()
  const properties = concat(property.maximumPacketSize(64), property.receiveMaximum(1))
  const subscriber = await join(t, broker, { properties })
  await subscribe(subscriber, [{ filter: topic, qos: 2 }])
  const publisher = await join(t, broker)
  for (const qos of [1, 2]) await publish(publisher, { topic, qos, payload: 'x'.repeat(100) })
  await publish(publisher, { topic, qos: 1, payload: 'small' })
  assert.equal((await subscriber.expectPublish()).payload, 'small')
})

test('[MQTT-3.1.2-26] [MQTT-3.3.2-11] topic aliases to a client stay within its Topic Alias Maximum and resolve', async t => {
  const base = unique()
  const subscriber = await join(t, broker, { properties: property.topicAliasMaximum(2) })
  await subscribe(subscriber, [{ filter: `${base}/#` }])
  const publisher = await join(t, broker)
  const aliases = new Map<unknown, string>()
  for (const topic of ['a', 'b', 'c', 'a', 'b', 'c'].map(each => `${base}/${each}`)) {
    await publish(publisher, { topic })
    const message = await subscriber.expectPublish()
    const alias = message.properties.find(([name]) => name === 'topicAlias')?.[1]
    assert(alias === undefined || alias === 1 || alias === 2, `alias ${alias}`)
    if (message.topic !== '' && alias !== undefined) aliases.set(alias, message.topic)
    assert.equal(message.topic || aliases.get(alias), topic)
  }
})

test('[MQTT-3.1.2-27] without a Topic Alias Maximum no topic alias is sent', async t => {
  for (const properties of [hex``, property.topicAliasMaximum(0)]) {
    const topic = unique()
    const subscriber = await join(t, broker, { properties })
    await subscribe(subscriber, [{ filter: topic }])
    const publisher = await join(t, broker)
    for (let count = 0; count < 3; count += 1) await publish(publisher, { topic })
    for (const message of await drain(subscriber)) {
      assert.equal(message.topic, topic)
      assert.deepEqual(message.properties, [])
    }
  }
})

test('[MQTT-3.1.2-28] Response Information is not sent to a client that does not ask for it', async t => {
  for (const properties of [hex``, property.requestResponseInformation(0)]) {
    const { connack } = await joinWithConnack(t, broker, { properties })
    assert(!connack.properties.some(([name]) => name === 'responseInformation'))
  }
})

test('[MQTT-3.1.2-29] with Request Problem Information 0 no acknowledgement explains itself', async t => {
  const client = await join(t, broker, { properties: property.requestProblemInformation(0) })
  client.send(hex`82 08 00 01 00 (a wildcard misplaced) 00 02 'a#' 00`)
  const packet = await client.packetOrEnd()
  if (packet?.name !== 'SUBACK') return assert.equal(packet?.name, 'DISCONNECT')
  assert.equal(packet.body[2], 0, 'no properties')
  client.send(publishBytes({ topic: unique(), qos: 1, packetId: 2 }))
  assert.deepEqual((await client.expectAcknowledgement('PUBACK')).properties, [])
})

test('[MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16] an empty client id gets a new one each time, told in CONNACK and good for coming back', async t => {
  for (const cleanStart of [true, false]) {
    const properties = property.sessionExpiryInterval(60)
    const first = await joinWithConnack(t, broker, { clientId: '', cleanStart, properties })
    const second = await joinWithConnack(t, broker, { clientId: '', cleanStart, properties })
    const assigned = [first, second].map(({ connack }) =>
      String(new Map(connack.properties).get('assignedClientIdentifier')),
    )
    assert.equal(new Set(assigned).size, 2)
    assert(assigned.every(id => id.length > 8))
    assert.equal(first.connack.sessionPresent, false)
    const again = await joinWithConnack(t, broker, { clientId: assigned[0]!, cleanStart: false, properties })
    assert.equal(again.connack.sessionPresent, true)
    assert(!new Map(again.connack.properties).has('assignedClientIdentifier'))
    await first.client.expectDisconnect(0x8e)
    await second.client.expectNothing()
  }
})

test('[v3.1.1 MQTT-3.1.3-6] an empty client id with CleanSession 1 is served, and two of them do not displace each other', async t => {
  const first = await join(t, broker, { version: 4, clientId: '' })
  const second = await join(t, broker, { version: 4, clientId: '' })
  await first.expectNothing()
  await second.expectNothing()
})

test('[v3.1.1 MQTT-3.1.3-7] [v3.1.1 MQTT-3.1.3-8] [v3.1.1 MQTT-3.2.2-5] an empty client id with CleanSession 0 is answered with return code 2 and cut off', async t => {
  const client = await dial(t, broker, 4)
  client.send(connectBytes({ version: 4, clientId: '', cleanStart: false }))
  await client.expect('20 02 00 02')
  await client.expectClosed()
})

for (const version of versions) {
  test(`[MQTT-3.1.3-8] [v3.1.1 MQTT-3.1.3-9] [MQTT-3.2.2-7] [v3.1.1 MQTT-3.2.2-5] a rejected client id is told so and cut off, version ${version}`, async t => {
    const strict = await startWireBroker(t, 'allow_anonymous true\nallow_zero_length_clientid false')
    await rejection(t, strict, { version, clientId: '' }, { 4: 0x02, 5: 0x85 })
    await join(t, strict, { version, clientId: 'named' })
  })

  test(`[MQTT-3.1.4-2] [MQTT-3.2.2-7] [MQTT-3.2.2-8] [v3.1.1 MQTT-3.2.2-5] a client that may not connect is told so and cut off, version ${version}`, async t => {
    const closed = await startWireBroker(t, 'allow_anonymous false')
    await rejection(t, closed, { version, clientId: unique('c') }, { 4: 0x05, 5: 0x87 })
  })
}

async function rejection(
  t: test.TestContext,
  at: WireBroker,
  fields: ConnectFields,
  codes: Readonly<Record<4 | 5, number>>,
): Promise<void> {
  const client = await dial(t, at, fields.version)
  client.send(connectBytes(fields))
  const { reasonCode, flags } = await client.expectConnack()
  assert.deepEqual([reasonCode, flags], [codes[fields.version === 4 ? 4 : 5], 0])
  await client.expectClosed()
}

for (const [what, properties] of [
  ['Receive Maximum 0', property.receiveMaximum(0)],
  ['Maximum Packet Size 0', property.maximumPacketSize(0)],
  ['Request Problem Information 2', property.requestProblemInformation(2)],
  ['Request Response Information 2', property.requestResponseInformation(2)],
  ['a property twice', concat(property.receiveMaximum(1), property.receiveMaximum(1))],
  ['a property of PUBLISH', property.topicAlias(1)],
  ['an unknown property', hex`7E 00`],
  ['a property that breaks off', hex`11 00 00`],
  ['authentication data without a method', property.authenticationData('x')],
] as const) {
  test(`[MQTT-3.1.4-1] ${what} is refused`, t => refused(t, { properties }))
}

test('[MQTT-3.1.4-1] a property of CONNECT among those of the will is refused', t =>
  refused(t, { will: { topic: 'w', properties: property.receiveMaximum(1) } }))

test('[MQTT-3.1.4-5] [v3.1.1 MQTT-3.1.4-4] [MQTT-3.2.0-1] [v3.1.1 MQTT-3.2.0-1] a good CONNECT is answered with CONNACK first, before anything it sent along', async t => {
  const client = await dial(t, broker, 4)
  client.send(connectBytes({ version: 4, clientId: unique('c') }), pingreqBytes)
  await client.expect('20 02 00 00 D0 00')
  const five = await dial(t, broker, 5)
  five.send(connectBytes({ clientId: unique('c') }), pingreqBytes)
  assert.equal((await five.expectConnack()).reasonCode, 0)
  await five.expect('D0 00')
})

test('[MQTT-3.1.2-23] a session whose expiry interval has passed is gone, one whose has not is there', async t => {
  const kept = unique('kept')
  const gone = unique('gone')
  for (const [clientId, seconds] of [
    [kept, 3600],
    [gone, 1],
  ] as const) {
    const client = await join(t, broker, { clientId, properties: property.sessionExpiryInterval(seconds) })
    client.send(hex`E0 00`)
    await client.expectClosed()
  }
  await timePasses(t, broker)
  const present = async (clientId: string) =>
    (await joinWithConnack(t, broker, { clientId, cleanStart: false })).connack.sessionPresent
  assert.deepEqual([await present(kept), await present(gone)], [true, false])
})
