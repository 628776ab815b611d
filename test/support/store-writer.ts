// A process of its own that writes to a store until it is killed. Batch N puts ten messages with their queue rows and removes
// those of batch N - 2; when it is durable, N is printed.
//
// Usage: node test/support/store-writer.ts DIRECTORY FIRST_BATCH

import { writeSync } from 'node:fs'
import { openStore } from '../../src/store/open-store.ts'
import type { SessionChange } from '../../src/store/session-store.ts'
import { message, queued, session } from '../contract/store.ts'

export const rowsPerBatch = 10

export function batchOf(number: number): SessionChange[] {
  const changes: SessionChange[] = [session(1)]
  for (const id of idsOf(number)) changes.push(message(id), queued(id, id))
  for (const id of idsOf(number - 2)) {
    changes.push({ kind: 'remove-queued', sequence: id }, { kind: 'remove-message', messageId: id })
  }
  return changes
}

export function idsOf(batch: number): number[] {
  return batch < 1 ? [] : Array.from({ length: rowsPerBatch }, (_, index) => (batch - 1) * rowsPerBatch + index + 1)
}

const [, path, directory, first] = process.argv
if (path === import.meta.filename && directory !== undefined) {
  const store = await openStore({ engine: 'lmdb', directory })
  for (let number = Number(first); ; number++) {
    await store.sessions.apply(batchOf(number))
    writeSync(1, `${number}\n`)
  }
}
