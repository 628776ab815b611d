// The errors of this room.

import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { systemReason } from '../base/system-reason.ts'

/** The audit cannot be opened, or its end is not as it was written: what is to be told there must not be lost, so nothing begins. */
export class AuditFileError extends AppError {
  constructor(path: string, why: string, cause?: unknown) {
    super('ERR_AUDIT_FILE', `Error: audit_file "${escapeText(path, 4096)}" cannot be used: ${why}.`, { cause })
  }
}

/** The files of an audit cannot be read by a command. */
export class AuditReadError extends AppError {
  constructor(path: string, why: string, cause?: unknown) {
    super('ERR_AUDIT_READ', `'${escapeText(path, 4096)}' cannot be read: ${why}`, { cause })
  }
}

/** In words, for a person. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code === undefined ? escapeText(message, 200) : systemReason(error)
}
