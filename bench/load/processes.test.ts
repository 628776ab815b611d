// The kernel's figures, of this very process and its children.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import test from 'node:test'
import { cpuSecondsBetween, processFigures, residentBytes } from './processes.ts'

test('CPU time between two looks is what the process spent', () => {
  const before = processFigures([process.pid])
  const usage = process.cpuUsage()
  while (process.cpuUsage(usage).user < 150_000);
  const { user, system } = process.cpuUsage(usage)
  const spent = cpuSecondsBetween(before, processFigures([process.pid]))
  assert.ok(Math.abs(spent - (user + system) / 1e6) < 0.1, `${spent} seconds`)
})

test('the memory of living children is counted, that of a process that is gone is not', async t => {
  const alone = residentBytes([process.pid])
  const child = spawn(process.execPath, ['-e', 'process.stdout.write("up"); process.stdin.resume()'])
  t.after(() => child.kill())
  await once(child.stdout, 'data')
  assert.ok(residentBytes([process.pid]) > alone + 20_000_000)
  assert.ok(residentBytes([child.pid!]) > 20_000_000)
  child.kill()
  await once(child, 'close')
  assert.equal(residentBytes([child.pid!]), 0)
})
