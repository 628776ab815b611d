// File descriptors that run out (docs/operations.md, "Faults"): who is in goes on, who comes is closed, and nothing spins.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { castellanProgram } from '../support/broker-process.ts'
import { freePort } from '../support/free-port.ts'
import { startProgram } from '../support/line-process.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { directory, enter, publishAndWait, subscribe } from './fault-broker.ts'

const prlimit = '/usr/bin/prlimit'

test('faults: short of file descriptors, the broker closes who comes, tells of it once, serves who is in, and recovers', async t => {
  if (!existsSync(prlimit)) return t.skip(`${prlimit} is missing`)
  const port = await freePort()
  const config = `listener ${port} 127.0.0.1\nallow_anonymous true\nlog_type all\nuser root\n`
  const program = await startWith(t, config, 84)
  const inside = await enter(t, { port })
  const crowd: RawClient[] = []
  for (let i = 0; i < 19; i++) crowd.push(await connectRaw(t, { port }))
  const refused = [await connectRaw(t, { port }), await connectRaw(t, { port })]
  for (const client of refused) await client.expectClosed()
  await program.waitForLine(/Client connection from 127\.0\.0\.1 denied: open_files exceeded\./)
  assert.equal(program.lines.filter(line => /denied/.test(line)).length, 1)
  assert.equal(await publishAndWait(inside, 'topic', 'payload'), 0x10)
  const from = program.lines.length
  program.signal('SIGHUP')
  await program.waitForLine(/Configuration reloaded\./, from)
  for (const client of crowd) client.breakOff()
  // The broker learns of the ends in its own time.
  for (let isIn = false; !isIn; )
    isIn = await enter(t, { port }).then(
      () => true,
      () => false,
    )
})

test('faults: where not one file descriptor is left, who comes is closed, who is in is served, $SYS goes on, and others are let in when there are some', async t => {
  if (!existsSync(prlimit)) return t.skip(`${prlimit} is missing`)
  const port = await freePort()
  const config = `listener ${port} 127.0.0.1\nallow_anonymous true\nsys_interval 1\nuser root\n`
  const { child } = await startWith(t, config, 1024)
  const inside = await enter(t, { port })
  const limitTo = (most: number) => execFileSync(prlimit, ['--pid', `${child.pid}`, `--nofile=${most}:`])
  limitTo(firstFree(readdirSync(`/proc/${child.pid}/fd`)))
  for (let i = 0; i < 3; i++) await (await connectRaw(t, { port })).expectClosed()
  assert.equal(await publishAndWait(inside, 'topic', 'payload'), 0x10)
  assert.equal(await subscribe(inside, '$SYS/broker/uptime', 0), 0)
  for (let i = 0; i < 3; i++) assert.match((await inside.expectPublish()).payload, /seconds/)
  limitTo(1024)
  await enter(t, { port })
})

/** The lowest file descriptor that is none, with all below it open. */
function firstFree(open: readonly string[]): number {
  const numbers = new Set(open.map(Number))
  let free = 0
  while (numbers.has(free)) free++
  return free
}

/** @param openFiles soft and hard limit */
async function startWith(t: TestContext, config: string, openFiles: number) {
  const file = join(directory(t), 'broker.conf')
  writeFileSync(file, config)
  const args = [`--nofile=${openFiles}:${openFiles}`, castellanProgram, 'run', '-c', file]
  const program = startProgram(t, prlimit, args)
  await program.waitForLine(/running$/)
  return program
}
