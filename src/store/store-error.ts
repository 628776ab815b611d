// Why the store cannot do what it was asked, and whether it may be asked again.

import { AppError } from '../base/errors.ts'

export type StoreErrorCode =
  | 'ERR_STORE_FULL'
  | 'ERR_STORE_UNAVAILABLE'
  | 'ERR_STORE_CLOSED'
  | 'ERR_STORE_IN_USE'
  | 'ERR_STORE_UNREADABLE'
  | 'ERR_STORE_FORMAT'
  | 'ERR_STORE_DIRECTORY'
  | 'ERR_STORE_TRANSFER'
  | 'ERR_STORE_NOT_EMPTY'
  | 'ERR_STORE_IMPORT'

/** The message says what happened and, where somebody can do something about it, what. */
export class StoreError extends AppError {
  declare readonly code: StoreErrorCode
  /** The operating system's name for the cause, `ENOSPC`, where it was the cause. */
  readonly errno: string | undefined
  /**
   * Whether the store takes further batches. When it does, nothing of the rejected ones is in it, nor of any that waited
   * behind them: whoever still wants them applies them again, in their order, before anything else.
   */
  readonly mayGoOn: boolean

  constructor(
    code: StoreErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly errno?: string | undefined; readonly mayGoOn?: boolean } = {},
  ) {
    super(code, message, { cause: options.cause })
    this.errno = options.errno
    this.mayGoOn = options.mayGoOn ?? false
  }
}
