import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine, type EngineClient, lasting } from '../../test/support/engine.ts'
import { PacketType, type Publish, type SubscriptionRequest } from '../mqtt/packet.ts'
import { maximumHoldMs } from './flow-control.ts'
import type { Shortage } from './memory-guard.ts'

const versions = [4, 5] as const
const acknowledgements = { 1: PacketType.puback, 2: PacketType.pubrec } as const

/** A broker short of memory, with a client that is away and gets `t`. */
function shortOf(shortage: Shortage, subscription: Partial<SubscriptionRequest> = {}) {
  const engine = new Engine({ settings: { queue_qos0_messages: true } })
  const away = engine.connect('away', lasting())
  away.subscribe('t', subscription)
  away.vanish()
  engine.broker.shortage = shortage
  const { counters } = engine.broker
  return {
    engine,
    become: (next: Shortage) => {
      engine.broker.shortage = next
    },
    /** Somebody who was there before, perhaps with a subscription. */
    connect: (clientId: string, version: 4 | 5 = 5, topicFilter?: string) => {
      engine.broker.shortage = 0
      const client = engine.connect(clientId, { protocolVersion: version })
      if (topicFilter !== undefined) client.subscribe(topicFilter)
      engine.broker.shortage = shortage
      return client
    },
    comeBack: () => engine.connect('away', lasting()).answerAll(),
    counted: () => [counters.publishDropped, new Map(counters.limitsReached.entries()).get('memory_limit') ?? 0],
  }
}

/** @returns what is acknowledged with which reason code, and undefined while nothing is */
function answered(client: EngineClient, qos: 1 | 2): number | undefined {
  const [packet] = client.received()
  if (packet === undefined) return undefined
  assert.equal(packet.type, acknowledgements[qos])
  return (packet as { reasonCode?: number }).reasonCode ?? 0
}

for (const qos of [1, 2] as const) {
  for (const shortage of [1, 2] as const) {
    test(`memory_limit: at shortage ${shortage} a message of QoS ${qos} that would wait for a client that is away is told 0x97, and nobody gets it`, () => {
      const { connect, become, comeBack, counted } = shortOf(shortage)
      const subscriber = connect('subscriber', 5, 't')
      const publisher = connect('publisher')
      publisher.publish('t', 'refused', { qos })
      assert.equal(answered(publisher, qos), 0x97)
      assert.deepEqual(subscriber.payloads(), [])
      assert.deepEqual(counted(), [1, 2], 'refused once, and slowed down once')
      become(0)
      assert.deepEqual(comeBack(), [])
    })

    test(`memory_limit: before MQTT 5 such a message waits at shortage ${shortage} until there is memory, and is taken then, QoS ${qos}`, () => {
      const { engine, connect, become, comeBack, counted } = shortOf(shortage)
      const publisher = connect('publisher', 4)
      publisher.publish('t', 'late', { qos })
      assert.equal(answered(publisher, qos), undefined)
      assert.equal(publisher.transport.paused, true)
      engine.pass(maximumHoldMs / 2)
      publisher.catchUp()
      assert.equal(answered(publisher, qos), undefined)
      become(0)
      engine.pass(1000)
      publisher.catchUp()
      assert.equal(answered(publisher, qos), 0)
      assert.deepEqual(counted(), [0, 0])
      assert.deepEqual(comeBack(), ['late'])
    })

    test(`memory_limit: before MQTT 5 who has waited for ${maximumHoldMs / 1000} s at shortage ${shortage} is closed without an acknowledgement, QoS ${qos}`, () => {
      const { engine, connect, become, comeBack, counted } = shortOf(shortage)
      const publisher = connect('publisher', 4)
      publisher.publish('t', 'never', { qos })
      for (let seconds = 0; seconds < maximumHoldMs / 1000; seconds++) {
        assert.equal(publisher.transport.closed, false, `after ${seconds} s`)
        engine.pass(1000)
        publisher.catchUp()
      }
      assert.deepEqual([publisher.transport.closed, publisher.received()], [true, []])
      assert.deepEqual(counted(), [1, 1])
      become(0)
      assert.deepEqual(comeBack(), [])
    })
  }
}

