// A broker that was started as root becomes another user before it opens anything (mosquitto.conf(5), `user`).

import { execFileSync } from 'node:child_process'
import { lchownSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'

/**
 * Becomes `user` when running as root; the default `mosquitto` gives way to `nobody` where there is none.
 *
 * @param directories that the user is to have: made, with mode 0700, where they are not there
 * @throws AppError when there is no such user, or a directory cannot be made for it
 */
export function dropPrivileges(user: string, directories: readonly string[]): void {
  if (process.geteuid?.() !== 0 || user === 'root') return
  const candidates = user === 'mosquitto' ? [user, 'nobody'] : [user]
  for (const name of candidates) if (become(name, directories)) return
  throw new AppError(
    'ERR_SERVER_USER',
    `Error: Unable to drop privileges to '${escapeText(user)}' because this user does not exist.`,
  )
}

/** @returns false when there is no such user */
function become(user: string, directories: readonly string[]): boolean {
  const uid = idOf('-u', user)
  const gid = idOf('-g', user)
  const groups = idOf('-G', user)
  if (uid === undefined || gid === undefined || groups === undefined) return false
  for (const directory of directories) {
    try {
      makeFor(directory, Number(uid), Number(gid))
    } catch (error) {
      throw new DirectoryError(directory, user, error as Error)
    }
  }
  process.setgroups?.(groups.split(' ').map(Number))
  process.setgid?.(Number(gid))
  process.setuid?.(Number(uid))
  return true
}

/** What is there already stays whose it is. */
function makeFor(directory: string, uid: number, gid: number): void {
  mkdirSync(dirname(directory), { recursive: true })
  try {
    mkdirSync(directory, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return
    throw error
  }
  lchownSync(directory, uid, gid)
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
