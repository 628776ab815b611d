// What keeps a bridge from the other broker, for people.

import { AppError } from '../base/errors.ts'

/** No connection, or none that counts: why. */
export class BridgeError extends AppError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('ERR_BRIDGE_CONNECTION', message, options)
  }
}
