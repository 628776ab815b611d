// The command line of `castellan passwd`: all of mosquitto_passwd's, in its order and with its texts (features B4–B10), and
// ways to hand over a password that other users of the machine cannot see.

import { trimBlanks } from '../../auth/password-file.ts'
import { type HashKind, hashDefaults, hashLimits, minimumScramIterations } from '../../auth/password-hash.ts'
import { isPrepared, saslPrep } from '../../auth/sasl-prep.ts'
import { AppError } from '../../base/errors.ts'
import { escapeText } from '../../base/escape.ts'
import { passwdUsage } from './help.ts'

/** Ends the command: `message` is all that is printed. */
export class PasswdError extends AppError {
  constructor(message: string) {
    super('ERR_CLI_PASSWD', message)
  }
}

/** A mistake in the command line: nothing was looked at yet. */
export class PasswdUsageError extends PasswdError {}

export type PasswordSource =
  | { readonly from: 'prompt' }
  | { readonly from: 'argument'; readonly value: string }
  | { readonly from: 'file'; readonly path: string }
  | { readonly from: 'stdin' }
  | { readonly from: 'environment'; readonly name: string }

export interface HashChoice {
  readonly kind: HashKind
  readonly iterations: number | undefined
}

interface SetRequest<Action> {
  readonly action: Action
  readonly file: string
  readonly username: string
  readonly source: PasswordSource
  readonly hash: HashChoice
}

/** `notes` are printed first. */
export type PasswdRequest = { readonly notes: readonly string[] } & (
  | { readonly action: 'help' }
  | SetRequest<'create'>
  | SetRequest<'set'>
  | { readonly action: 'delete'; readonly file: string; readonly username: string }
  | { readonly action: 'upgrade'; readonly file: string; readonly hash: HashChoice }
)

/** Bytes of a password; user names may be as long. */
export const longestPassword = 65_535

const hashKinds: readonly HashKind[] = ['argon2id', 'sha512-pbkdf2', 'sha512', 'scram-sha-256']

/** What the options before FILE say. */
interface Options {
  /** The command as it was typed, for messages. */
  readonly calledAs: string
  create: boolean
  delete: boolean
  upgrade: boolean
  batch: boolean
  help: boolean
  kind: HashKind | undefined
  iterations: number | undefined
  readonly sources: { readonly option: string; readonly source: PasswordSource }[]
}

/**
 * @param calledAs the command as it was typed, for messages
 * @throws {PasswdUsageError} at the first mistake, in the order in which mosquitto_passwd looks for them
 */
export function parsePasswdArguments(args: readonly string[], calledAs: string): PasswdRequest {
  const options: Options = {
    calledAs,
    create: false,
    delete: false,
    upgrade: false,
    batch: false,
    help: false,
    kind: undefined,
    iterations: undefined,
    sources: [],
  }
  const operands = readOptions(args, options)
  if (options.help) return { action: 'help', notes: [] }
  if (args.length === 0) throw new PasswdUsageError(passwdUsage(calledAs))
  refuseContradictions(options)
  const request = readOperands(options, operands)
  if ('username' in request) checkUsername(request.username)
  if ('source' in request && request.hash.kind === 'scram-sha-256') checkScramName(request.username)
  return request
}

/** Follows mosquitto_passwd: options end at the first word that is none. @returns the words behind them */
function readOptions(args: readonly string[], options: Options): readonly string[] {
  for (let index = 0; index < args.length; index += 1) {
    const word = args[index]!
    if (word === '--') return args.slice(index + 1)
    if (word === '-' || !word.startsWith('-')) return args.slice(index)
    const [name, attached] = splitLongOption(word)
    const value = () => {
      if (attached !== undefined) return attached
      index += 1
      const next = args[index]
      if (next !== undefined) return next
      throw new PasswdUsageError(`Error: ${name} argument given but not enough other arguments.`)
    }
    readOption(name, value, options)
  }
  return []
}

function splitLongOption(word: string): readonly [name: string, value: string | undefined] {
  const equals = word.startsWith('--') ? word.indexOf('=') : -1
  return equals === -1 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)]
}

function readOption(name: string, value: () => string, options: Options): void {
  switch (name) {
    case '-h':
    case '--help':
      options.help = true
      return
    case '-c':
      options.create = true
      return
    case '-D':
      options.delete = true
      return
    case '-U':
      options.upgrade = true
      return
    case '-b':
      options.batch = true
      return
    case '-H':
      options.kind = parseKind(value())
      return
    case '-I':
      options.iterations = parseIterations(value())
      return
    case '--password-file':
      options.sources.push({ option: name, source: { from: 'file', path: value() } })
      return
    case '--password-env':
      options.sources.push({ option: name, source: { from: 'environment', name: value() } })
      return
    case '--password-stdin':
      options.sources.push({ option: name, source: { from: 'stdin' } })
      return
    case '-d':
      throw new PasswdUsageError(`Error: -d is not an option. To delete a user: ${options.calledAs} -D FILE USER`)
    default:
      // Not quoted beyond its letter: what follows may be a password.
      throw new PasswdUsageError(
        `Error: Unknown option${name.length === 2 ? ` ${escapeText(name)}` : ''}.\n\n${passwdUsage(options.calledAs)}`,
      )
  }
}

function parseKind(word: string): HashKind {
  const kind = hashKinds.find(known => known === word)
  if (kind !== undefined) return kind
  throw new PasswdUsageError(`Error: Unknown hash type '${escapeText(word, 32)}'`)
}

