// A broker that was started as root becomes another user before it opens anything (mosquitto.conf(5), `user`).

import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'

/**
 * Becomes `user` when running as root; the default `mosquitto` gives way to `nobody` where there is none.
 *
 * @throws AppError when there is no such user
 */
export function dropPrivileges(user: string): void {
  if (process.geteuid?.() !== 0 || user === 'root') return
  const candidates = user === 'mosquitto' ? [user, 'nobody'] : [user]
  for (const name of candidates) if (become(name)) return
  throw new AppError(
    'ERR_USER',
    `Error: Unable to drop privileges to '${escapeText(user)}' because this user does not exist.`,
  )
}

function become(user: string): boolean {
  try {
    process.setgroups?.([groupOf(user)])
    process.setgid?.(groupOf(user))
    process.setuid?.(user)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_UNKNOWN_CREDENTIAL') return false
    throw error
  }
}

function groupOf(user: string): string {
  return user === 'nobody' ? 'nogroup' : user
}
