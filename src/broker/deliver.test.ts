import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine, lasting } from '../../test/support/engine.ts'
import { PacketType, type QoS } from '../mqtt/packet.ts'

test('[MQTT-4.3.1-1] a client whose thousands of answers have not left yet still gets the QoS 0 messages of others', () => {
  const engine = new Engine()
  const [publisher, bursting] = [engine.connect('p'), engine.connect('bursting')]
  bursting.subscribe('#')
  for (let i = 0; i < 5000; i++) bursting.send({ type: PacketType.pingreq })
  for (let i = 0; i < 10; i++) publisher.publish('t', `${i}`)
  assert.deepEqual(
    bursting.payloads(),
    Array.from({ length: 10 }, (_, i) => `${i}`),
  )
})

test('max_buffered_bytes: a client with that many bytes before it gets no more QoS 0 messages until it has taken them', () => {
  const engine = new Engine()
  const [publisher, slow] = [engine.connect('p'), engine.connect('slow')]
  slow.subscribe('#')
  slow.transport.queuedBytes = engine.broker.settings.max_buffered_bytes
  publisher.publish('t', 'lost')
  slow.drain()
  publisher.publish('t', 'kept')
  assert.deepEqual(slow.payloads(), ['kept'])
})

test('$SYS counts a message that waited and expired as dropped, and no other', () => {
  const engine = new Engine()
  engine.connect('away', lasting()).subscribe('#', { qos: 1 })
  engine.connect('away', lasting()).vanish()
  const publisher = engine.connect('p')
  publisher.publish('t', 'expires', { qos: 1, properties: { messageExpiryInterval: 10 } })
  publisher.publish('t', 'stays', { qos: 1 })
  engine.pass(10_000)
  assert.deepEqual(engine.connect('away', lasting()).answerAll(), ['stays'])
  assert.equal(engine.broker.counters.publishDropped, 1)
})

test('[MQTT-3.8.4-8] [MQTT-3.3.1-13] [MQTT-3.3.4-3] each of many subscriptions gets a message at its QoS, with its retain flag and its identifier', () => {
  const engine = new Engine()
  const kinds: readonly [QoS, boolean, number | undefined][] = [
    [0, false, undefined],
    [0, false, undefined],
    [1, false, undefined],
    [0, true, undefined],
    [0, true, 7],
    [0, true, 7],
    [0, true, 8],
    [0, true, undefined],
    [2, false, undefined],
  ]
  const clients = kinds.map(([qos, retainAsPublished, identifier], index) => {
    const client = engine.connect(`c${index}`)
    client.subscribe('#', { qos, retainAsPublished }, identifier)
    return client
  })
  engine.connect('p').publish('t', 'x', { qos: 1, retain: true })
  kinds.forEach(([qos, retainAsPublished, identifier], index) => {
    const packet = clients[index]?.expectPublish('x')
    assert.deepEqual(
      [packet?.qos, packet?.retain, packet?.properties.subscriptionIdentifiers],
      [Math.min(qos, 1), retainAsPublished, identifier === undefined ? undefined : [identifier]],
    )
  })
})
