import assert from 'node:assert/strict'
import test from 'node:test'
import { startDurable } from '../../test/support/durable-engine.ts'
import { lasting } from '../../test/support/engine.ts'
import { unrulyStore } from '../../test/support/unruly-store.ts'
import { Durability } from './durability.ts'

async function watched() {
  const store = unrulyStore()
  const engine = await startDurable(store)
  const lines: string[] = []
  const log = { enabled: () => true, write: (type: string, line: string) => void lines.push(`${type}: ${line}`) }
  const control = { givesUp: new AbortController().signal, storeLost: assert.ifError }
  const durability = new Durability(engine.broker, log, control)
  return {
    store,
    engine,
    lines,
    unreadyBecause: () => durability.unreadyBecause(),
    passAndLook(milliseconds: number) {
      engine.pass(milliseconds)
      durability.advance(engine.clock.now())
    },
  }
}

test('faults: a disk that does not answer for five seconds is told of once, and the broker is not ready until it does', async () => {
  const { store, engine, lines, unreadyBecause, passAndLook } = await watched()
  store.state = 'slow'
  engine.connect('c', lasting())
  await new Promise(setImmediate)
  passAndLook(4900)
  assert.equal(unreadyBecause(), undefined)
  passAndLook(100)
  passAndLook(60_000)
  assert.equal(unreadyBecause(), 'the disk does not answer')
  assert.deepEqual(lines, ['warning: Warning: The disk has not answered the store for 5 s; answers wait for it.'])
  store.state = 'well'
  await engine.broker.journal?.drain()
  passAndLook(100)
  assert.equal(unreadyBecause(), undefined)
  assert.deepEqual(lines.slice(1), ['notice: The disk answers the store again.'])
})

test('faults: a store that cannot be written is unready for that, and not for being slow', async () => {
  const { store, engine, lines, unreadyBecause, passAndLook } = await watched()
  store.state = 'full'
  engine.connect('c', lasting())
  await new Promise(setImmediate)
  passAndLook(60_000)
  assert.equal(unreadyBecause(), 'it cannot be written')
  assert.deepEqual(lines, [])
  // The attempt that was due has failed by now, and the next one has its time.
  await new Promise(setImmediate)
  store.state = 'well'
  engine.pass(1000)
  await engine.broker.journal?.drain()
  assert.equal(unreadyBecause(), undefined)
})
