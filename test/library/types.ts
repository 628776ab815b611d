// What must compile for whoever embeds the broker, and what must not. The compiler is the test: see `npm run check`.

import type { Duplex } from 'node:stream'
import { type Broker, type BrokerOptions, createBroker, type Hooks, type Message, type Subscription } from 'castellan'

/** Never called. */
export async function accepted(stream: Duplex): Promise<void> {
  const broker: Broker = await createBroker({
    max_packet_size: 1000,
    log_type: ['error', 'warning'],
    acl_file: 'acl',
    persistence: true,
    listeners: [{ port: 1883, max_qos: 1, allow_anonymous: true }, { path: '/run/mqtt.sock' }],
    given: { allow_anonymous: true },
    hooks: {
      authenticate: async ({ username, password }) => username === 'a' && password?.toString() === 'b',
      authorizePublish: ({ clientId }, topicName) => topicName.startsWith(clientId),
      incoming: (_, { payload }) => ({ payload: payload.subarray(1) }),
      outgoing: () => false,
    },
    log: (type, line) => `${type} ${line}`.length,
  })
  const subscription: Subscription = await broker.subscribe('a/#', { qos: 1 })
  for await (const message of subscription) message satisfies Message
  await broker.subscribe('a', ({ payload }) => payload.byteLength)
  await broker.publish('a', 'text', { qos: 2, retain: true, properties: { contentType: 'text/plain' } })
  broker.on('clientConnect', ({ client }) => client.clientId.length).handle(stream)
  await broker.close()
}

export const text: BrokerOptions = { conf: 'listener 1883', given: {} }

/** Never called either. */
export async function refused(broker: Broker): Promise<void> {
  // @ts-expect-error an option that there is not
  await createBroker({ max_packet_sise: 1 })
  // @ts-expect-error a value of the wrong kind
  await createBroker({ max_packet_size: '1000' })
  // @ts-expect-error a listener without a place
  await createBroker({ listeners: [{ max_qos: 1 }] })
  // @ts-expect-error a listener with two places
  await createBroker({ listeners: [{ port: 1, path: '/run/x' }] })
  // @ts-expect-error text and an option beside it
  await createBroker({ conf: '', persistence: true })
  // @ts-expect-error the broker takes the identity of its program
  await createBroker({ user: 'nobody' })
  // @ts-expect-error streams that are handed over have their TLS already
  await createBroker({ given: { certfile: 'x' } })
  // @ts-expect-error a QoS that there is not
  await broker.publish('a', '', { qos: 3 })
  // @ts-expect-error a payload is text or bytes
  await broker.publish('a', { a: 1 })
  // @ts-expect-error an event that there is not
  broker.on('clientConnected', () => {})
  // @ts-expect-error nobody but the broker makes clients
  broker.clients.push(broker.clients[0])
  // @ts-expect-error a message is read only
  await broker.subscribe('a', message => (message.topicName = 'b'))
}

// @ts-expect-error topics are judged at once
export const late: Hooks = { authorizePublish: async () => true }
// @ts-expect-error nothing is no answer
export const silent: Hooks = { authenticate: () => {} }
