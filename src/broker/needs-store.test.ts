import assert from 'node:assert/strict'
import test from 'node:test'
import { startDurable } from '../../test/support/durable-engine.ts'
import { type EngineOptions, lasting } from '../../test/support/engine.ts'
import { unrulyStore } from '../../test/support/unruly-store.ts'
import { PacketType } from '../mqtt/packet.ts'

/** A client whose session lasts and that has subscribed to `kept`, one to `free` that does not, and a store that is full. */
async function full(options?: EngineOptions) {
  const store = unrulyStore()
  const engine = await startDurable(store, options)
  const lasts = engine.connect('lasting', lasting())
  lasts.subscribe('kept')
  const passing = engine.connect('passing')
  passing.subscribe('free')
  await engine.broker.journal?.drain()
  store.state = 'full'
  lasts.subscribe('more')
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  assert.equal(engine.broker.journal?.isFailing, true)
  lasts.received()
  return { store, engine, lasts, passing }
}

test('faults: while the store fails, of messages above QoS 0 those are refused that have to be in it, and no others', async () => {
  const { lasts, passing } = await full()
  const answers = (client: typeof lasts, topic: string, qos: 1 | 2, retain = false) => {
    client.publish(topic, 'x', { qos, retain })
    return client.received().map(packet => 'reasonCode' in packet && packet.reasonCode)
  }
  assert.deepEqual(answers(passing, 'kept', 1), [0x97], 'a session that lasts would get it')
  assert.deepEqual(answers(passing, 'nobody', 1, true), [0x97], 'it would be retained')
  assert.deepEqual(answers(lasts, 'nobody', 2), [0x97], 'its packet id would be kept')
  assert.deepEqual(answers(lasts, 'nobody', 1), [0x10])
  assert.deepEqual(answers(passing, 'nobody', 2), [0x10])
})

test('faults: before MQTT 5 a connection ends by a message that cannot be refused otherwise', async () => {
  const { engine } = await full()
  const older = engine.connect('older', { protocolVersion: 4 })
  older.publish('free', 'x', { qos: 1 })
  assert.deepEqual(
    older.received().map(({ type }) => type),
    [PacketType.puback],
  )
  assert.equal(older.transport.closed, false)
  older.publish('kept', 'x', { qos: 1 })
  assert.equal(older.transport.closed, true)
})

test('faults: what promises nothing goes on while the store fails, until more waits for it than memory should hold', async () => {
  const { store, engine, passing } = await full()
  const { broker } = engine
  const dropped = broker.counters.publishDropped
  for (let n = 0; n < 50_100; n++) passing.publish('set', `${n}`, { retain: true })
  assert.equal(broker.journal?.waitingChanges, 50_000)
  assert.ok(broker.counters.publishDropped - dropped >= 100)
  store.state = 'well'
  engine.pass(1000)
  await broker.journal?.drain()
  passing.publish('set', 'last', { retain: true })
  assert.equal(broker.journal?.waitingChanges, 1)
})

test('faults: upgrade_outgoing_qos: messages of QoS 0 that sessions that last get above it do not pile up either', async () => {
  const { engine, lasts, passing } = await full({ settings: { upgrade_outgoing_qos: true } })
  const { journal } = engine.broker
  for (let n = 0; n < 20_000; n++) {
    passing.publish('kept', `${n}`)
    lasts.answerAll()
  }
  assert.ok(journal !== undefined && journal.waitingChanges >= 50_000 && journal.waitingChanges < 50_010)
})
