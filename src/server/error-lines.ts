// An error of any room as lines for the log: Mosquitto's text first, then where it is and what would have been right.

import type { AppError } from '../base/errors.ts'

export function errorLines(error: AppError): readonly string[] {
  const { hint, line } = error as { readonly hint?: string | undefined; readonly line?: number | undefined }
  const place = line === undefined ? '' : `Line ${line}: `
  return hint === undefined ? [error.message] : [error.message, `${place}${hint}`]
}
