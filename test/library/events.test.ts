// Events: what is told, of whom, in which order, and that a listener which fails harms nobody.

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import test from 'node:test'
import type { BrokerEvents, EventName } from '../../src/library/index.ts'
import { embed, join, nextEvent } from '../support/embedded.ts'

const open = { allow_anonymous: true }

test('the life of a client: connect, subscribe, published, acknowledged, unsubscribe, disconnect, in this order', async t => {
  const { broker, port } = await embed(t, open)
  const told: string[] = []
  const tell = <N extends EventName>(name: N, text: (event: BrokerEvents[N]) => string) =>
    broker.on(name, event => told.push(`${name} ${text(event)}`))
  tell('clientConnect', ({ client }) => client.clientId)
  tell('subscribe', ({ client, subscriptions }) => {
    const codes = subscriptions.map(({ topicFilter, reasonCode }) => `${topicFilter}=${reasonCode}`)
    return `${client.clientId} ${codes}`
  })
  tell('published', ({ client, message }) => `${client?.clientId} ${message.topicName} ${message.payload}`)
  tell('acknowledged', ({ client, topicName, qos }) => `${client.clientId} ${topicName} ${qos}`)
  tell('unsubscribe', ({ client, topicFilters }) => `${client.clientId} ${topicFilters}`)
  tell('clientDisconnect', ({ client, reasonCode }) => `${client.clientId} ${reasonCode}`)
  const client = await join(t, port, 'a')
  await client.subscribeAsync('t', { qos: 2 })
  for (const qos of [1, 2] as const) {
    const acknowledged = nextEvent(broker, 'acknowledged')
    await client.publishAsync('t', 'x', { qos })
    await acknowledged
  }
  await client.unsubscribeAsync('t')
  const gone = nextEvent(broker, 'clientDisconnect')
  await client.endAsync()
  await gone
  assert.deepEqual(told, [
    'clientConnect a',
    'subscribe a t=2',
    'published a t x',
    'acknowledged a t 1',
    'published a t x',
    'acknowledged a t 2',
    'unsubscribe a t',
    'clientDisconnect a undefined',
  ])
})

test('published: what rules or limits refuse is not told of, and a message of the program has no client', async t => {
  const { broker, port } = await embed(t, {
    ...open,
    message_size_limit: 10,
    hooks: { authorizePublish: (_, topicName) => topicName !== 'no' },
  })
  const told: string[] = []
  broker.on('published', ({ client, message }) => told.push(`${client?.clientId} ${message.topicName}`))
  const client = await join(t, port, 'a')
  await client.publishAsync('no', 'x', { qos: 0 })
  await assert.rejects(client.publishAsync('no', 'x', { qos: 1 }))
  await assert.rejects(client.publishAsync('t', 'x'.repeat(11), { qos: 1 }))
  await client.publishAsync('t', 'x', { qos: 1 })
  await broker.publish('own', 'x', { qos: 1 })
  await client.publishAsync('end', 'x', { qos: 1 })
  assert.deepEqual(told, ['a t', 'undefined own', 'a end'])
})

test('clientDisconnect: says why the broker has ended a connection', async t => {
  const { broker, port } = await embed(t, open)
  await join(t, port, 'a')
  const gone = nextEvent(broker, 'clientDisconnect')
  const [client] = broker.clients
  assert.equal(client?.clientId, 'a')
  client?.disconnect()
  assert.equal((await gone).reasonCode, 0x98)
  assert.deepEqual([client?.isConnected, broker.clients], [false, []])
})

test('clientError: a peer that breaks MQTT, with the clause', async t => {
  const { broker, port } = await embed(t, open)
  const failed = nextEvent(broker, 'clientError')
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  // PINGREQ before CONNECT.
  socket.write(Buffer.from('C000', 'hex'))
  const { client, address, error } = await failed
  assert.deepEqual([client, address, error.code], [undefined, '127.0.0.1', 'ERR_MQTT_PROTOCOL_VIOLATION'])
})

test('a listener that throws, or rejects, is named in the log; the others and the broker go on', async t => {
  const lines: string[] = []
  const { broker, port } = await embed(t, { ...open, log: (type, line) => void (type === 'error' && lines.push(line)) })
  broker.on('clientConnect', () => {
    throw new Error('broken')
  })
  broker.on('clientDisconnect', async () => {
    throw new Error('broken, too')
  })
  const connected = nextEvent(broker, 'clientConnect')
  const client = await join(t, port, 'a')
  await connected
  const gone = nextEvent(broker, 'clientDisconnect')
  await client.endAsync()
  await gone
  await broker.publish('turn', '', { qos: 1 })
  assert.deepEqual(lines, [
    "Error: A listener of 'clientConnect' has failed: broken.",
    "Error: A listener of 'clientDisconnect' has failed: broken, too.",
  ])
})

test('off takes a listener away, once calls it once', async t => {
  const { broker, port } = await embed(t, open)
  const told: string[] = []
  const always = () => told.push('always')
  broker.on('clientConnect', always)
  broker.once('clientConnect', () => told.push('once'))
  await join(t, port, 'a')
  await join(t, port, 'b')
  broker.off('clientConnect', always)
  await join(t, port, 'c')
  assert.deepEqual(told, ['always', 'once', 'always'])
})

test('sessionEnd: told when nothing of a session is left, and not while it waits for its client', async t => {
  const { broker, port } = await embed(t, open)
  const told: string[] = []
  broker.on('sessionEnd', ({ clientId }) => told.push(clientId))
  const subscription = await broker.subscribe('t')
  subscription.close()
  const gone = async (clientId: string, options: Parameters<typeof join>[3]) => {
    const disconnected = nextEvent(broker, 'clientDisconnect')
    await (await join(t, port, clientId, options)).endAsync()
    await disconnected
  }
  const lasting = { clean: false, properties: { sessionExpiryInterval: 600 } }
  await gone('short', {})
  await gone('lasting', lasting)
  assert.deepEqual(told, ['short'])
  await gone('lasting', { ...lasting, clean: true })
  assert.deepEqual(told, ['short', 'lasting'])
})
