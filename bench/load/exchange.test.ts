// What arrivals do: counts, credit, and what is told apart as lost, doubled or disordered; without sockets.

import assert from 'node:assert/strict'
import test from 'node:test'
import { Counters } from './client.ts'
import { Exchange } from './exchange.ts'
import { Publisher } from './publisher.ts'
import { Reel } from './reel.ts'
import type { LoadRequest, Scenario } from './request.ts'
import { stamp, writeUint32 } from './stamp.ts'
import { topologyOf } from './topology.ts'

/** An exchange for a scenario, each of whose publishers writes into `written`. */
function setUp(scenario: Scenario & { readonly window: number }) {
  const request: LoadRequest = {
    host: '',
    port: 1,
    protocol: 4,
    brokerPids: [],
    topicPrefix: 'b',
    warmupSeconds: 0,
    seconds: 1,
    scenario,
  }
  const topology = topologyOf(request)
  const counters = new Counters()
  const exchange = new Exchange(topology, scenario.window, counters)
  const writes: number[] = []
  for (const [index, { topics }] of topology.publishers.entries()) {
    const reel = new Reel({ topics, publisher: index, qos: 0, protocol: 4, payloadBytes: 12, window: scenario.window })
    const client = {
      isOpen: true,
      write: (_: Buffer, done?: () => void) => {
        writes.push(reel.count)
        if (done) queueMicrotask(done)
      },
    }
    const { wake } = exchange
    exchange.publishers.push(
      new Publisher({ client, reel, window: Number.POSITIVE_INFINITY, deliveryWindow: scenario.window, wake }),
    )
  }
  const arrive = (subscriber: number, publisher: number, sequence: number) => {
    const payload = Buffer.alloc(stamp.bytes)
    writeUint32(payload, stamp.publisher, publisher)
    writeUint32(payload, stamp.sequence, sequence)
    exchange.message(subscriber, payload, 0)
  }
  return { exchange, counters, writes, arrive, publisher: exchange.publishers[0]! }
}

const loop = { qos: 0, payloadBytes: 12, window: 4 } as const
const turn = () => new Promise<void>(resolve => setImmediate(resolve))

test('a publisher sends its window at once, and the next when all of it has come back', async () => {
  const { exchange, arrive, writes, publisher } = setUp({ kind: 'pairs', pairs: 1, ...loop })
  exchange.sending = true
  exchange.wake(publisher)
  await turn()
  for (const sequence of [1, 2, 3]) arrive(0, 0, sequence)
  await turn()
  await turn()
  assert.deepEqual(writes, [4])
  arrive(0, 0, 4)
  await turn()
  await turn()
  assert.deepEqual(writes, [4, 4])
})

test('a fanned-out message gives its credit back when its last subscriber has it', () => {
  const { arrive, exchange, publisher } = setUp({ kind: 'fan-out', subscribers: 3, ...loop })
  publisher.pump(0)
  assert.equal(publisher.credit, 0)
  for (const subscriber of [0, 1]) for (const sequence of [1, 2]) arrive(subscriber, 0, sequence)
  assert.equal(publisher.credit, 0)
  arrive(2, 0, 1)
  assert.equal(publisher.credit, 1)
  assert.equal(exchange.delivered, 5)
})

test('a message that comes twice is counted as such, gives no credit, and is not delivered again', () => {
  const { arrive, exchange, publisher } = setUp({ kind: 'pairs', pairs: 1, ...loop })
  publisher.pump(0)
  arrive(0, 0, 1)
  arrive(0, 0, 1)
  assert.deepEqual([exchange.delivered, exchange.check.duplicates, publisher.credit], [1, 1, 1])
})

test('a shared message that two consumers get is a duplicate; that each gets some is none', () => {
  const { arrive, exchange, publisher } = setUp({ kind: 'shared', publishers: 1, consumers: 2, ...loop })
  publisher.pump(0)
  arrive(0, 0, 1)
  arrive(1, 0, 2)
  arrive(0, 0, 3)
  assert.deepEqual([exchange.delivered, exchange.check.duplicates, exchange.check.outOfOrder], [3, 0, 0])
  arrive(1, 0, 3)
  assert.deepEqual([exchange.delivered, exchange.check.duplicates], [3, 1])
})

test('order is kept for each publisher by itself: one subscriber may hear several in any mixture', () => {
  const { arrive, exchange } = setUp({ kind: 'fan-in', publishers: 2, ...loop })
  for (const [publisher, sequence] of [
    [1, 1],
    [0, 1],
    [1, 2],
    [0, 2],
  ] as const)
    arrive(0, publisher, sequence)
  assert.equal(exchange.check.outOfOrder + exchange.check.missing, 0)
  arrive(0, 0, 4)
  arrive(0, 0, 3)
  assert.equal(exchange.check.outOfOrder, 1)
})

test('a message of nobody we know is a protocol error', () => {
  const { arrive, counters } = setUp({ kind: 'pairs', pairs: 1, ...loop })
  arrive(0, 1, 1)
  assert.equal(counters.protocolErrors, 1)
})

test('a loop that stands still from one look to the next is given up, and goes on', () => {
  const { publisher, arrive } = setUp({ kind: 'pairs', pairs: 1, ...loop })
  publisher.pump(0)
  assert.equal(publisher.giveUpIfStalled(), false)
  arrive(0, 0, 1)
  publisher.pump(0)
  assert.equal(publisher.giveUpIfStalled(), false)
  assert.equal(publisher.credit, 1)
})
