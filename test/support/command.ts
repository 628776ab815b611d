// Runs a command of this program inside the test's own process, with what it reads and writes in memory.

import { Readable, Writable } from 'node:stream'
import type { Command, Io } from '../../src/cli/verbs.ts'

export interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** @param input what it reads from standard input, which is no terminal */
export async function runCommand(
  command: Command,
  args: readonly string[],
  input = '',
  env: NodeJS.ProcessEnv = {},
): Promise<CommandResult> {
  const written = { stdout: '', stderr: '' }
  const stream = (name: 'stdout' | 'stderr') =>
    new Writable({
      write(chunk, _encoding, done) {
        written[name] += chunk
        done()
      },
    })
  const io = { stdin: Readable.from([input]), stdout: stream('stdout'), stderr: stream('stderr'), env }
  const code = await command(args, io as unknown as Io)
  return { code, ...written }
}
