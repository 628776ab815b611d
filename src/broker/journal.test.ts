import assert from 'node:assert/strict'
import test from 'node:test'
import { durableEngine, saved, startDurable } from '../../test/support/durable-engine.ts'
import { lasting } from '../../test/support/engine.ts'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { makeSession } from '../../test/support/sessions.ts'
import { silentLog } from '../base/log.ts'
import { TimerWheel } from '../base/timer-wheel.ts'
import { PacketType } from '../mqtt/packet.ts'
import type { Transport } from '../session/transport.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import type { SessionChange } from '../store/session-store.ts'
import { StoreError } from '../store/store-error.ts'
import { Journal } from './journal.ts'

/** A store that answers when it is told to. */
class SlowStore {
  readonly batches: (readonly string[])[] = []
  readonly #waiting: PromiseWithResolvers<void>[] = []

  readonly sessions = {
    apply: (changes: readonly SessionChange[]): Promise<void> => {
      this.batches.push(changes.map(({ kind }) => kind))
      const answer = Promise.withResolvers<void>()
      this.#waiting.push(answer)
      return answer.promise
    },
  }
  readonly retained = { apply: () => Promise.resolve() }

  /** Answers the oldest batch, and lets whoever waits for it go on. */
  async answer(error?: StoreError): Promise<void> {
    const answer = this.#waiting.shift()
    if (error === undefined) answer?.resolve()
    else answer?.reject(error)
    await new Promise(resolve => setImmediate(resolve))
  }
}

/** Notes until when it holds and how far it was let go. */
class HeldTransport {
  readonly calls: string[] = []
  #until: number[] = []

  hold(until: number): void {
    this.calls.push(`hold ${until}`)
    this.#until.push(until)
  }

  letGo(reached: number): void {
    this.calls.push(`let go ${reached}`)
    this.#until = this.#until.filter(until => until > reached)
  }

  get isHolding(): boolean {
    return this.#until.length > 0
  }
}

function setUp() {
  const store = new SlowStore()
  const clock = fakeClock()
  const wheel = new TimerWheel(clock.now())
  const turns: Journal[] = []
  const lost: StoreError[] = []
  const afterTurn = (journal: Journal) => void turns.push(journal)
  const journal = new Journal({ store, log: silentLog, clock, wheel, afterTurn, storeLost: error => lost.push(error) })
  const endTurn = () => {
    for (const each of turns.splice(0)) each.commit()
  }
  const pass = (ms: number) => {
    clock.advance(ms)
    wheel.advance(clock.now())
  }
  const record = (clientId: string) => {
    const session = makeSession(clientId)
    session.expiryInterval = 60
    journal.recordSession(session)
  }
  return { store, journal, record, endTurn, pass, turns, lost }
}

function transport(): HeldTransport & Transport {
  return new HeldTransport() as unknown as HeldTransport & Transport
}

test('decision 4: what one turn records is one batch, and what comes while it is written is the next one', async () => {
  const { store, record, endTurn } = setUp()
  record('a')
  record('b')
  assert.deepEqual(store.batches, [])
  endTurn()
  record('c')
  endTurn()
  record('d')
  assert.deepEqual(store.batches, [['put-session', 'put-session']])
  await store.answer()
  assert.deepEqual(store.batches, [
    ['put-session', 'put-session'],
    ['put-session', 'put-session'],
  ])
})

test('decision 4: an answer waits for the batch with what it promises, and for no later one', async () => {
  const { store, journal, record, endTurn } = setUp()
  const [first, second] = [transport(), transport()]
  record('a')
  journal.hold(first)
  endTurn()
  record('b')
  journal.hold(second)
  await store.answer()
  assert.equal(first.isHolding, false)
  assert.equal(second.isHolding, true)
  await store.answer()
  assert.equal(second.isHolding, false)
})

test('decision 4: an answer that promises nothing new waits for what is being written, which it may repeat', async () => {
  const { store, journal, record, endTurn } = setUp()
  record('a')
  endTurn()
  const repeated = transport()
  journal.hold(repeated)
  assert.equal(repeated.isHolding, true)
  await store.answer()
  assert.equal(repeated.isHolding, false)
  journal.hold(repeated)
  assert.equal(repeated.isHolding, false, 'there is nothing to wait for')
})

test('a batch that cannot be written is written again, with nothing lost and nothing in front of it', async () => {
  const { store, journal, record, endTurn, pass } = setUp()
  const held = transport()
  record('a')
  journal.hold(held)
  endTurn()
  record('b')
  await store.answer(new StoreError('ERR_STORE_UNAVAILABLE', 'full', { mayGoOn: true }))
  assert.equal(journal.isFailing, true)
  assert.equal(held.isHolding, true)
  pass(1100)
  assert.deepEqual(store.batches, [['put-session'], ['put-session']])
  await store.answer()
  assert.equal(journal.isFailing, false)
  assert.equal(held.isHolding, false)
  assert.equal(store.batches.length, 3)
})

test('a store that takes nothing any more is told of, and no answer leaves', async () => {
  const { store, journal, record, endTurn, lost } = setUp()
  const held = transport()
  record('a')
  journal.hold(held)
  endTurn()
  const error = new StoreError('ERR_STORE_UNREADABLE', 'gone')
  await store.answer(error)
  assert.deepEqual(lost, [error])
  assert.equal(held.isHolding, true)
})

