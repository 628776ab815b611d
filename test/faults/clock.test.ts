// A wall clock that is set (docs/operations.md, "Faults"): what passes while the broker runs is measured by a clock that nobody
// sets, and what a restart reads was written with the wall clock of its moment.

import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { restoreBroker } from '../../src/broker/restore.ts'
import { openMemoryStore } from '../../src/store/memory/memory-store.ts'
import type { Store } from '../../src/store/store.ts'
import { startBroker } from '../support/broker-process.ts'
import { Engine, lasting } from '../support/engine.ts'
import { connectBytes } from '../support/packet-bytes.ts'
import { connectRaw } from '../support/raw-client.ts'
import { directory } from './fault-broker.ts'

const year = 365 * 86_400_000
/** Later than any engine of a test begins: its timers know no time before that. */
const noon = Date.UTC(2040, 0, 1, 12)

/** A broker whose own clock began with the wall clock of its start. */
async function start(store: Store, startedAt: number) {
  const engine = new Engine()
  engine.clock.set(startedAt)
  let ahead = 0
  const deps = {
    storeLost: assert.ifError,
    afterTurn: (journal: { commit(): void }) => void setImmediate(() => journal.commit()),
    wallClock: () => engine.clock.now() + ahead,
  }
  await restoreBroker(engine.broker, store, [engine.listener], deps, () => {})
  return {
    engine,
    /** Somebody sets the machine's clock; the broker's own does not notice. */
    setWallClock(milliseconds: number) {
      ahead += milliseconds
    },
    /** @returns whether the session of an hour is there `seconds` after now */
    hasSessionAfter(seconds: number): boolean {
      engine.broker.advance(engine.clock.now())
      engine.pass(seconds * 1000)
      return engine.connect('c', lasting()).connack?.sessionPresent === true
    },
  }
}

/** A session that is to last for an hour, left after the wall clock was set. */
async function leave(store: Store, startedAt: number, setBy: number): Promise<void> {
  const { engine, setWallClock } = await start(store, startedAt)
  const client = engine.connect('c', lasting())
  client.subscribe('t')
  setWallClock(setBy)
  client.disconnect()
  engine.connect('p').publish('t', 'a', { qos: 1, properties: { messageExpiryInterval: 3600 } })
  await engine.broker.journal?.drain()
}

for (const [what, setBy] of [
  ['forward', 5 * year],
  ['back', -5 * year],
] as const) {
  test(`faults: a clock that is set ${what} while the broker runs ages nothing that a restart reads`, async () => {
    for (const [seconds, isThere] of [
      [3500, true],
      [3700, false],
    ] as const) {
      const store = openMemoryStore()
      await leave(store, noon, setBy)
      const restarted = await start(store, noon + setBy)
      assert.equal(restarted.hasSessionAfter(seconds), isThere, `${seconds} s`)
    }
  })
}

test('faults: after a restart with a clock that was set back nothing has been left in the future: a session has its whole time again', async () => {
  for (const [seconds, isThere] of [
    [3500, true],
    [3700, false],
  ] as const) {
    const store = openMemoryStore()
    await leave(store, noon, 0)
    const restarted = await start(store, noon - 5 * year)
    assert.equal(restarted.hasSessionAfter(seconds), isThere, `${seconds} s`)
  }
})

const faketime = ['x86_64', 'aarch64']
  .map(cpu => `/usr/lib/${cpu}-linux-gnu/faketime/libfaketime.so.1`)
  .find(path => existsSync(path))

test('faults: a clock that jumps by years while the broker runs ends no connection and no session; the log has the new time', {
  ...(faketime === undefined && { skip: 'libfaketime is missing' }),
}, async t => {
  const time = join(directory(t), 'time')
  writeFileSync(time, '+0')
  const env = {
    LD_PRELOAD: faketime,
    FAKETIME_TIMESTAMP_FILE: time,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  }
  const config = ({ port }: { port: number }) => `listener ${port} 127.0.0.1\nallow_anonymous true`
  const broker = await startBroker(t, { config, env })
  const client = await connectRaw(t, broker)
  client.send(connectBytes({ clientId: 'c', keepAlive: 10 }))
  assert.equal((await client.expectConnack()).reasonCode, 0)
  for (const [jump, shift] of [
    ['+5y', 5 * year],
    ['-5y', -5 * year],
  ] as const) {
    writeFileSync(time, jump)
    const from = broker.lines.length
    broker.program.signal('SIGUSR1')
    const [, stamp] = await broker.waitForLine(/^(\d+): Nothing saved/, from)
    assert.ok(Math.abs(Number(stamp) * 1000 - (Date.now() + shift)) < 60_000, jump)
    await client.expectNothing()
  }
  assert.ok(!broker.lines.some(line => /disconnected|stood still/.test(line)))
})
