// Makes system calls of a running broker fail or last, by strace; where that is missing, or nobody may trace, tests skip.

import { existsSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { type LineProcess, startProgram } from '../support/line-process.ts'
import type { FaultBroker } from './fault-broker.ts'

const strace = '/usr/bin/strace'

/**
 * @param calls as after `-e inject=`: `fdatasync:error=EIO`
 * @returns the tracer, whose end gives the calls back; undefined when the test is skipped
 */
export async function spoil(t: TestContext, { process }: FaultBroker, calls: string): Promise<LineProcess | undefined> {
  if (!existsSync(strace)) {
    t.skip(`${strace} is missing`)
    return undefined
  }
  const [call] = calls.split(':')
  const args = ['-f', '-p', String(process.program.child.pid), '-e', `trace=${call}`, '-e', `inject=${calls}`]
  const tracer = startProgram(t, strace, args)
  try {
    await tracer.waitForLine(/attached/)
    return tracer
  } catch {
    t.skip(`nobody may trace here: ${tracer.lines[0]}`)
    return undefined
  }
}
