// File descriptors that run out (docs/operations.md, "Faults"): who is in goes on, who comes is closed, and nothing spins.

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { castellanProgram } from '../support/broker-process.ts'
import { freePort } from '../support/free-port.ts'
import { startProgram } from '../support/line-process.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { enter, publishAndWait } from './fault-broker.ts'

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

/** @param openFiles soft and hard limit */
async function startWith(t: TestContext, config: string, openFiles: number) {
  const directory = mkdtempSync(join(tmpdir(), 'castellan-faults-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  writeFileSync(join(directory, 'broker.conf'), config)
  const args = [`--nofile=${openFiles}:${openFiles}`, castellanProgram, 'run', '-c', join(directory, 'broker.conf')]
  const program = startProgram(t, prlimit, args)
  await program.waitForLine(/running$/)
  return program
}
