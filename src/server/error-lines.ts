// An error of any room as lines for the log: Mosquitto's text first, then where it is and what would have been right.

import { userInfo } from 'node:os'
import type { AppError } from '../base/errors.ts'
import { HttpListenError } from '../http/errors.ts'
import { isOfFile, ListenerError } from '../net/errors.ts'

export function errorLines(error: AppError): readonly string[] {
  const { hint, line } = error as { readonly hint?: string | undefined; readonly line?: number | undefined }
  const place = line === undefined ? '' : `Line ${line}: `
  // Mosquitto's texts say it themselves, some behind the name of what failed.
  const message = /(^|: )Error: /.test(error.message) ? error.message : `Error: ${error.message}`
  const lines = hint === undefined ? [message] : [message, `${place}${hint}`]
  return isForbidden(error) ? [...lines, accountHint()] : lines
}

function isForbidden(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof HttpListenError) return false
  // What is wrong with a port is no file's permissions, and has its own hint.
  if (error instanceof ListenerError && !isOfFile(error)) return false
  return (error as NodeJS.ErrnoException).code === 'EACCES' || isForbidden(error.cause)
}

/** Whoever starts a broker as root seldom knows that it is another account that opens the files. */
function accountHint(): string {
  return `The broker runs as '${accountName()}' (option 'user'), which may not: let that account have the file and its directories, or name another.`
}

/** By its number where it has no name (PUID). */
function accountName(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? '')
  }
}
