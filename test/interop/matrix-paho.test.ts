// Debian's python3-paho-mqtt 1.6 goes through the matrix.

import assert from 'node:assert/strict'
import test from 'node:test'
import { testMatrix, testMatrixOverTls, unique } from './matrix.ts'
import { shareMatrixBroker } from './matrix-broker.ts'
import { connectCommand, PahoPool, pahoClient } from './paho-client.ts'
import { fileScope } from './shared-broker.ts'

const broker = shareMatrixBroker()
const pool = new PahoPool(fileScope())
const paho = pahoClient(pool)

testMatrix(paho, broker)
testMatrixOverTls(paho, broker, broker.tlsTarget)

test('interop: paho gets the properties of MQTT 5 as they were sent, user properties in order', async t => {
  const client = pool.take(t)
  client.tell(connectCommand({ port: broker.process.port, version: 5 }))
  await client.waitFor('connected')
  const topic = unique('properties/')
  client.tell({ do: 'subscribe', topic, qos: 1, properties: { SubscriptionIdentifier: 16_384 } })
  await client.waitFor('subscribed')
  const properties = {
    UserProperty: [
      ['b', '1'],
      ['a', '2'],
      ['b', '3'],
    ],
    ContentType: 'text/plain',
    ResponseTopic: 'answers/here',
    PayloadFormatIndicator: 1,
  }
  client.tell({ do: 'publish', topic, payload: 'x', qos: 1, properties: { ...properties, MessageExpiryInterval: 600 } })
  const { MessageExpiryInterval: expiry, ...others } = (await client.waitFor('message'))['properties'] as {
    readonly [name: string]: unknown
  }
  assert.deepEqual(others, { ...properties, SubscriptionIdentifier: [16_384] })
  assert(Number(expiry) >= 598 && Number(expiry) <= 600, `expiry ${expiry}`)
})
