// A file beside the store for as long as a broker runs on it: where a start finds one, the run before was cut off.

import { closeSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const markName = 'running'

/**
 * Sets the mark; only whoever has the store may.
 *
 * @returns whether the mark of an earlier run is still there
 * @throws Error of the system, when there is none and it cannot be made
 */
export function setRunMark(directory: string): boolean {
  try {
    closeSync(openSync(join(directory, markName), 'wx', 0o600))
    return false
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return true
    throw error
  }
}

/** The run has come to its end: everything is written. */
export function clearRunMark(directory: string): void {
  rmSync(join(directory, markName), { force: true })
}
