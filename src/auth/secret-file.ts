// Files with secrets in them (password files, keys): opened without following symbolic links, bounded in size, and with
// Mosquitto's warnings when somebody else may read or replace them.

import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'
import { userInfo } from 'node:os'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { systemReason } from '../base/system-reason.ts'

/** Most bytes that are read of one secret file: some hundred thousand users. */
export const maximumSecretFileBytes = 64 * 1024 * 1024

export interface SecretFile {
  readonly bytes: Buffer
  /** For the log, type `warning`, in Mosquitto's words. */
  readonly warnings: readonly string[]
}

/** A secret file that was not read; its `cause` says so when the operating system refused it. */
export class SecretFileError extends AppError {
  constructor(message: string, cause?: NodeJS.ErrnoException) {
    super('ERR_AUTH_SECRET_FILE', message, { cause })
  }
}

/**
 * Reads a secret file.
 *
 * @param env where `MOSQUITTO_UNSAFE_ALLOW_SYMLINKS` lets a symbolic link be followed
 * @throws {SecretFileError} when it cannot be opened, is no regular file, or is larger than `maximumSecretFileBytes`
 */
export function readSecretFile(path: string, env: NodeJS.ProcessEnv = process.env): SecretFile {
  const shown = escapeText(path, 4096)
  const descriptor = open(path, shown, env)
  try {
    const stats = fstatSync(descriptor)
    if (!stats.isFile()) throw new SecretFileError(`'${shown}' is not a file`)
    if (stats.size > maximumSecretFileBytes)
      throw new SecretFileError(`'${shown}' has ${stats.size} bytes, at most ${maximumSecretFileBytes} are read`)
    return { bytes: readFileSync(descriptor), warnings: exposure(shown, stats) }
  } finally {
    closeSync(descriptor)
  }
}

function open(path: string, shown: string, env: NodeJS.ProcessEnv): number {
  const { MOSQUITTO_UNSAFE_ALLOW_SYMLINKS: unsafe } = env
  const follow = unsafe !== undefined
  // O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (follow ? 0 : constants.O_NOFOLLOW)
  try {
    return openSync(path, flags)
  } catch (error) {
    const cause = error as NodeJS.ErrnoException
    const link = 'is a symbolic link, which is followed only if MOSQUITTO_UNSAFE_ALLOW_SYMLINKS is set'
    const message =
      cause.code === 'ELOOP' && !follow ? `'${shown}' ${link}` : `'${shown}' cannot be opened (${systemReason(cause)})`
    throw new SecretFileError(message, cause)
  }
}

function exposure(shown: string, stats: Stats): string[] {
  const warnings: string[] = []
  const future = 'Future versions will refuse to load this file.'
  if ((stats.mode & 0o007) !== 0) {
    warnings.push(`Warning: File ${shown} has world readable permissions. ${future}`)
    warnings.push(`To fix this, use \`chmod 0600 ${shown}\`.`)
  }
  if (stats.uid !== process.geteuid?.()) {
    const user = ownName()
    warnings.push(`Warning: File ${shown} owner is not ${user}. ${future}`)
    warnings.push(`To fix this, use \`chown ${user} ${shown}\`.`)
  }
  return warnings
}

/** The number stands in where the user has no name, as in a container. */
function ownName(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.geteuid?.())
  }
}
