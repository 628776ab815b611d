// Whose broker it becomes when root starts `castellan up`: the directory's owner, and nobody who may not read it.

import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { escapeText } from '../../base/escape.ts'
import { exitCode } from '../exit-code.ts'
import { shellQuote } from '../shell-quote.ts'
import { UpError } from './arguments.ts'
import type { DataDirectory } from './template.ts'

/**
 * Root may start the broker of a directory that is root's own, or whose configuration names its owner as `user`.
 *
 * @throws UpError otherwise
 */
export function refuseForeignOwner(files: DataDirectory): void {
  if (process.geteuid?.() !== 0) return
  const { uid } = statSync(files.dir)
  if (uid === 0) return
  const owner = accountOf(uid)
  const user = userOf(readFileSync(files.config, 'utf8'))
  if (user === owner) return
  const asOwner = `runuser -u ${shellQuote(owner)} -- castellan up --dir ${shellQuote(files.dir)}`
  throw new UpError(
    `'${escapeText(files.dir)}' belongs to '${escapeText(owner)}', but started by root its broker would run as '${escapeText(user)}'; start it as its owner (${asOwner}), or write 'user ${escapeText(owner)}' into '${escapeText(files.config)}'`,
    exitCode.conflict,
  )
}

/** A line of warning for a broker that stayed root; empty when it did not. To be asked once it listens. */
export function rootWarning({ dir, config }: DataDirectory): string {
  if (process.geteuid?.() !== 0) return ''
  return `\nWarning: the broker runs as root, and every network reaches it. Better an account of its own: stop it, then
  chown -R ACCOUNT ${shellQuote(dir)}, and 'user ACCOUNT' instead of 'user root' in ${escapeText(config, 4096)}
`
}

/** mosquitto.conf(5), `user`: without one, root becomes `mosquitto`. */
function userOf(config: string): string {
  return /^user +(\S+) *$/m.exec(config)?.[1] ?? 'mosquitto'
}

/** The number stands in for an account without a name. */
function accountOf(uid: number): string {
  try {
    return execFileSync('id', ['-un', String(uid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return String(uid)
  }
}
