// The files that the options of a service outside name: secrets that the broker shows, and authorities that it trusts.

import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { systemReason } from '../base/system-reason.ts'
import { readSecretFile, SecretFileError } from './secret-file.ts'

/** A file of a service outside that cannot be used; says what would do. */
export class ServiceFileError extends AppError {
  constructor(option: string, path: string, why: string, cause?: unknown) {
    super('ERR_AUTH_SERVICE_FILE', `Error: Unable to use ${option} "${escapeText(path, 4096)}": ${why}.`, { cause })
  }
}

export interface ServiceSecret {
  readonly secret: string
  /** For the log, type `warning`. */
  readonly warnings: readonly string[]
}

/**
 * A text that stands in a header of HTTP: 16 visible ASCII characters or more; one line end behind it does not count.
 *
 * @throws ServiceFileError
 */
export function loadBearerSecret(option: string, path: string): ServiceSecret {
  const { secret, warnings } = readLine(option, path)
  if (!/^[\x21-\x7e]{16,4096}$/.test(secret)) {
    throw new ServiceFileError(option, path, 'it has to be 16 to 4096 visible ASCII characters')
  }
  return { secret, warnings }
}

/** A password as it is, in UTF-8; one line end behind it does not count. @throws ServiceFileError */
export function loadServicePassword(option: string, path: string): ServiceSecret {
  const { secret, warnings } = readLine(option, path)
  if (secret === '') throw new ServiceFileError(option, path, 'it is empty')
  return { secret, warnings }
}

/** @returns the text of the file, whose certificates can all be read. @throws ServiceFileError */
export function loadAuthorities(option: string, path: string): string {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new ServiceFileError(option, path, `it cannot be opened (${systemReason(cause)})`, cause)
  }
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) throw new ServiceFileError(option, path, 'there is no certificate in it, in PEM')
  try {
    for (const pem of blocks) new X509Certificate(pem)
  } catch (cause) {
    throw new ServiceFileError(option, path, 'one of its certificates cannot be read', cause)
  }
  return text
}

function readLine(option: string, path: string): ServiceSecret {
  try {
    const { bytes, warnings } = readSecretFile(path)
    return { secret: bytes.toString('utf8').replace(/\r?\n$/, ''), warnings }
  } catch (error) {
    if (!(error instanceof SecretFileError)) throw error
    throw new ServiceFileError(option, path, error.message, error)
  }
}
