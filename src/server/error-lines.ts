// An error of any room as lines for the log: Mosquitto's text first, then where it is and what would have been right.

import { userInfo } from 'node:os'
import type { AppError } from '../base/errors.ts'

export function errorLines(error: AppError): readonly string[] {
  const { hint, line } = error as { readonly hint?: string | undefined; readonly line?: number | undefined }
  const place = line === undefined ? '' : `Line ${line}: `
  const lines = hint === undefined ? [error.message] : [error.message, `${place}${hint}`]
  return isForbidden(error) ? [...lines, accountHint()] : lines
}

function isForbidden(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return (error as NodeJS.ErrnoException).code === 'EACCES' || isForbidden(error.cause)
}

/** Whoever starts a broker as root seldom knows that it is another account that opens the files. */
function accountHint(): string {
  const { username } = userInfo()
  return `The broker runs as '${username}' (option 'user'), which may not: let that account have the file, or name another.`
}
