// Takes a store away, with all that is in it.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { StoreError } from '../store-error.ts'
import { dataFileName } from './data-file.ts'
import { lockDirectory } from './directory-lock.ts'

/** @param directory of a store that no process has; it stays */
export function removeStore(directory: string): void {
  const path = join(directory, dataFileName)
  rmSync(path, { force: true })
  rmSync(`${path}-lock`, { force: true })
}

/** The same, with the files of its lock: of a store that was begun a moment ago. One that somebody else has taken stays. */
export function removeBegunStore(directory: string): void {
  let lock: ReturnType<typeof lockDirectory>
  try {
    lock = lockDirectory(directory)
  } catch (error) {
    if (error instanceof StoreError) return
    throw error
  }
  try {
    removeStore(directory)
    // The lock last: until then nobody else begins a store here.
    for (const name of ['lock-owner', 'lock']) rmSync(join(directory, name), { force: true })
  } finally {
    lock.release()
  }
}
