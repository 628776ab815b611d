// Gives back what a store's file no longer needs: the file itself never shrinks, so a copy takes its place.

import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { StoreError } from '../store-error.ts'
import { dataFileName, openExisting } from './environment.ts'
import { copyDataFile, environmentStats, syncPath } from './lmdb-store.ts'

/**
 * @param directory of a store that no process has
 * @returns the bytes of its data file before and after
 * @throws {StoreError} and the store is as it was
 */
export async function compactStore(directory: string): Promise<{ readonly before: number; readonly after: number }> {
  const path = join(directory, dataFileName)
  const copy = `${path}.compact`
  const environment = await openExisting(directory)
  try {
    rmSync(copy, { force: true })
    const { bytesOnDisk: before, rows } = environmentStats(environment, 0)
    await copyDataFile(environment, copy)
    // Under the lock: nobody opens the one while the other takes its place.
    renameSync(copy, path)
    syncPath(directory)
    await environment.close()
    return { before, after: await sizeAfter(directory, JSON.stringify(rows)) }
  } catch (error) {
    rmSync(copy, { force: true })
    await environment.close()
    throw error
  }
}

async function sizeAfter(directory: string, rowsBefore: string): Promise<number> {
  const environment = await openExisting(directory)
  try {
    const { bytesOnDisk, rows } = environmentStats(environment, 0)
    if (JSON.stringify(rows) === rowsBefore) return bytesOnDisk
    throw new StoreError('ERR_STORE_UNREADABLE', 'the compacted store has other rows than before')
  } finally {
    await environment.close()
  }
}
