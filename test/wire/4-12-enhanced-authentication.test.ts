// MQTT 5 §4.12 and §3.15: AUTH, with SCRAM-SHA-256.

import assert from 'node:assert/strict'
import test from 'node:test'
import { concat, hex } from '../support/bytes.ts'
import { authBytes, connectBytes, packetBytes, pingreqBytes, publishBytes } from '../support/packet-bytes.ts'
import { onlyProperty, type PropertyList, property } from '../support/property-bytes.ts'
import type { RawClient } from '../support/raw-client.ts'
import { pencilEntry, ScramClient } from '../support/scram-client.ts'
import { dial, join, joinWithConnack, publish, shareWireBroker, subscribe, unique } from '../support/wire-broker.ts'

const method = 'SCRAM-SHA-256'
const broker = shareWireBroker('allow_anonymous true\npassword_file passwords', { passwords: `${pencilEntry}\n` })

const authentication = (data: string, name = method) =>
  concat(property.authenticationMethod(name), property.authenticationData(data))

function dataOf(properties: PropertyList): string {
  return Buffer.from(String(onlyProperty(properties, 'authenticationData') ?? ''), 'hex').toString()
}

/** Sends CONNECT with the first message and takes the AUTH that asks for more. */
async function begun(t: test.TestContext, scram: ScramClient, extra: Uint8Array = hex``) {
  const client = await dial(t, broker)
  const clientId = unique('c')
  client.send(connectBytes({ clientId, properties: concat(authentication(scram.first()), extra) }))
  return { client, challenge: await client.expectAuth() }
}

/** A connection that was authenticated with SCRAM. */
async function authenticated(t: test.TestContext): Promise<RawClient> {
  const scram = new ScramClient()
  const { client, challenge } = await begun(t, scram)
  client.send(authBytes(0x18, authentication(scram.final(dataOf(challenge.properties)))))
  assert.equal((await client.expectConnack()).reasonCode, 0)
  return client
}

test('[MQTT-4.12.0-2] [MQTT-4.12.0-5] [MQTT-3.15.2-1] SCRAM: AUTH 0x18 asks for the proof, CONNACK 0x00 brings the own, each names the method', async t => {
  const scram = new ScramClient()
  const { client, challenge } = await begun(t, scram)
  assert.equal(challenge.reasonCode, 0x18)
  assert.equal(onlyProperty(challenge.properties, 'authenticationMethod'), method)
  client.send(authBytes(0x18, authentication(scram.final(dataOf(challenge.properties)))))
  const { reasonCode, properties } = await client.expectConnack()
  assert.equal(reasonCode, 0)
  assert.equal(onlyProperty(properties, 'authenticationMethod'), method)
  assert(scram.proves(dataOf(properties)))
  await publish(client, { topic: unique(), qos: 1 })
})

for (const [what, name, password] of [
  ['a wrong password', 'user', 'pencils'],
  ['an unknown user', 'nobody', 'pencil'],
] as const) {
  test(`[MQTT-4.12.0-4] [MQTT-3.2.2-7] ${what} is refused after the proof, with 0x86 or 0x87, and cut off`, async t => {
    const scram = new ScramClient(name, password)
    const { client, challenge } = await begun(t, scram)
    assert.equal(challenge.reasonCode, 0x18)
    client.send(authBytes(0x18, authentication(scram.final(dataOf(challenge.properties)))))
    const { reasonCode } = await client.expectConnack()
    assert([0x86, 0x87].includes(reasonCode), `CONNACK says 0x${reasonCode.toString(16)}`)
    await client.expectClosed()
  })
}

for (const data of ['', 'nonsense', 'n,,n=user', 'p=tls-unique,,n=user,r=abc']) {
  test(`[MQTT-4.12.0-4] first message '${data}' is refused and cut off`, async t => {
    const client = await dial(t, broker)
    client.send(connectBytes({ clientId: unique('c'), properties: authentication(data) }))
    assert((await client.expectConnack()).reasonCode >= 0x80)
    await client.expectClosed()
  })
}

test('[MQTT-4.12.0-1] an unknown method is answered with 0x8C and cut off', async t => {
  for (const name of ['SCRAM-SHA-1', 'scram-sha-256', 'X', '']) {
    const client = await dial(t, broker)
    client.send(connectBytes({ clientId: unique('c'), properties: authentication('n,,n=user,r=abc', name) }))
    assert.equal((await client.expectConnack()).reasonCode, 0x8c)
    await client.expectClosed()
  }
})

