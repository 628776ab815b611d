// What a process had been told was durable is there after it was killed, and nothing is there by halves.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test from 'node:test'
import { message, queued, rowsOf, session } from '../../../test/contract/store.ts'
import { storeDirectory } from '../../../test/support/store-directory.ts'
import { idsOf } from '../../../test/support/store-writer.ts'
import { openStore } from '../open-store.ts'
import type { StoreFault } from '../store.ts'

const writer = join(import.meta.dirname, '../../../test/support/store-writer.ts')
/** Batches that are durable when the process is killed. */
const batchesBeforeKill = [1, 3, 17, 40, 95]

test('store: a process killed in the middle of writing loses no batch it was told is durable', async t => {
  const directory = storeDirectory(t)
  let last = 0
  for (const batches of batchesBeforeKill) {
    last = await writeUntilKilled(directory, last + 1, batches)
    last = await batchFound(directory, last)
  }
})

/** @returns the last batch that the process said is durable */
async function writeUntilKilled(directory: string, first: number, batches: number): Promise<number> {
  const child = spawn(process.execPath, [writer, directory, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  let last = 0
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line)
    if (last >= first + batches - 1) child.kill('SIGKILL')
  }
  const [code, signal] = await exited
  assert.equal(signal, 'SIGKILL', `the writer ended by itself with ${code}`)
  return last
}

/** Asserts that the store is as one batch left it, the one that was acknowledged last or the next. @returns which */
async function batchFound(directory: string, acknowledged: number): Promise<number> {
  const faults: StoreFault[] = []
  const store = await openStore({ engine: 'lmdb', directory, onFault: fault => faults.push(fault) })
  const rows = await rowsOf(store.sessions.load())
  await store.close()
  const newest = rows.reduce(
    (highest, row) => (row.kind === 'put-queued' ? Math.max(highest, row.sequence) : highest),
    0,
  )
  const found = idsOf(acknowledged).includes(newest) ? acknowledged : acknowledged + 1
  const ids = [...idsOf(found - 1), ...idsOf(found)]
  assert.deepEqual(rows, [session(1), ...ids.map(id => message(id)), ...ids.map(id => queued(id, id))])
  assert.deepEqual(faults, [])
  return found
}
