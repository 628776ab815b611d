// A benchmark that cannot be asked for, or cannot be run.

import { AppError } from '../src/base/errors.ts'

/** `message` says what would have been right. */
export class BenchError extends AppError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('ERR_BENCH', message, options)
  }
}
