// Which brokers run on this machine, Mosquitto's and ours, by what /proc has of each process.

import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { basename, join } from 'node:path'
import { brokerTitle, mosquittoTitle } from '../base/process-title.ts'

export interface BrokerProcess {
  readonly pid: number
  /** `mosquitto` is also what ours is called when it was started under that name. */
  readonly name: 'castellan' | 'mosquitto'
}

/** Of a command line; no name that is looked for is longer. */
const mostBytes = 256

/**
 * Those that this user may send signals to: root to all, others to their own.
 *
 * @param proc where the kernel's files are
 * @param uid of who asks
 * @throws Error of the system, where there is no such directory
 */
export function brokerProcesses(proc = '/proc', uid = process.geteuid?.() ?? 0): readonly BrokerProcess[] {
  return readdirSync(proc)
    .filter(entry => /^[1-9]\d*$/.test(entry))
    .flatMap(entry => {
      const name = brokerName(join(proc, entry))
      return name !== undefined && (uid === 0 || ownerOf(join(proc, entry)) === uid)
        ? [{ pid: Number(entry), name }]
        : []
    })
}

/** By the whole first word of its command line, its path left out. */
function brokerName(directory: string): BrokerProcess['name'] | undefined {
  const [word = ''] = whereThere(() => beginningOf(join(directory, 'cmdline')))?.split('\0') ?? []
  if (word === brokerTitle) return 'castellan'
  return basename(word) === mosquittoTitle ? 'mosquitto' : undefined
}

/** The owner of the directory would be root for each process that was once root's. */
function ownerOf(directory: string): number | undefined {
  const status = whereThere(() => readFileSync(join(directory, 'status'), 'latin1'))
  const uid = /^Uid:\t(\d+)/m.exec(status ?? '')?.[1]
  return uid === undefined ? undefined : Number(uid)
}

function beginningOf(path: string): string {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(mostBytes)
    return bytes.toString('latin1', 0, readSync(file, bytes))
  } finally {
    closeSync(file)
  }
}

/** A process may end while it is looked at, or not be for us to look at. */
function whereThere<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
