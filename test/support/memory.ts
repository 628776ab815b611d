// How much memory a broker uses, as the kernel sees it.

import { readFile } from 'node:fs/promises'
import type { BrokerProcess } from './broker-process.ts'

/** Mebibytes of the process's own memory, files that it maps left out. */
export async function memoryOf({ program }: BrokerProcess): Promise<number> {
  const status = await readFile(`/proc/${program.child.pid}/status`, 'utf8')
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)![1]) / 1024
}
