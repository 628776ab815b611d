// How much of the processor a broker has used: unlike time, it is the same on a machine that has other things to do.

import { readFile } from 'node:fs/promises'
import type { BrokerProcess } from './broker-process.ts'

/** The kernel's unit, on every system that Node runs on. */
const ticksPerSecond = 100

/** Milliseconds, of all threads together, to the next ten. */
export async function processorMsOf({ program }: BrokerProcess): Promise<number> {
  const stat = await readFile(`/proc/${program.child.pid}/stat`, 'utf8')
  // Behind the name, which may have blanks: the state is field 3, user and system time are 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond
}
