// Takes a store away, with all that is in it.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { dataFileName } from './data-file.ts'

/** @param directory of a store that no process has; it stays */
export function removeStore(directory: string): void {
  const path = join(directory, dataFileName)
  rmSync(path, { force: true })
  rmSync(`${path}-lock`, { force: true })
}
