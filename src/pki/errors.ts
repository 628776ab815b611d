// What the certificate authority refuses or cannot do.

import { AppError } from '../base/errors.ts'

/** Issuing was refused: which rule, and what would be right. */
export class PkiError extends AppError {
  constructor(message: string) {
    super('ERR_PKI_REFUSED', message)
  }
}

/** The authority's directory or a file that it was given cannot be used. */
export class PkiFileError extends AppError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('ERR_PKI_FILE', message, options)
  }
}

/** The authority knows no such certificate or issuer. */
export class PkiNotFoundError extends AppError {
  constructor(message: string) {
    super('ERR_PKI_NOT_FOUND', message)
  }
}

/** What is to be made is there already, or another process is at work in the directory. */
export class PkiConflictError extends AppError {
  constructor(message: string) {
    super('ERR_PKI_CONFLICT', message)
  }
}

/** A private key stays locked: the passphrase is missing or wrong, or the key is elsewhere. */
export class PkiKeyError extends AppError {
  constructor(message: string) {
    super('ERR_PKI_KEY', message)
  }
}
