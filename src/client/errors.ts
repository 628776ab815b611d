// What keeps a command of ours from a broker, for people.

import { AppError } from '../base/errors.ts'

/** The broker cannot be reached, or went away before it had answered. */
export class UnreachableError extends AppError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('ERR_CLIENT_UNREACHABLE', message, options)
  }
}

/** The broker answered, and refused. */
export class RefusedError extends AppError {
  /** As in MQTT 5. */
  readonly reasonCode: number
  constructor(message: string, reasonCode: number) {
    super('ERR_CLIENT_REFUSED', message)
    this.reasonCode = reasonCode
  }
}