test('drain waits for what is collected and for what is being written', async () => {
  const { store, journal, record, endTurn } = setUp()
  await journal.drain()
  record('a')
  endTurn()
  record('b')
  let isDrained = false
  const drained = journal.drain().then(() => {
    isDrained = true
  })
  await store.answer()
  assert.equal(isDrained, false)
  await store.answer()
  await drained
})

test('[MQTT-3.2.2-2] a session of a connection that ends it is not recorded, and one that becomes such is forgotten', () => {
  const { store, journal, endTurn } = setUp()
  const session = makeSession('c')
  journal.recordSession(session)
  endTurn()
  assert.equal(session.record, undefined)
  session.expiryInterval = 60
  journal.recordSession(session)
  session.expiryInterval = 0
  journal.recordSession(session)
  endTurn()
  assert.equal(session.record, undefined)
  assert.deepEqual(store.batches, [['put-session', 'remove-session']])
})

test('decision 4: CONNACK waits for what was recorded before, whoever it is for: a session that was ended does not come back', async () => {
  const engine = await durableEngine()
  engine.connect('c', lasting()).disconnect(0, { sessionExpiryInterval: 0 })
  const { transport: short } = engine.connect('c')
  assert.equal(short.holds, 1)
  await saved(engine)
  assert.equal(engine.connect('d').transport.holds, 0)
})

test('decision 4: to clear what somebody else has just cleared waits for that', async () => {
  const engine = await durableEngine()
  const [first, second] = [engine.connect('a'), engine.connect('b')]
  await saved(engine)
  first.publish('t', 'x', { qos: 1, retain: true })
  await saved(engine)
  first.publish('t', '', { qos: 1, retain: true })
  second.publish('t', '', { qos: 1, retain: true })
  assert.ok(second.transport.holds > 0)
})

test('decision 4: nobody waits for the store who asks nothing of it', async () => {
  const engine = await durableEngine()
  const [publisher, subscriber] = [engine.connect('p'), engine.connect('s')]
  await saved(engine)
  engine.connect('busy', lasting())
  subscriber.subscribe('t')
  publisher.publish('t', 'x', { qos: 1 })
  publisher.publish('t', 'x', { qos: 2 })
  assert.deepEqual([publisher.transport.holds, subscriber.transport.holds], [0, 0])
})

test('[MQTT-4.3.3-8] PUBLISH at QoS 2 and PUBREL to a session that lasts wait for their record, PUBLISH at QoS 1 does not', async () => {
  const engine = await durableEngine()
  const subscriber = engine.connect('s', lasting())
  subscriber.subscribe('t')
  await saved(engine)
  const publisher = engine.connect('p')
  const before = subscriber.transport.holds
  publisher.publish('t', 'one', { qos: 1 })
  assert.equal(subscriber.transport.holds, before)
  publisher.publish('t', 'two', { qos: 2 })
  assert.equal(subscriber.transport.holds, before + 1)
  await saved(engine)
  subscriber.received()
  subscriber.acknowledge(PacketType.pubrec, 2)
  assert.ok(subscriber.transport.holds > before + 1)
})

/** What a store with one waiting session is handed for a message of so many bytes, from first to last. */
async function kindsFor(bytes: number): Promise<readonly string[]> {
  const store = openMemoryStore()
  const engine = await startDurable(store)
  const client = engine.connect('c', lasting())
  client.subscribe('t')
  client.disconnect()
  await saved(engine)
  const kinds: string[] = []
  const { apply } = store.sessions
  store.sessions.apply = changes => {
    kinds.push(...changes.map(({ kind }) => kind))
    return apply.call(store.sessions, changes)
  }
  engine.connect('p').publish('t', 'x'.repeat(bytes), { qos: 1 })
  await saved(engine)
  const back = engine.connect('c', lasting())
  await saved(engine)
  back.answerAll()
  await saved(engine)
  assert.deepEqual([store.stats().rows.messages, store.stats().rows.queue], [0, 0])
  return kinds.filter(kind => kind !== 'put-session')
}

test('decision 13: a short message that one session waits for is one record from first to last, a long one is written once', async () => {
  assert.deepEqual(await kindsFor(1000), ['put-queued', 'put-queued', 'remove-queued'])
  assert.deepEqual(await kindsFor(1100), ['put-message', 'put-queued', 'put-queued', 'remove-queued', 'remove-message'])
})

test('a payload is stored once for all who wait for it, and goes with the last of them', async () => {
  const store = openMemoryStore()
  const engine = await startDurable(store)
  for (const clientId of ['a', 'b', 'c']) {
    const client = engine.connect(clientId, lasting())
    client.subscribe('t')
    client.disconnect()
  }
  engine.connect('p').publish('t', 'x', { qos: 1 })
  const rows = async () => {
    await saved(engine)
    const { messages, queue } = store.stats().rows
    return [messages, queue]
  }
  assert.deepEqual(await rows(), [1, 3])
  engine.connect('a', lasting()).answerAll()
  engine.connect('b').disconnect()
  assert.deepEqual(await rows(), [1, 1])
  engine.connect('c', lasting()).answerAll()
  assert.deepEqual(await rows(), [0, 0])
})
