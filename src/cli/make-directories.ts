// Makes directories one at a time. Node's own `recursive` tries for ever where a file system has the parent and refuses the
// child with ENOENT, as /proc does.

import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes `path`, and whatever above it is missing.
 *
 * @param path absolute
 * @throws the operating system's error; what was made above it stays
 */
export function makeDirectories(path: string): void {
  const missing: string[] = []
  for (let at = path; statSync(at, { throwIfNoEntry: false }) === undefined; at = dirname(at)) missing.unshift(at)
  for (const directory of missing) mkdirSync(directory)
}
