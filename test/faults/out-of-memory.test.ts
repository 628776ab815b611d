// Memory that runs out under the broker (docs/operations.md, "Faults"): the process ends, and a restart finds what was
// acknowledged and tells that the run before was cut off. What keeps it from coming so far is in test/hostile/memory.test.ts.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { startBroker } from '../support/broker-process.ts'
import type { LineProcess } from '../support/line-process.ts'
import type { RawClient } from '../support/raw-client.ts'
import { addKeeper, directory, enter, knock, publishAndWait, startOn } from './fault-broker.ts'
import { writeRetained } from './retained-rows.ts'

const prlimit = '/usr/bin/prlimit'
const cutOff = /Warning: The run before was cut off: /
const withoutLimits = 'memory_limit 0\nmax_queued_messages 0\nmax_queued_bytes 0'

test('faults: where the system gives no more memory the process ends by SIGABRT and says so; what was acknowledged is there after a restart, in order', async t => {
  if (!existsSync(prlimit)) return t.skip(`${prlimit} is missing`)
  const path = directory(t)
  const broker = await startOn(t, path, withoutLimits)
  await addKeeper(t, broker)
  allow(broker.process.program, 60_000_000)
  const acknowledged = await publishUntilTheEnd(await enter(t, broker))
  assert.deepEqual(await broker.process.program.expectEnd(), { code: null, signal: 'SIGABRT' })
  await broker.process.program.waitForLine(/out of memory/)

  const restarted = await startOn(t, path, withoutLimits)
  await restarted.process.waitForLine(cutOff)
  const { client, sessionPresent } = await knock(t, restarted, { clientId: 'keeper', isLasting: true })
  assert.equal(sessionPresent, true)
  for (let n = 0; n < acknowledged; n++) {
    const { payload, packetId } = await client.expectPublish()
    assert.equal(Number(payload), n)
    client.send(Uint8Array.of(0x40, 2, packetId >> 8, packetId & 0xff))
  }
  await restarted.process.stop()
  const third = await startOn(t, path, withoutLimits)
  assert.ok(!third.process.lines.some(line => cutOff.test(line)), 'a run that came to its end is not complained of')
})

/** Lets a process have so many bytes more than it has. */
function allow({ child }: LineProcess, bytes: number): void {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  const has = Number(/^VmData:\s+(\d+) kB$/m.exec(status)![1]) * 1024
  execFileSync(prlimit, ['--pid', `${child.pid}`, `--data=${has + bytes}`])
}

/** @returns how many messages were acknowledged */
async function publishUntilTheEnd(publisher: RawClient): Promise<number> {
  for (let n = 0; ; n++) {
    const payload = Buffer.alloc(100_000, ' ').fill(`${n}`, 0, `${n}`.length)
    const reasonCode = await publishAndWait(publisher, 'kept', payload).catch(() => undefined)
    if (reasonCode === undefined) return n
    assert.equal(reasonCode, 0)
  }
}

test('faults: a heap that is too small for what the store has ends the start; with a larger one everything is there', async t => {
  const path = directory(t)
  const count = 200_000
  await writeRetained(join(path, 'castellan-store'), count)
  const config = ({ port }: { port: number }) =>
    `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location ${path}`
  const env = { NODE_OPTIONS: '--max-old-space-size=48' }
  const { program } = await startBroker(t, { config, env, ready: /Config loaded from/ })
  assert.deepEqual(await program.expectEnd(), { code: null, signal: 'SIGABRT' })
  await program.waitForLine(/JavaScript heap out of memory/)
  const restarted = await startBroker(t, { config })
  await restarted.waitForLine(cutOff)
  await restarted.waitForLine(new RegExp(`Loaded 0 sessions, 0 waiting messages, ${count} retained messages`))
})
