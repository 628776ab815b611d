// MQTT.js goes through the matrix.

import assert from 'node:assert/strict'
import test from 'node:test'
import { connect, type IPublishPacket } from 'mqtt'
import { testMatrix, testMatrixOverTls, unique } from './matrix.ts'
import { shareMatrixBroker } from './matrix-broker.ts'
import { connected, connectOptions, mqttJsClient } from './mqtt-js-client.ts'

const broker = shareMatrixBroker()

testMatrix(mqttJsClient, broker)
testMatrixOverTls(mqttJsClient, broker, broker.tlsTarget)

test('interop: MQTT.js gets the properties of MQTT 5 as they were sent, and the identifiers of its subscriptions', async t => {
  const client = connect(await connectOptions({ port: broker.process.port, version: 5 }))
  t.after(() => client.end(true))
  await connected(client)
  const topic = unique('properties/')
  await client.subscribeAsync(topic, { qos: 1, properties: { subscriptionIdentifier: 7 } })
  await client.subscribeAsync(`${topic}/#`, { qos: 0, properties: { subscriptionIdentifier: 128 } })
  const packets: IPublishPacket[] = []
  const arrived = new Promise<void>(resolve => {
    client.on('message', (_topic, _payload, packet) => {
      if (packets.push(packet) === 2) resolve()
    })
  })
  const properties = {
    payloadFormatIndicator: true,
    contentType: 'text/plain',
    responseTopic: 'answers/here',
    correlationData: Buffer.from([0, 255, 1]),
    userProperties: { b: ['1', '3'], a: '2' },
  }
  await client.publishAsync(topic, 'payload', { qos: 1, properties: { ...properties, messageExpiryInterval: 600 } })
  await arrived
  for (const packet of packets) {
    const { messageExpiryInterval = 0, subscriptionIdentifier: _, ...others } = packet.properties ?? {}
    assert.deepEqual({ ...others, userProperties: { ...others.userProperties } }, properties)
    assert(messageExpiryInterval >= 598 && messageExpiryInterval <= 600, `expiry ${messageExpiryInterval}`)
  }
  // One copy for each subscription, with its QoS and its identifier (allow_duplicate_messages is true).
  const copies = packets.map(({ qos, properties: own }) => [qos, own?.subscriptionIdentifier]).sort()
  assert.deepEqual(copies, [
    [0, 128],
    [1, 7],
  ])
})
