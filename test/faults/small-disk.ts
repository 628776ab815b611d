// A disk of a few megabytes for one test, that can be filled and emptied. Only root can have one; elsewhere tests skip.

import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export interface SmallDisk {
  readonly path: string
  /** Leaves not a byte. */
  fill(): void
  /** Gives back what `fill` took. */
  empty(): void
}

/** @returns undefined where this machine lets nobody mount; the test is skipped then */
export function smallDisk(t: TestContext, megabytes: number): SmallDisk | undefined {
  const path = mkdtempSync(join(tmpdir(), 'castellan-disk-'))
  const mount = ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0755`, 'castellan-test', path]
  const { status, stderr, error } = spawnSync('mount', mount, { encoding: 'utf8' })
  if (status !== 0) {
    rmSync(path, { recursive: true })
    t.skip(`no disk can be mounted here: ${error?.message ?? stderr.trim()}`)
    return undefined
  }
  // Lazily: the broker, which has files here, is killed by a later hook.
  t.after(() => {
    spawnSync('umount', ['--lazy', path])
    rmSync(path, { recursive: true, force: true })
  })
  const filler = join(path, 'filler')
  return { path, fill: () => fill(filler), empty: () => rmSync(filler) }
}

function fill(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (let size = 1 << 20; size >= 1; ) {
      try {
        writeSync(file, Buffer.alloc(size))
      } catch {
        size >>= 1
      }
    }
  } finally {
    closeSync(file)
  }
}
