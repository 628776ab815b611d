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
  const arrived = new Promise<IPublishPacket>(resolve =>
    client.once('message', (_topic, _payload, packet) => resolve(packet)),
  )
  const properties = {
    payloadFormatIndicator: true,
    contentType: 'text/plain',
    responseTopic: 'answers/here',
    correlationData: Buffer.from([0, 255, 1]),
    userProperties: { b: ['1', '3'], a: '2' },
  }
  await client.publishAsync(topic, 'payload', { qos: 1, properties: { ...properties, messageExpiryInterval: 600 } })
  const { messageExpiryInterval = 0, subscriptionIdentifier, ...others } = (await arrived).properties ?? {}
  assert.deepEqual({ ...others, userProperties: { ...others.userProperties } }, properties)
  assert(messageExpiryInterval >= 598 && messageExpiryInterval <= 600, `expiry ${messageExpiryInterval}`)
  // MQTT 5 §3.3.4: one PUBLISH with all identifiers or one each; Mosquitto sends one per subscription, and so may we.
  assert([subscriptionIdentifier].flat().includes(7) || [subscriptionIdentifier].flat().includes(128))
})
