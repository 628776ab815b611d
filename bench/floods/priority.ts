// Keeps the scheduler out of what is measured: a kernel may let whoever has a processor keep it for milliseconds. Broker and client
// go before everybody else, in real time, where the account may ask for that; the flood comes last.

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { canPin } from '../processor-cores.ts'

const chrt = '/usr/bin/chrt'

/** Whether {@link first} and {@link goFirst} change anything. */
export const canGoFirst: boolean = existsSync(chrt) && spawnSync(chrt, ['--rr', '1', 'true']).status === 0

/** The command that runs `command` before everybody else. */
export function first(command: readonly string[]): readonly string[] {
  return canGoFirst ? [chrt, '--rr', '1', ...command] : command
}

/** The command that runs `command` when nobody else wants the processor, whatever its parent may do. */
export function last(command: readonly string[]): readonly string[] {
  const nice = ['/usr/bin/nice', '-n', '19', ...command]
  return canGoFirst ? [chrt, '--other', '0', ...nice] : nice
}

/** Puts this process first, on the core of the load. */
export function goFirst(): void {
  if (!canGoFirst) return
  const pid = String(process.pid)
  execFileSync(chrt, ['--all-tasks', '--rr', '--pid', '1', pid])
  if (canPin) execFileSync('/usr/bin/taskset', ['--all-tasks', '--cpu-list', '--pid', '1', pid], { stdio: 'ignore' })
}
