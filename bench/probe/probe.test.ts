import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { canPin } from '../processor-cores.ts'
import { CoreProbe } from './core-probe.ts'
import { costBetween, readReading, writeReading } from './reading.ts'

function place(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'castellan-probe-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return directory
}

test('a reading is what was written; pieces between two of them have a cost, none have none', t => {
  const path = join(place(t), 'reading')
  const file = openSync(path, 'w')
  const before = { count: 3, microseconds: 600.5 }
  writeReading(file, before)
  assert.deepEqual(readReading(path), before)
  writeReading(file, { count: 5, microseconds: 1100.5 })
  closeSync(file)
  assert.equal(costBetween(before, readReading(path)), 250)
  assert.equal(costBetween(before, before), null)
})

test('the probe works while a task lasts, and rests before and after', { skip: !canPin }, async t => {
  const probe = await CoreProbe.start(place(t))
  assert.ok(probe !== undefined)
  t.after(() => probe.stop())
  const rest = readReading(probe.path)
  assert.equal(await probe.during(() => grown(probe, rest.count + 5)), 'grown')
  assert.ok(costBetween(rest, readReading(probe.path))! > 0)
})

/** Waits until the probe has done so many pieces. */
async function grown(probe: CoreProbe, count: number): Promise<string> {
  while (readReading(probe.path).count < count) await new Promise(setImmediate)
  return 'grown'
}
