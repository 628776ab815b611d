// What dynamic security begins with: the file, and the commands of the change log that it does not hold yet.

import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readSecretFile, type SecretFile, SecretFileError } from '../auth/secret-file.ts'
import { escapeText } from '../base/escape.ts'
import { type FileMark, type LogContent, type LoggedCommand, readLog } from './change-record.ts'
import { unusableFile } from './errors.ts'
import { identityNow } from './file-writer.ts'
import { redo } from './logged-command.ts'
import { readState } from './read-file.ts'
import type { SecurityState } from './state.ts'

/** The file alone. */
export interface ReadFile extends FileMark {
  readonly state: SecurityState
  /** For the log, type `warning`. */
  readonly warnings: readonly string[]
}

export interface Recovered extends ReadFile {
  /** What the file does not hold, and `state` does. */
  readonly commands: readonly LoggedCommand[]
  /** Bytes of the log that stay. */
  readonly logBytes: number
}

/** Failures that are told one by one. */
const mostFailures = 20
const mostAttempts = 5

/** Where the change log of a file is. */
export function logPath(path: string): string {
  return `${path}.changes`
}

/**
 * Reads both and changes neither.
 *
 * @throws {DynamicSecurityError} for a file that cannot be read, and for a log that is damaged or belongs to another file
 */
export function recover(path: string): Recovered {
  const { log, file } = readBoth(path)
  if (log === undefined) return { ...file, commands: [], logBytes: 0 }
  const { commands, warnings } = since(log, file, path)
  const torn = log.tornBytes === 0 ? [] : [tornWarning(path, log.tornBytes)]
  return {
    ...file,
    commands,
    warnings: [...file.warnings, ...torn, ...warnings, ...redoTold(file.state, commands)],
    logBytes: log.wholeBytes,
  }
}

/** As they belong together, though a broker that runs may replace the file between the two. */
function readBoth(path: string) {
  for (let attempt = 1; ; attempt++) {
    const identity = identityNow(path)
    const log = readLogOf(path)
    const file = readStateFile(path)
    if (identityNow(path) === identity || attempt === mostAttempts) return { log, file }
  }
}

/**
 * Whether there is no file, and none is to be expected.
 *
 * @throws {DynamicSecurityError} when changes are left of one
 */
export function isFirstStart(path: string): boolean {
  if (existsSync(path)) return false
  const left = readLogOf(path)?.commands.length ?? 0
  if (left === 0) return true
  throw unusableFile(path, `it is not there, and ${shown(logPath(path))} has ${left} changes that follow it`)
}

/** @throws {DynamicSecurityError} */
export function readStateFile(path: string): ReadFile {
  const { bytes, warnings: exposure } = readSecret(path)
  const { state, warnings } = readState(bytes, path)
  const digest = createHash('sha256').update(bytes).digest('hex')
  return { state, digest, holds: state.changeIndex, warnings: [...exposure, ...warnings] }
}

/** Carries out commands on a file that somebody has edited, perhaps. @returns what to tell of those that cannot be */
export function redoTold(state: SecurityState, commands: readonly LoggedCommand[]): readonly string[] {
  const failures = redo(state, commands)
  const told = failures
    .slice(0, mostFailures)
    .map(failure => `Warning: Dynamic security: change ${escapeText(failure)}; it is left out.`)
  const more = failures.length - told.length
  return more === 0 ? told : [...told, `Warning: Dynamic security: ${more} more changes are left out.`]
}

function readLogOf(path: string): LogContent | undefined {
  const log = logPath(path)
  return existsSync(log) ? readLog(readSecret(log).bytes, log) : undefined
}

function readSecret(path: string): SecretFile {
  try {
    return readSecretFile(path)
  } catch (error) {
    if (!(error instanceof SecretFileError)) throw error
    throw unusableFile(path, error.message, error)
  }
}

/** The commands behind what the file holds. */
function since({ files, from, commands }: LogContent, { digest, holds }: ReadFile, path: string) {
  if (commands.length === 0) return { commands, warnings: [] }
  const isOurs = files.some(file => file.digest === digest && file.holds === holds)
  // An editor leaves the index as it is; whoever else writes the file, Mosquitto for one, does not.
  const isEdited = !isOurs && files.some(file => file.holds === holds)
  const isLog = (isOurs || isEdited) && holds >= from
  if (!isLog) {
    const why = `${shown(logPath(path))} has ${commands.length} changes that follow another state of it; remove that file to give them up`
    throw unusableFile(path, why)
  }
  const left = commands.slice(holds - from)
  const warning = `Warning: Dynamic security config was edited since ${left.length} changes were made: they are carried out on it again.`
  return { commands: left, warnings: isEdited ? [warning] : [] }
}

function tornWarning(path: string, bytes: number): string {
  return `Warning: ${shown(logPath(path))} ends with ${bytes} bytes of a change that nobody was told of; it is left out.`
}

function shown(path: string): string {
  return escapeText(path, 4096)
}
