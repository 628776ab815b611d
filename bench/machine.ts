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

export interface Commit {
  /** Short hash, with `-dirty` when something else is measured; `unknown` when git does not tell. */
  readonly commit: string
  /** Why git does not tell. */
  readonly unknown?: string
}

export function describeCommit(): Commit {
  const { status, stdout, stderr, error } = git('rev-parse', '--short', 'HEAD')
  if (status !== 0)
    return { commit: 'unknown', unknown: error === undefined ? refusal(stderr) : 'git cannot be started' }
  const hash = stdout.trim()
  const clean = git('status', '--porcelain', '--untracked-files=no')
  return { commit: clean.status === 0 && clean.stdout === '' ? hash : `${hash}-dirty` }
}

/** In our words: git's own have a path in them. `message` is git's, untranslated. */
export function refusal(message: string): string {
  if (message.includes('dubious ownership')) {
    return 'git refuses a repository that belongs to another user; git config safe.directory allows it'
  }
  return message.includes('not a git repository') ? 'this is no clone' : 'git does not tell'
}

function git(...args: readonly string[]) {
  return spawnSync('git', args, { cwd: repository, encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })
}
