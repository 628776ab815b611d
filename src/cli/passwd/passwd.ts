// `castellan passwd`, and `mosquitto_passwd` under its old name: adds, changes and removes the users of a password file. The
// file is replaced in one step, so there is no time at which it is half written and no backup to be left behind.

import { accessSync, constants, lstatSync, realpathSync } from 'node:fs'
import { getSystemErrorMap } from 'node:util'
import { hashPlainPasswords, removeUser, setUser } from '../../auth/password-edit.ts'
import { createPasswordHash, formatPasswordHash, PasswordHashError } from '../../auth/password-hash.ts'
import { readSecretFile, SecretFileError } from '../../auth/secret-file.ts'
import { AppError } from '../../base/errors.ts'
import { escapeText } from '../../base/escape.ts'
import { exitCode } from '../exit-code.ts'
import { replaceSecretFile } from '../replace-file.ts'
import { Interrupted, SecretInput, type SecretStream } from '../secret-input.ts'
import {
  checkPassword,
  type HashChoice,
  longestPassword,
  PasswdError,
  type PasswdRequest,
  PasswdUsageError,
  type PasswordSource,
  parsePasswdArguments,
} from './arguments.ts'
import { passwdHelp } from './help.ts'

/** What this command touches of a process. */
export interface PasswdIo {
  readonly stdin: SecretStream
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
  readonly env: NodeJS.ProcessEnv
}

type Request<Action> = Extract<PasswdRequest, { readonly action: Action }>

/** What the two names differ in: the pages, and what a shell sees. */
interface Name {
  readonly calledAs: string
  readonly wrongUsage: number
  readonly passwordsDiffer: number
}

/** `castellan passwd`. @returns the exit code (features B4–B10) */
export function passwd(args: readonly string[], io: PasswdIo): Promise<number> {
  const { failed, usage } = exitCode
  return passwdAs({ calledAs: 'castellan passwd', wrongUsage: usage, passwordsDiffer: failed }, args, io)
}

/** `mosquitto_passwd`, with its own exit codes. */
export function mosquittoPasswd(args: readonly string[], io: PasswdIo): Promise<number> {
  return passwdAs({ calledAs: 'mosquitto_passwd', wrongUsage: 1, passwordsDiffer: 2 }, args, io)
}

async function passwdAs(name: Name, args: readonly string[], io: PasswdIo): Promise<number> {
  try {
    const request = parsePasswdArguments(args, name.calledAs)
    for (const note of request.notes) io.stderr.write(`${note}\n`)
    await perform(request, name, io)
    return exitCode.ok
  } catch (error) {
    if (error instanceof Interrupted) return exitCode.interrupted
    if (!(error instanceof AppError)) throw error
    io.stderr.write(`${error.message}\n`)
    if (error instanceof PasswdUsageError) return name.wrongUsage
    return error instanceof PasswordsDiffer ? name.passwordsDiffer : exitCode.failed
  }
}

class PasswordsDiffer extends PasswdError {
  constructor() {
    super('Error: Passwords do not match.')
  }
}

async function perform(request: PasswdRequest, { calledAs }: Name, io: PasswdIo): Promise<void> {
  switch (request.action) {
    case 'help':
      io.stdout.write(passwdHelp(calledAs))
      return
    case 'create':
      return create(request, io)
    case 'set':
      return set(request, io)
    case 'delete':
      return remove(request, io)
    case 'upgrade':
      return upgrade(request, io)
  }
}

async function create({ file, username, source, hash }: Request<'create'>, io: PasswdIo): Promise<void> {
  const printed = file === '-'
  const password = await obtainPassword(source, printed ? io.stderr : io.stdout, io)
  const { text } = setUser('', username, await hashOf(password, hash))
  if (printed) {
    io.stdout.write(Buffer.from(text, 'latin1').toString())
    return
  }
  write(resolveFile(file, io.env), text, io)
  io.stdout.write(`Adding password for user ${username}\n`)
}

async function set({ file, username, source, hash }: Request<'set'>, io: PasswdIo): Promise<void> {
  const path = resolveFile(file, io.env)
  read(path)
  const password = await obtainPassword(source, io.stdout, io)
  const hashed = await hashOf(password, hash)
  // Read again: it may have changed while somebody was typing.
  const { text, existed } = setUser(read(path), username, hashed)
  write(path, text, io)
  io.stdout.write(`${existed ? 'Updating' : 'Adding'} password for user ${username}\n`)
}

function remove({ file, username }: Request<'delete'>, io: PasswdIo): void {
  const path = resolveFile(file, io.env)
  const text = removeUser(read(path), username)
  if (text === undefined) throw new PasswdError(`Warning: User ${username} not found in password file.`)
  write(path, text, io)
}

async function upgrade({ file, hash }: Request<'upgrade'>, io: PasswdIo): Promise<void> {
  const path = resolveFile(file, io.env)
  const before = read(path)
  const text = await hashPlainPasswords(before, password => hashOf(password, hash))
  if (text !== before) write(path, text, io)
}

