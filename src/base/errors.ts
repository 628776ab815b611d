// The root of every error that this program raises on purpose. A bug is not an AppError: it is an `assert` that throws
// and ends the process.

/** A failure with a stable code, fit for logs, audit and users; never carries a secret. */
export class AppError extends Error {
  /** Stable, upper-case, `ERR_<ROOM>_<WHAT>`; documented in docs/reference/errors.md. */
  readonly code: string
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** A bug in this program was met; peers can never cause it. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Throws when `condition` does not hold: for what only a bug can break. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

/** Ends an exhaustive `switch`: does not compile while a case is missing. */
export function never(value: never): never {
  throw new AssertionError(`unexpected value ${String(value)}`)
}
