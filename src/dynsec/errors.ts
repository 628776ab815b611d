// What can be wrong with the file of dynamic security, and with a command.

import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'

/** The file cannot be read, is none, or cannot be made; nothing was changed. */
export class DynamicSecurityError extends AppError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('ERR_DYNSEC_FILE', `Error: ${message}`, options)
  }
}

/** @param why for people */
export function unusableFile(path: string, why: string, cause?: unknown): DynamicSecurityError {
  const message = `Dynamic security config "${escapeText(path, 4096)}" cannot be used: ${why}.`
  return new DynamicSecurityError(message, { cause })
}

/** A command that was not carried out; the text is what its response says. */
export class CommandError extends AppError {
  constructor(message: string) {
    super('ERR_DYNSEC_COMMAND', message)
  }
}

/** Whoever asked had the right to when the request came, and none when its turn came; nothing was changed. */
export class RightLostError extends AppError {
  constructor() {
    super('ERR_DYNSEC_RIGHT_LOST', 'the right to ask for it was taken away meanwhile')
  }
}

/** Somebody has edited the file that was about to be replaced; it is as they have left it. */
export class FileEditedError extends AppError {
  constructor() {
    super('ERR_DYNSEC_EDITED', 'it was edited while it was written')
  }
}
