// What a run leaves behind for the time that it lasts, processes and files, and that nothing of it survives: not at its
// end, not at an error, not at Ctrl-C.

import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { escapeText } from '../src/base/escape.ts'
import { BenchError } from './bench-error.ts'

const directories = new Set<string>()
const groups = new Set<number>()
let watching = false

/**
 * A new directory, gone when this process ends.
 *
 * @throws BenchError where the system's place for temporary files takes none
 */
export async function runDirectory(): Promise<string> {
  watch()
  const directory = await mkdtemp(join(tmpdir(), 'castellan-bench-')).catch(refuse)
  directories.add(directory)
  return directory
}

function refuse(cause: unknown): never {
  throw new BenchError(
    `cannot make a directory in '${escapeText(tmpdir())}'; TMPDIR has to name a directory that can be written to`,
    { cause },
  )
}

/** Has a process group killed when this process ends first. */
export function killAtEnd(group: number): void {
  watch()
  groups.add(group)
}

/** SIGKILL to all that is left of a process group. */
export function killGroup(group: number): void {
  groups.delete(group)
  try {
    process.kill(-group, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function watch(): void {
  if (watching) return
  watching = true
  process.once('exit', () => {
    for (const group of groups) killGroup(group)
    for (const directory of directories) rmSync(directory, { recursive: true, force: true })
  })
  // A signal alone fires no `exit`.
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
}