function parseIterations(word: string): number {
  const count = /^\d{1,10}$/.test(word) ? Number(word) : 0
  if (count < 1) throw new PasswdUsageError('Error: Number of iterations must be > 0.')
  if (count <= hashLimits.pbkdf2Iterations) return count
  throw new PasswdUsageError(`Error: Number of iterations must be at most ${hashLimits.pbkdf2Iterations}.`)
}

function refuseContradictions(options: Options): void {
  const given = {
    '-c': options.create,
    '-D': options.delete,
    '-U': options.upgrade,
    '-b': options.batch,
  }
  const pairs = [
    ['-c', '-D'],
    ['-c', '-U'],
    ['-D', '-U'],
    ['-b', '-D'],
  ] as const
  for (const [one, other] of pairs) if (given[one] && given[other]) throw contradiction(one, other)
  const [first, second] = options.sources
  if (first === undefined) return
  if (second !== undefined) throw contradiction(first.option, second.option)
  for (const one of ['-D', '-U', '-b'] as const) if (given[one]) throw contradiction(one, first.option)
}

function contradiction(one: string, other: string): PasswdUsageError {
  return new PasswdUsageError(`Error: ${one} and ${other} cannot be used together.`)
}

function readOperands(options: Options, operands: readonly string[]): Exclude<PasswdRequest, { action: 'help' }> {
  const [file, username, password] = operands
  if (options.delete) {
    if (file === undefined || username === undefined)
      throw new PasswdUsageError('Error: -D argument given but password file or username missing.')
    return { action: 'delete', file, username, notes: [] }
  }
  const { hash, notes } = chooseHash(options)
  if (options.upgrade) {
    if (file === undefined || operands.length > 1)
      throw new PasswdUsageError('Error: -U argument given but password file missing.')
    return { action: 'upgrade', file, hash, notes }
  }
  const wanted = options.batch ? 3 : 2
  const missing = options.batch ? 'password file, username, or password' : 'password file or username'
  if (options.create && operands.length < wanted)
    throw new PasswdUsageError(`Error: -c argument given but ${missing} missing.`)
  if (file === undefined || username === undefined || (!options.create && operands.length !== wanted))
    throw new PasswdUsageError(passwdUsage(options.calledAs))
  const source: PasswordSource =
    options.batch && password !== undefined
      ? { from: 'argument', value: password }
      : (options.sources[0]?.source ?? { from: 'prompt' })
  const ignored = operands.length > wanted ? [ignoredWords] : []
  return { action: options.create ? 'create' : 'set', file, username, source, hash, notes: [...notes, ...ignored] }
}

const ignoredWords =
  'Note: what follows USER was ignored. A password there needs -b, and other users of this machine can see it.'

/** `-I` alone means the hash that has iterations, as with the mosquitto_passwd of Mosquitto 2.0. */
function chooseHash({ kind, iterations }: Options): { readonly hash: HashChoice; readonly notes: readonly string[] } {
  if (iterations === undefined) return { hash: { kind: kind ?? 'argon2id', iterations }, notes: [] }
  if (kind === 'argon2id' || kind === 'sha512')
    return { hash: { kind, iterations: undefined }, notes: [`Note: -I does nothing with ${kind}.`] }
  if (kind === 'scram-sha-256' && iterations < minimumScramIterations)
    throw new PasswdUsageError(
      `Error: Number of iterations must be at least ${minimumScramIterations} with scram-sha-256.`,
    )
  const usual = kind === 'scram-sha-256' ? hashDefaults.scramIterations : hashDefaults.pbkdf2Iterations
  const note = `Note: ${iterations} iterations are quick to guess through; without -I it is ${usual}.`
  return { hash: { kind: kind ?? 'sha512-pbkdf2', iterations }, notes: iterations < usual ? [note] : [] }
}

/** Features B10, and what the broker would read as something else. */
function checkUsername(username: string): void {
  if (Buffer.byteLength(username) > longestPassword)
    throw new PasswdUsageError('Error: Username must be less than 65536 characters long.')
  if (/\p{Cc}/u.test(username)) throw new PasswdUsageError('Error: Username must not contain control characters.')
  if (username.includes(':')) throw new PasswdUsageError("Error: Username must not contain the ':' character.")
  if (username === '') throw new PasswdUsageError('Error: Username must not be empty.')
  if (username.startsWith('#'))
    throw new PasswdUsageError("Error: Username must not begin with '#', which makes a comment.")
  if (trimBlanks(username) !== username)
    throw new PasswdUsageError('Error: Username must not begin or end with a blank.')
}

/** A SCRAM login looks its name up as SASLprep makes it: under any other form the entry would be out of reach. */
function checkScramName(username: string): void {
  if (isPrepared(username)) return
  const form = saslPrep(username)
  const why =
    form === undefined
      ? 'it has a character that SASLprep prohibits'
      : `SASLprep makes '${escapeText(form)}' of it, so use that, even if the two look alike`
  throw new PasswdUsageError(`Error: Username '${escapeText(username)}' cannot log in by SCRAM: ${why}.`)
}

/** Features B4. @throws {PasswdError} */
export function checkPassword(password: Uint8Array): void {
  if (password.length === 0) throw new PasswdError('Error: Empty password.')
  if (password.length > longestPassword)
    throw new PasswdError('Error: Password must be less than 65536 characters long.')
}
