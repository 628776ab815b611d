// The commands of dynamic security that Debian's mosquitto_ctrl helps with, so that a list of ours that lacks one fails.

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { runProgram } from '../support/line-process.ts'

/** As its page of help has them: `Delete a role:  deleteRole <rolename>`. */
export async function debianCommands(t: TestContext): Promise<readonly string[]> {
  const { stdout } = await runProgram(t, '/usr/bin/mosquitto_ctrl', ['dynsec', 'help'])
  const commands = new Set(stdout.flatMap(line => /^[A-Z].*: +([a-z]\w+)/.exec(line)?.slice(1) ?? []))
  assert.equal(commands.size, 28, stdout.join('\n'))
  return [...commands]
}
