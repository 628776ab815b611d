// A file that is to be imported: what it is, by its first bytes, and what it holds. It is only ever read.

import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { escapeText } from '../../base/escape.ts'
import { StoreError } from '../store-error.ts'
import type { ForeignState } from './foreign-state.ts'
import { isMosquittoDatabase, readMosquittoDatabase } from './mosquitto-db.ts'
import { isSqliteDatabase, readMosquittoSqlite } from './mosquitto-sqlite.ts'

/** `lines`: what `castellan store export` writes. */
export type ImportKind = 'mosquitto-db' | 'mosquitto-sqlite' | 'lines' | 'empty' | 'unknown'

const startBytes = 32
/** The longest file that can be read in one piece. */
const longestFile = 2 ** 31 - 1

/**
 * @returns undefined when there is no such file
 * @throws {StoreError} `ERR_STORE_IMPORT` when there is one and it cannot be read
 */
export function recogniseFile(path: string): ImportKind | undefined {
  const start = readStart(path)
  if (start === undefined) return undefined
  if (start.length === 0) return 'empty'
  if (isMosquittoDatabase(start)) return 'mosquitto-db'
  if (isSqliteDatabase(start)) return 'mosquitto-sqlite'
  return start[0] === 0x7b ? 'lines' : 'unknown'
}

/**
 * Reads what another broker has left.
 *
 * @throws {StoreError} `ERR_STORE_IMPORT`, saying where the file is wrong and what can be done
 */
export function readForeignFile(path: string, kind: 'mosquitto-db' | 'mosquitto-sqlite'): ForeignState {
  try {
    return kind === 'mosquitto-db' ? readMosquittoDatabase(readWhole(path)) : readMosquittoSqlite(path)
  } catch (error) {
    throw inFile(path, error)
  }
}

/** What is wrong in the file, with its name before it and what to do behind it. */
export function inFile(path: string, error: unknown): unknown {
  const { message, code, syscall } = error as { message: string; code?: string; syscall?: string }
  const shown = escapeText(path, 4096)
  if (syscall !== undefined) return unreadable(path, error)
  if (!(error instanceof StoreError) && !code?.endsWith('_IMPORT')) return error
  return new StoreError('ERR_STORE_IMPORT', `cannot import '${shown}': ${message}; ${advice}`, { cause: error })
}

/** A file that begins like none that Mosquitto writes. */
export function notMosquittos(path: string): StoreError {
  return new StoreError(
    'ERR_STORE_IMPORT',
    `cannot import '${escapeText(path, 4096)}': it begins neither as mosquitto.db nor as a database of SQLite; ${advice}`,
  )
}

const advice =
  'nothing was imported; put an undamaged copy in its place, or name another file with `persistence_file` to begin without it'

function readStart(path: string): Buffer | undefined {
  let descriptor: number | undefined
  try {
    descriptor = openSync(path, 'r')
    const start = Buffer.alloc(startBytes)
    return start.subarray(0, readSync(descriptor, start, 0, startBytes, 0))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unreadable(path, error)
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

function readWhole(path: string): Buffer {
  const descriptor = openSync(path, 'r')
  try {
    const { size } = fstatSync(descriptor)
    if (size > longestFile) throw new StoreError('ERR_STORE_IMPORT', `it has ${size} bytes, more than ${longestFile}`)
    return readFileSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function unreadable(path: string, cause: unknown): StoreError {
  const { code, message } = cause as NodeJS.ErrnoException
  return new StoreError('ERR_STORE_IMPORT', `cannot read '${escapeText(path, 4096)}': ${message}`, {
    cause,
    errno: code,
  })
}
