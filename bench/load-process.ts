// Runs the load generator, a program of its own: one request in, one result out.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { escapeText } from '../src/base/escape.ts'
import { BenchError } from './bench-error.ts'
import type { LoadRequest } from './load/request.ts'
import type { LoadResult } from './load/result.ts'
import { pinned } from './processor-cores.ts'
import { killAtEnd, killGroup } from './run-directory.ts'

const generator = join(import.meta.dirname, 'load/main.ts')
/** Beyond the measured time: connecting, loading a million retained messages into the slowest of brokers. */
const extraLimitSeconds = 300

/** @throws BenchError when there is no result, with what the generator said */
export async function runLoad(request: LoadRequest): Promise<LoadResult> {
  const [program = '', ...args] = pinned('load', [process.execPath, ...flagsOf(request), generator])
  const child = spawn(program, args, { detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
  const { pid } = child
  if (pid === undefined) throw new BenchError('the load generator cannot be started')
  killAtEnd(pid)
  const limitSeconds = request.warmupSeconds + request.seconds + extraLimitSeconds
  const timer = setTimeout(() => killGroup(pid), limitSeconds * 1000)
  try {
    child.stdin.on('error', () => {}) // one that ends early does not read its request
    child.stdin.end(JSON.stringify(request))
    const [output, complaint, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
    if (output.trim() === '') throw new BenchError(noResult(code, complaint, limitSeconds))
    return JSON.parse(output) as LoadResult
  } finally {
    clearTimeout(timer)
    killGroup(pid)
  }
}

/** A collection of a large young generation lasts milliseconds, and would be in the latency of whatever broker. */
function flagsOf({ scenario }: LoadRequest): readonly string[] {
  return scenario.kind === 'paced' ? ['--max-semi-space-size=1'] : []
}

function noResult(code: number | null, complaint: string, limitSeconds: number): string {
  if (code === null) return `the load generator had no result after ${limitSeconds} s`
  const last = complaint.trimEnd().split('\n').slice(-3).join(' | ')
  return `the load generator ended with ${code}: ${escapeText(last, 400) || 'it said nothing'}`
}