test('[MQTT-4.12.0-3] [MQTT-4.12.0-5] an AUTH with another code or another method during the exchange ends the connection', async t => {
  for (const bytes of [
    authBytes(0x00, authentication('x')),
    authBytes(0x19, authentication('x')),
    authBytes(0x18, authentication('x', 'X')),
  ]) {
    const { client } = await begun(t, new ScramClient())
    client.send(bytes)
    const packet = await client.packetOrEnd()
    if (packet) assert.deepEqual([packet.name, packet.body[1]! >= 0x80], ['CONNACK', true])
    await client.expectClosed()
  }
})

test('[MQTT-3.1.2-30] [MQTT-3.14.0-1] [MQTT-3.2.0-1] anything but AUTH and DISCONNECT during the exchange ends the connection, without DISCONNECT', async t => {
  for (const bytes of [pingreqBytes, publishBytes({ topic: 'a' }), connectBytes({ clientId: unique('c') })]) {
    const { client } = await begun(t, new ScramClient())
    client.send(bytes)
    const packet = await client.packetOrEnd()
    if (packet) assert.deepEqual([packet.name, packet.body[1]! >= 0x80], ['CONNACK', true])
    await client.expectClosed()
  }
})

test('[MQTT-4.12.0-4] a client may give the exchange up with DISCONNECT', async t => {
  const { client } = await begun(t, new ScramClient())
  client.send(hex`E0 00`)
  await client.expectClosed()
})

test('[MQTT-4.12.0-6] without a method in CONNECT there is no AUTH and none in CONNACK', async t => {
  const { connack } = await joinWithConnack(t, broker)
  assert.equal(onlyProperty(connack.properties, 'authenticationMethod'), undefined)
  assert.equal(onlyProperty(connack.properties, 'authenticationData'), undefined)
})

test('[MQTT-4.12.0-7] AUTH from a client without a method ends the connection', async t => {
  const client = await join(t, broker)
  client.send(authBytes(0x19, authentication(new ScramClient().first())))
  await client.expectDisconnect(0x82, 0x8c)
})

test('[MQTT-4.12.1-1] [MQTT-3.15.2-1] re-authentication with the same method ends in AUTH 0x00, and the connection goes on meanwhile', async t => {
  const client = await authenticated(t)
  const topic = unique()
  await subscribe(client, [{ filter: topic }])
  const scram = new ScramClient()
  client.send(authBytes(0x19, authentication(scram.first())))
  const challenge = await client.expectAuth()
  assert.equal(challenge.reasonCode, 0x18)
  await publish(await join(t, broker), { topic })
  await client.expectPublish()
  client.send(authBytes(0x18, authentication(scram.final(dataOf(challenge.properties)))))
  const { reasonCode, properties } = await client.expectAuth()
  assert.equal(reasonCode, 0x00)
  assert.equal(onlyProperty(properties, 'authenticationMethod'), method)
  assert(scram.proves(dataOf(properties)))
  await client.expectNothing()
})

test('[MQTT-4.12.1-1] re-authentication with another method ends the connection', async t => {
  const client = await authenticated(t)
  client.send(authBytes(0x19, authentication(new ScramClient().first(), 'SCRAM-SHA-1')))
  await client.expectDisconnect(0x8c, 0x82)
})

test('[MQTT-4.12.1-2] a failed re-authentication ends the connection', async t => {
  const client = await authenticated(t)
  const scram = new ScramClient('user', 'wrong')
  client.send(authBytes(0x19, authentication(scram.first())))
  const challenge = await client.expectAuth()
  client.send(authBytes(0x18, authentication(scram.final(dataOf(challenge.properties)))))
  await client.expectDisconnect(0x86, 0x87)
})

test('[MQTT-4.12.1-2] AUTH 0x18 without a re-authentication that had begun ends the connection', async t => {
  const client = await authenticated(t)
  client.send(authBytes(0x18, authentication('x')))
  await client.expectDisconnect(0x82)
})

for (const firstByte of [0xf1, 0xf2, 0xf8]) {
  test(`[MQTT-3.15.1-1] AUTH with first byte 0x${firstByte.toString(16)} ends the connection`, async t => {
    const client = await authenticated(t)
    client.send(packetBytes(firstByte, hex`19 00`))
    await client.expectDisconnect(0x81)
  })
}

test('[MQTT-3.15.2-1] AUTH with a code that is not of its table ends the connection', async t => {
  for (const reasonCode of [0x01, 0x17, 0x80, 0xff]) {
    const client = await authenticated(t)
    client.send(authBytes(reasonCode, authentication('x')))
    await client.expectDisconnect(0x81, 0x82)
  }
})

test('[MQTT-3.15.2-2] [MQTT-3.15.2-3] AUTH stays within the Maximum Packet Size: it holds the method and the data, and nothing else', async t => {
  const { challenge } = await begun(t, new ScramClient(), property.maximumPacketSize(200))
  assert.deepEqual(challenge.properties.map(([name]) => name).sort(), ['authenticationData', 'authenticationMethod'])
})
