import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Engine, lasting } from '../../test/support/engine.ts'
import type { Log } from '../base/log.ts'
import type { MemoryReading } from '../observe/memory-probe.ts'
import type { BrokerSettings } from './broker.ts'
import { MemoryGuard } from './memory-guard.ts'

const limit = 1_000_000

/** A broker whose memory a test sets: what lives, and garbage beside it that is there until it is collected. */
function guarded(memory_limit: number | undefined = limit, settings: Partial<BrokerSettings> = {}) {
  const lines: string[] = []
  const log: Log = { enabled: () => true, write: (type, line) => lines.push(`${type}: ${line}`) }
  const engine = new Engine({ log, settings: { max_queued_messages: 0, ...settings, memory_limit } })
  const memory = { heap: 0, external: 0, garbage: 0, heapLimit: 10 * limit, collections: 0, collectionMs: 1 }
  const probe = {
    availableBytes: 4 * limit,
    read: (): MemoryReading => ({
      heapBytes: memory.heap + memory.garbage,
      heapLimitBytes: memory.heapLimit,
      externalBytes: memory.external,
    }),
    collect() {
      memory.garbage = 0
      memory.collections++
      engine.clock.advance(memory.collectionMs)
    },
  }
  const guard = new MemoryGuard(engine.broker, probe)
  const look = (milliseconds = 100) => {
    engine.pass(milliseconds)
    guard.advance(engine.clock.now())
    return engine.broker.shortage
  }
  return { engine, memory, guard, look, aboutMemory: () => lines.filter(line => line.includes('Memory')) }
}

test('memory_limit: short from four fifths on, critical from nine tenths on, over below seven tenths; each is told once, and counted', () => {
  const { engine, memory, look, aboutMemory } = guarded()
  const seen = [799_999, 800_000, 900_000, 899_999, 700_000, 699_999, 799_999].map(bytes => {
    memory.external = bytes - 100_000
    memory.heap = 100_000
    return look(2000)
  })
  assert.deepEqual(seen, [0, 1, 2, 1, 1, 0, 0])
  const figures = (bytes: string) => `${bytes} MB in use, 0 of 10 MB of the heap; memory_limit is 1 MB`
  assert.deepEqual(aboutMemory(), [
    `warning: Warning: Memory is short: ${figures('1')}. No new sessions, subscriptions and retained messages are taken, nor messages for clients that are away, and publishers are slowed down.`,
    `warning: Warning: Memory is critical: ${figures('1')}. Nobody is let in but who has messages waiting; 0 waiting messages of QoS 0 were dropped.`,
    `notice: Memory is no longer short: ${figures('1')}.`,
  ])
  assert.deepEqual([...engine.broker.counters.limitsReached.entries()], [['memory_limit', 2]])
})

test('memory_limit: garbage is collected before anybody is refused for it, and not all the time', () => {
  const { memory, look } = guarded()
  memory.heap = 500_000
  memory.garbage = 400_000
  assert.equal(look(), 0)
  assert.equal(memory.collections, 1)
  memory.heap = 850_000
  assert.equal(look(2000), 1)
  assert.equal(memory.collections, 2)
  for (let n = 0; n < 19; n++) look()
  assert.equal(memory.collections, 2)
  look()
  look()
  assert.equal(memory.collections, 3)
  memory.collectionMs = 1000
  look(2000)
  look(19_000)
  assert.equal(memory.collections, 4, 'a collection that takes a second comes again after twenty')
})

test('memory_limit: soon after a collection, when none may follow, garbage makes it short only from nine tenths on, and never critical', () => {
  const { memory, look } = guarded()
  memory.heap = 600_000
  memory.garbage = 250_000
  memory.collectionMs = 1000
  assert.equal(look(), 0)
  memory.garbage = 299_999
  assert.equal(look(), 0)
  memory.garbage = 350_000
  assert.equal(look(), 1)
  assert.equal(memory.collections, 1)
  assert.equal(look(20_000), 0, 'the next collection tells')
  memory.heap = 950_000
  assert.equal(look(), 1)
  assert.equal(look(20_000), 2)
})

test('memory_limit: what V8 may have at most counts like a limit, also when there is none', () => {
  const { memory, look, guard } = guarded(0)
  assert.equal(guard.limitBytes, undefined)
  memory.external = 100 * limit
  assert.equal(look(), 0)
  memory.heap = 8 * limit
  assert.equal(look(2000), 1)
})

test('memory_limit: without it half of what there is', () => {
  const { guard, engine } = guarded()
  assert.equal(guard.limitBytes, limit)
  engine.reconfigure({ memory_limit: undefined })
  assert.equal(guard.limitBytes, 2 * limit)
})

/** Leaves messages of a hundred bytes, topic included, for a client that is away. */
function fill(engine: Engine, clientId: string, count: number, countAtQoS0 = 0): void {
  const away = engine.connect(clientId, lasting())
  away.subscribe(clientId, { qos: 1 })
  away.vanish()
  const publisher = engine.connect('publisher')
  const payload = 'x'.repeat(100 - clientId.length)
  for (let n = 0; n < count; n++) publisher.publish(clientId, payload, { qos: 1 })
  for (let n = 0; n < countAtQoS0; n++) publisher.publish(clientId, payload)
}

const waiting = (engine: Engine, clientId: string) => engine.broker.registry.get(clientId)?.outbound.queuedMessages

test('memory_limit: when it is critical what waits at QoS 0 is dropped, nothing that was acknowledged, and the log says who has most', () => {
  const { engine, memory, look, aboutMemory } = guarded(limit, { queue_qos0_messages: true })
  fill(engine, 'large', 20_000)
  fill(engine, 'small', 300, 7)
  memory.external = 850_000
  assert.equal(look(), 1)
  assert.equal(waiting(engine, 'small'), 307)
  memory.external = 950_000
  assert.equal(look(2000), 2)
  assert.deepEqual([waiting(engine, 'large'), waiting(engine, 'small')], [20_000, 300])
  assert.match(
    aboutMemory().at(-1) ?? '',
    /; 7 waiting messages of QoS 0 were dropped\. Most waits for client large: 20000 messages, 2 MB\.$/,
  )
  const { counters } = engine.broker
  assert.deepEqual([counters.messagesShed, counters.publishDropped], [7, 7])
  look(2000)
  assert.deepEqual([waiting(engine, 'large'), counters.messagesShed], [20_000, 7], 'however long it lasts')
})
