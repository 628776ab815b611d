// Puts the broker on one core and the load on another, where the machine allows it.

import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'

const taskset = '/usr/bin/taskset'

/** What runs where. */
export type Side = 'broker' | 'load'
const coreOf = { broker: '0', load: '1' } as const

/** Whether {@link pinned} pins: two cores, and taskset to choose one. */
export const canPin: boolean = availableParallelism() >= 2 && existsSync(taskset)

/** The command that runs `command` on the core of its side; the process that results is the same. */
export function pinned(side: Side, command: readonly string[]): readonly string[] {
  return canPin ? [taskset, '-c', coreOf[side], ...command] : command
}
