// MQTT over WebSockets with MQTT.js, the client of most web pages; Debian's own tools speak none.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { throwawayPki } from '../support/authority.ts'
import { startBroker } from '../support/broker-process.ts'
import { connectMqttJs } from '../support/clients.ts'

for (const version of [3, 4, 5] as const) {
  test(`protocol websockets: MQTT.js with MQTT ${version} at every QoS, small and large`, async t => {
    const broker = await startBroker(t, {
      config: ({ port }) => `listener ${port} 127.0.0.1\nprotocol websockets\nallow_anonymous true`,
    })
    const protocolId = version === 3 ? 'MQIsdp' : 'MQTT'
    const url = `ws://127.0.0.1:${broker.port}/mqtt`
    const client = await connectMqttJs(t, url, { protocolVersion: version, protocolId })
    await client.subscribeAsync('a/#', { qos: 2 })
    for (const qos of [0, 1, 2] as const) {
      for (const size of [1, 200_000]) {
        const arrived = new Promise<[string, Buffer]>(resolve =>
          client.once('message', (...message) => resolve([message[0], message[1]])),
        )
        await client.publishAsync('a/b', Buffer.alloc(size, 'x'), { qos })
        const [topic, payload] = await arrived
        assert.equal(topic, 'a/b')
        assert.equal(payload.length, size)
      }
    }
    await client.endAsync()
    assert.ok(!broker.lines.some(line => /socket error|bad socket|Protocol error/i.test(line)))
  })
}

test('features C14: MQTT.js over TLS with a client certificate, whose name counts', async t => {
  const pki = await throwawayPki()
  const broker = await startBroker(t, {
    config: ({ port }) =>
      [
        `listener ${port} 127.0.0.1`,
        'protocol websockets',
        `certfile ${pki.server.cert}`,
        `keyfile ${pki.server.key}`,
        `cafile ${pki.authority.ca.cert}`,
        'require_certificate true',
        'use_identity_as_username true',
      ].join('\n'),
  })
  const url = `wss://localhost:${broker.port}/mqtt`
  const ca = readFileSync(pki.authority.ca.cert)
  const client = await connectMqttJs(t, url, {
    ca,
    cert: readFileSync(pki.client.cert),
    key: readFileSync(pki.client.key),
    clientId: 'page',
  })
  await broker.waitForLine(/New client connected from \S+ as page \(p4, c1, k60, u'user1'\)/)
  await client.endAsync()
  await broker.waitForLine(/Client page .*disconnected\.$/)
  await assert.rejects(connectMqttJs(t, url, { ca, connectTimeout: 3000 }))
})
