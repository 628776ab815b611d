// What the load generator says when it cannot begin, or cannot go on.

import { AppError } from '../../src/base/errors.ts'

/** The request is wrong; the broker was not reached; it refused us; it left us waiting without end. */
export type LoadErrorCode = 'ERR_LOAD_REQUEST' | 'ERR_LOAD_UNREACHABLE' | 'ERR_LOAD_REFUSED' | 'ERR_LOAD_STALLED'

/** A run that ends without a result. */
export class LoadError extends AppError {
  declare readonly code: LoadErrorCode
  constructor(code: LoadErrorCode, message: string, options?: { cause?: unknown }) {
    super(code, message, options)
  }
}
