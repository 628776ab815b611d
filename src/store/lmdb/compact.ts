// Gives back what a store's file no longer needs: the file itself never shrinks, so a copy takes its place.

import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { StoreError } from '../store-error.ts'
import { dataFileName } from './data-file.ts'
import { openExisting } from './environment.ts'
import { copyStore, environmentStats, syncPath } from './lmdb-store.ts'

/**
 * @param directory of a store that no process has
 * @returns the bytes of its data file before and after
 * @throws {StoreError} and the store is as it was
 */
export async function compactStore(directory: string): Promise<{ readonly before: number; readonly after: number }> {
  const copy = join(directory, 'compact')
  const environment = await openExisting(directory)
  try {
    rmSync(copy, { recursive: true, force: true })
    const { bytesOnDisk: before, rows } = environmentStats(environment, 0)
    await copyStore(environment, copy)
    const after = await sizeOf(copy, JSON.stringify(rows))
    // Under the lock: nobody opens the one while the other takes its place.
    renameSync(join(copy, dataFileName), join(directory, dataFileName))
    syncPath(directory)
    return { before, after }
  } finally {
    rmSync(copy, { recursive: true, force: true })
    await environment.close()
  }
}

async function sizeOf(copy: string, rowsBefore: string): Promise<number> {
  const environment = await openExisting(copy)
  try {
    const { bytesOnDisk, rows } = environmentStats(environment, 0)
    if (JSON.stringify(rows) === rowsBefore) return bytesOnDisk
    throw new StoreError('ERR_STORE_UNREADABLE', 'the compacted copy has other rows than the store')
  } finally {
    await environment.close()
  }
}
