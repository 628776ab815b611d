// An event loop that stands still (docs/operations.md, "Faults"): `/healthz` has no answer meanwhile, and the log tells of it
// afterwards.

import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { directory, enter, startOn } from './fault-broker.ts'

test('faults: a stall beyond health_max_lag is told of when it is over, a shorter one is not', async t => {
  const path = directory(t)
  const broker = await startOn(t, path, 'health_max_lag 2000')
  const client = await enter(t, broker)
  const { program } = broker.process
  const standStill = async (milliseconds: number) => {
    program.signal('SIGSTOP')
    await delay(milliseconds)
    program.signal('SIGCONT')
    await client.expectNothing()
  }
  await standStill(100)
  assert.ok(!program.lines.some(line => /stood still/.test(line)))
  await standStill(2500)
  const [, seconds] = await program.waitForLine(
    /Warning: Nothing was done for (\d+\.\d) s: the event loop stood still\./,
  )
  assert.ok(Number(seconds) >= 2)
  assert.equal(program.lines.filter(line => /stood still/.test(line)).length, 1)
})
