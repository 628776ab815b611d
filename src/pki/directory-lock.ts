// One writer at a time in an authority's directory: a file that names the process that has it.

import { randomBytes } from 'node:crypto'
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { escapeText } from '../base/escape.ts'
import { PkiConflictError } from './errors.ts'

/** How often, and how long altogether, is waited for another process: signing a list takes some milliseconds. */
const retryMs = 50
const retries = 200

/** @throws PkiConflictError when another process has it for ten seconds */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  for (let tries = 0; !take(path); tries++) {
    if (tries === retries) {
      throw new PkiConflictError(
        `another process is at work there ('${escapeText(path, 4096)}' says which); remove the file if it is not`,
      )
    }
    await delay(retryMs)
  }
  try {
    return await work()
  } finally {
    rmSync(path, { force: true })
  }
}

/** The file appears with its content, by a link: nobody ever reads an empty one. */
function take(path: string): boolean {
  const own = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`
  writeFileSync(own, JSON.stringify({ host: hostname(), pid: process.pid }), { flag: 'wx' })
  try {
    linkSync(own, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    if (isAbandoned(path)) clear(path)
    return false
  } finally {
    rmSync(own, { force: true })
  }
}

/** Its process was of this machine, and is gone. */
function isAbandoned(path: string): boolean {
  try {
    const { host, pid } = JSON.parse(readFileSync(path, 'utf8')) as { host: unknown; pid: unknown }
    if (host !== hostname() || typeof pid !== 'number') return false
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/** Moves it away before it is looked at again: another process may have cleared it, and taken its own, meanwhile. */
function clear(path: string): void {
  const aside = `${path}.gone-${randomBytes(4).toString('hex')}`
  try {
    renameSync(path, aside)
    if (isAbandoned(aside)) rmSync(aside)
    else linkSync(aside, path)
  } catch {
    // Somebody else was quicker; the next try sees what there is then.
  }
  rmSync(aside, { force: true })
}