async function hashOf(password: Uint8Array, { kind, iterations }: HashChoice): Promise<string> {
  try {
    return formatPasswordHash(await createPasswordHash(kind, password, iterations))
  } catch (error) {
    if (!(error instanceof PasswordHashError)) throw error
    throw new PasswdError(`Error: ${error.message}.`)
  }
}

async function obtainPassword(source: PasswordSource, prompts: PasswdIo['stdout'], io: PasswdIo): Promise<Buffer> {
  const password = await readPassword(source, prompts, io)
  checkPassword(password)
  return password
}

async function readPassword(source: PasswordSource, prompts: PasswdIo['stdout'], io: PasswdIo): Promise<Buffer> {
  switch (source.from) {
    case 'argument':
      return Buffer.from(source.value)
    case 'environment': {
      const value = io.env[source.name]
      if (value === undefined) throw new PasswdError('Error: The variable that --password-env names is not set.')
      return Buffer.from(value)
    }
    case 'file':
      return readPasswordOf(source.path, io)
    case 'stdin':
      return withInput(io, input => input.readAll(longestPassword))
    case 'prompt':
      return withInput(io, input => promptTwice(input, prompts))
  }
}

function readPasswordOf(path: string, io: PasswdIo): Buffer {
  try {
    const { bytes, warnings } = readSecretFile(path, io.env)
    for (const warning of warnings) io.stderr.write(`${warning}\n`)
    const text = bytes.toString('latin1').replace(/\r?\n$/, '')
    return Buffer.from(text, 'latin1')
  } catch (error) {
    if (!(error instanceof SecretFileError)) throw error
    throw new PasswdError(`Error: Unable to read the password: ${error.message}.`)
  }
}

async function withInput<T>(io: PasswdIo, use: (input: SecretInput) => Promise<T>): Promise<T> {
  const input = new SecretInput(io.stdin)
  try {
    return await use(input)
  } finally {
    await input.close()
  }
}

async function promptTwice(input: SecretInput, prompts: PasswdIo['stdout']): Promise<Buffer> {
  const [first, second] = [await prompt('Password: '), await prompt('Reenter password: ')]
  if (first.equals(second)) return first
  throw new PasswordsDiffer()

  async function prompt(label: string): Promise<Buffer> {
    prompts.write(label)
    const line = await input.readLine(longestPassword)
    prompts.write('\n')
    checkPassword(line)
    return line
  }
}

/**
 * The path without symbolic links: the file is replaced, and not a link to it. A link in the file's own place is refused
 * like every secret file's, unless `MOSQUITTO_UNSAFE_ALLOW_SYMLINKS` is set.
 */
function resolveFile(file: string, env: NodeJS.ProcessEnv): string {
  const { MOSQUITTO_UNSAFE_ALLOW_SYMLINKS: unsafe } = env
  try {
    if (unsafe === undefined && lstatSync(file).isSymbolicLink()) throw new PasswdError(linkText(file))
    return realpathSync(file)
  } catch (error) {
    if (error instanceof PasswdError) throw error
    if (codeOf(error) === 'ENOENT') return file
    throw new PasswdError(`Error reading password file: ${errnoText(error)}`)
  }
}

function linkText(file: string): string {
  return `Error: Password file ${escapeText(file, 4096)} is a symbolic link, which is followed only if MOSQUITTO_UNSAFE_ALLOW_SYMLINKS is set.`
}

/** @returns the text as `latin1`, so that every byte comes back as it was */
function read(path: string): string {
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
    return readSecretFile(path, {}).bytes.toString('latin1')
  } catch (error) {
    throw new PasswdError(`Error: Unable to open password file ${escapeText(path, 4096)}. ${reasonOf(error)}.`)
  }
}

function write(path: string, text: string, io: PasswdIo): void {
  const shown = escapeText(path, 4096)
  try {
    const { closed } = replaceSecretFile(path, Buffer.from(text, 'latin1'))
    if (closed) io.stderr.write(`Note: everybody could read ${shown}; now only its owner and group can.\n`)
  } catch (error) {
    throw new PasswdError(`Error: Unable to open file ${shown} for writing. ${reasonOf(error)}.`)
  }
}

function reasonOf(error: unknown): string {
  const reason = error instanceof SecretFileError ? error.cause : error
  return reason === undefined ? 'Not a regular file' : errnoText(reason)
}

/** The C library's words, where libuv's differ from them. */
const libraryTexts = new Map([
  ['EISDIR', 'Is a directory'],
  ['ELOOP', 'Too many levels of symbolic links'],
  ['ENAMETOOLONG', 'File name too long'],
])

function errnoText(error: unknown): string {
  const { errno = 0, code = '' } = error as NodeJS.ErrnoException
  const text = getSystemErrorMap().get(errno)?.[1] ?? 'unknown error'
  return libraryTexts.get(code) ?? text.charAt(0).toUpperCase() + text.slice(1)
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