for (const version of versions) {
  test(`memory_limit: a message that nobody has to keep is taken while memory is short, version ${version}`, () => {
    const { connect, comeBack, become } = shortOf(2, { qos: 0 })
    const publisher = connect('publisher', version)
    publisher.publish('t', 'only at QoS 0', { qos: 1 })
    assert.equal(answered(publisher, 1), 0)
    become(0)
    assert.deepEqual(comeBack(), [])
  })

  test(`memory_limit: a message of QoS 0 is delivered to who is connected and kept for nobody, version ${version}`, () => {
    const { engine, connect, comeBack, become, counted } = shortOf(1)
    const subscriber = connect('subscriber', 5, 't')
    connect('publisher', version).publish('t', 'passing')
    assert.deepEqual(subscriber.payloads(), ['passing'])
    assert.deepEqual(counted(), [1, 2])
    assert.equal(engine.broker.registry.get('away')?.outbound.queuedMessages, 0)
    become(0)
    assert.deepEqual(comeBack(), [])
  })

  for (const [what, packet, isTaken] of [
    ['a first', { topicName: 'new', payload: Buffer.from('x') }, false],
    ['a larger', { topicName: 'kept', payload: Buffer.from('123456') }, false],
    ['no larger', { topicName: 'kept', payload: Buffer.from('12345') }, true],
    ['an empty', { topicName: 'kept', payload: Buffer.alloc(0) }, true],
  ] as const satisfies readonly (readonly [string, Partial<Publish>, boolean])[]) {
    test(`memory_limit: ${what} retained message of QoS 1 is ${isTaken ? 'taken' : 'not acknowledged as taken'} while memory is short, version ${version}`, () => {
      const { connect, become } = shortOf(0)
      const publisher = connect('publisher', version)
      publisher.publish('kept', '12345', { retain: true })
      become(1)
      publisher.publish('', '', { ...packet, qos: 1, retain: true })
      const refusal = version === 5 ? 0x97 : undefined
      const expected = version === 5 && isTaken ? 0x10 : 0
      assert.equal(answered(publisher, 1), isTaken ? expected : refusal)
    })
  }
}

test('memory_limit: a queue that is full by its own limits loses its copy, and refuses nothing', () => {
  const engine = new Engine({ settings: { max_queued_messages: 1 } })
  const away = engine.connect('away', lasting())
  away.subscribe('t', { qos: 1 })
  away.vanish()
  const publisher = engine.connect('publisher')
  publisher.publish('t', 'first', { qos: 1 })
  assert.equal(answered(publisher, 1), 0)
  engine.broker.shortage = 1
  publisher.publish('t', 'second', { qos: 1 })
  assert.equal(answered(publisher, 1), 0)
})

test('memory_limit: what a client publishes itself and does not want back (no-local) waits for nobody', () => {
  const engine = new Engine()
  const client = engine.connect('client', lasting())
  client.subscribe('t', { qos: 1, noLocal: true })
  client.transport.queuedBytes = 1 << 30
  engine.broker.shortage = 2
  client.publish('t', 'own', { qos: 1 })
  assert.equal(answered(client, 1), 0)
})

test('memory_limit: only when memory is critical a connected client that is slow counts like one that is away', () => {
  for (const [shortage, expected] of [
    [1, 0],
    [2, 0x97],
  ] as const) {
    const engine = new Engine()
    const slow = engine.connect('slow', lasting())
    slow.subscribe('t', { qos: 1 })
    slow.transport.queuedBytes = 1 << 30
    const publisher = engine.connect('publisher')
    engine.broker.shortage = shortage
    publisher.publish('t', 'x', { qos: 1 })
    assert.equal(answered(publisher, 1), expected)
  }
})

test('memory_limit: a slow client whose session ends with it holds up nobody: when memory is critical it loses its copy', () => {
  const engine = new Engine()
  const slow = engine.connect('slow')
  slow.subscribe('t', { qos: 1 })
  slow.transport.queuedBytes = 1 << 30
  const quick = engine.connect('quick')
  quick.subscribe('t', { qos: 1 })
  const publisher = engine.connect('publisher')
  engine.broker.shortage = 2
  publisher.publish('t', 'x', { qos: 1 })
  assert.equal(answered(publisher, 1), 0)
  assert.deepEqual(quick.answerAll(), ['x'])
  assert.equal(engine.broker.counters.publishDropped, 1)
})

test('memory_limit: a shared group gives the message to a member that is connected; one whose members are all away keeps none', () => {
  const engine = new Engine()
  const [first, second] = [engine.connect('first', lasting()), engine.connect('second', lasting())]
  for (const member of [first, second]) member.subscribe('$share/group/t', { qos: 1 })
  first.vanish()
  const publisher = engine.connect('publisher')
  engine.broker.shortage = 1
  publisher.publish('t', 'taken', { qos: 1 })
  assert.equal(answered(publisher, 1), 0)
  assert.deepEqual(second.answerAll(), ['taken'])
  second.vanish()
  engine.pass(100)
  publisher.catchUp()
  publisher.publish('t', 'refused', { qos: 1 })
  assert.equal(answered(publisher, 1), 0x97)
})

test('memory_limit: a will, which CONNACK has promised, waits for a client that is away, and is retained', () => {
  const { engine, become, comeBack } = shortOf(0)
  const will = { topicName: 't', payload: Buffer.from('gone'), qos: 1, retain: true, properties: {} } as const
  const dying = engine.connect('dying', { will })
  become(2)
  dying.vanish()
  become(0)
  assert.deepEqual(comeBack(), ['gone'])
  assert.equal(engine.broker.retained.size, 1)
})

test("memory_limit: the broker's own messages are kept for nobody", () => {
  const { engine, become, comeBack } = shortOf(1)
  engine.broker.publishOwn('t', Buffer.from('status'), false, 60)
  become(0)
  assert.deepEqual(comeBack(), [])
})
