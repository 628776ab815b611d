// On what, and from which sources, a run was made. Neither host name nor paths: results are published.

import { spawnSync } from 'node:child_process'
import { availableParallelism, cpus, release, type } from 'node:os'
import { join } from 'node:path'

export interface Machine {
  /** As the kernel names it. */
  readonly processor: string
  readonly cores: number
  /** `Linux 6.1.0-18-amd64`. */
  readonly kernel: string
  /** What the load, and Aedes, ran on: `v24.21.0`. */
  readonly node: string
}

export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() || 'unknown',
    cores: availableParallelism(),
    kernel: `${type()} ${release()}`,
    node: process.version,
  }
}

const repository = join(import.meta.dirname, '..')

/** The short hash of what is checked out, with `-dirty` when something else is measured; `unknown` outside a clone. */
export function describeCommit(): string {
  const commit = git('rev-parse', '--short', 'HEAD')
  if (commit === undefined) return 'unknown'
  return git('status', '--porcelain', '--untracked-files=no') === '' ? commit : `${commit}-dirty`
}

function git(...args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync('git', args, { cwd: repository, encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}
