// The password of `castellan pub`, `sub` and `rr`, from where other users of the machine do not see it.

import { readFileSync } from 'node:fs'
import { escapeText } from '../../base/escape.ts'
import { systemReason } from '../../base/system-reason.ts'
import { SecretInput } from '../secret-input.ts'
import type { Io } from '../verbs.ts'
import { failed } from './error.ts'
import type { ClientOptions } from './options.ts'

/** Bytes: what a CONNECT has room for. */
const longestPassword = 65_535

/**
 * @returns undefined where none was given
 * @throws ClientError for one that cannot be read
 */
export async function passwordOf(options: ClientOptions, io: Io): Promise<string | undefined> {
  const { password, passwordEnv, passwordFile, passwordInput } = options
  if (password !== undefined) return checked(password)
  if (passwordEnv !== undefined) return checked(fromEnvironment(passwordEnv, io.env))
  if (passwordFile !== undefined) return checked(fromFile(passwordFile))
  return passwordInput ? checked(await fromInput(io)) : undefined
}

function fromEnvironment(name: string, env: Io['env']): string {
  const password = env[name]
  if (password !== undefined) return password
  throw failed('Error: The variable that --password-env names is not set.')
}

function fromFile(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch (cause) {
    throw failed(`Error: Unable to read the password file '${escapeText(path, 4096)}' (${systemReason(cause)}).`, cause)
  }
}

async function fromInput(io: Io): Promise<string> {
  const input = new SecretInput(io.stdin)
  try {
    if (io.stdin.isTTY) io.stderr.write('Password: ')
    const password = await input.readLine(longestPassword)
    if (io.stdin.isTTY) io.stderr.write('\n')
    return password.toString()
  } finally {
    await input.close()
  }
}

function checked(password: string): string {
  if (Buffer.byteLength(password) <= longestPassword) return password
  throw failed(`Error: A password has at most ${longestPassword} bytes.`)
}
