// A broker that was started as root becomes another user before it opens anything (mosquitto.conf(5), `user`; PUID and PGID).

import { execFileSync } from 'node:child_process'
import { lchownSync, mkdirSync, rmdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import type { Environment } from './environment.ts'

/** The numbers of an account; those that are undefined are looked up. */
export type Numbers = Partial<Pick<Environment, 'uid' | 'gid'>>

/**
 * Becomes `user` when running as root; the default `mosquitto` gives way to `nobody` where there is none.
 *
 * @param directories that the user is to have: made, with mode 0700, where they are not there
 * @param numbers go before those of `user`
 * @returns those that were made
 * @throws AppError when there is no such user, or a directory cannot be made for it
 */
export function dropPrivileges(user: string, directories: readonly string[], numbers: Numbers = {}): readonly string[] {
  if (process.geteuid?.() !== 0) return []
  const { uid, gid } = numbers
  if (uid !== undefined) {
    return becomeNumbers({ uid, gid: gid ?? uid, groups: [gid ?? uid] }, String(uid), directories)
  }
  if (user === 'root' && gid === undefined) return []
  const candidates = user === 'mosquitto' ? [user, 'nobody'] : [user]
  for (const name of candidates) {
    const account = accountOf(name)
    if (account === undefined) continue
    return becomeNumbers(gid === undefined ? account : { ...account, gid, groups: [gid] }, name, directories)
  }
  throw new AppError(
    'ERR_SERVER_USER',
    `Error: Unable to drop privileges to '${escapeText(user)}' because this user does not exist.`,
  )
}

/** Takes a directory away that nothing was put into; one that is not ours to take away stays. */
export function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory)
  } catch {
    // It is in use, is gone already, or stands where this account may change nothing.
  }
}

interface Account {
  readonly uid: number
  readonly gid: number
  readonly groups: readonly number[]
}

/** @returns undefined when there is no such user */
function accountOf(user: string): Account | undefined {
  const uid = idOf('-u', user)
  const gid = idOf('-g', user)
  const groups = idOf('-G', user)
  if (uid === undefined || gid === undefined || groups === undefined) return undefined
  return { uid: Number(uid), gid: Number(gid), groups: groups.split(' ').map(Number) }
}

/** @param name for people @returns the directories that were made */
function becomeNumbers({ uid, gid, groups }: Account, name: string, directories: readonly string[]): readonly string[] {
  const made: string[] = []
  for (const directory of directories) {
    try {
      if (makeFor(directory, uid, gid)) made.push(directory)
    } catch (error) {
      throw new DirectoryError(directory, name, error as Error)
    }
  }
  process.setgroups?.([...groups])
  process.setgid?.(gid)
  process.setuid?.(uid)
  return made
}

/** What is there already stays whose it is. @returns whether it was made */
function makeFor(directory: string, uid: number, gid: number): boolean {
  mkdirSync(dirname(directory), { recursive: true })
  try {
    mkdirSync(directory, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
  lchownSync(directory, uid, gid)
  return true
}

class DirectoryError extends AppError {
  constructor(directory: string, user: string, cause: Error) {
    const shown = escapeText(directory, 4096)
    super(
      'ERR_SERVER_USER_DIRECTORY',
      `Error: Unable to make '${shown}' for user '${escapeText(user)}': ${escapeText(cause.message, 4096)}.`,
      { cause },
    )
  }
}

/** Asks the system, whose users may live in more than a file. */
function idOf(what: '-u' | '-g' | '-G', user: string): string | undefined {
  try {
    return execFileSync('id', [what, '--', user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}
