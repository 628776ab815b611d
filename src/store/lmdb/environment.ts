// The files of one store and the tables in them: made private, locked, looked at and opened in that order.

import { chmodSync, existsSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, type DatabaseOptions, open, type RootDatabase } from 'lmdb'
import { escapeText } from '../../base/escape.ts'
import { numberKeys, textKey, textKeys } from '../keys.ts'
import { decodeNumber, encodeNumber, recordKind } from '../record-codec.ts'
import type { Durability } from '../store.ts'
import { StoreError } from '../store-error.ts'
import { dataFileName, inspectDataFile, unreadable } from './data-file.ts'
import { type DirectoryLock, lockDirectory } from './directory-lock.ts'
import { lackOfRoom } from './disk-room.ts'

/** The version of what is in the tables; another one is refused. */
export const formatVersion = 2

export type NumberTable = Database<Buffer, number>
export type TextTable = Database<Buffer, string>
export type Table = NumberTable | TextTable

export interface Environment {
  readonly directory: string
  /** Of the data file. */
  readonly path: string
  readonly root: RootDatabase<Buffer, string>
  readonly sessions: NumberTable
  readonly subscriptions: TextTable
  readonly inbound: NumberTable
  readonly messages: NumberTable
  readonly queue: NumberTable
  readonly retained: TextTable
  readonly documents: TextTable
  /** The format's version, and the head of the control data. */
  readonly meta: TextTable
  /** Lets the files go; nothing may be under way. */
  close(): Promise<void>
}

const maximumTables = 16
/** Address space, not memory or disk: reserved at once, so that the file never has to be mapped anew while it grows. */
const initialMapBytes = 2 ** 36

/**
 * @throws {StoreError} `ERR_STORE_DIRECTORY`, `ERR_STORE_IN_USE`, `ERR_STORE_FORMAT`, `ERR_STORE_UNREADABLE`
 */
export async function openEnvironment(directory: string, durability: Durability): Promise<Environment> {
  makeDirectory(directory)
  const lock = lockDirectory(directory)
  try {
    return await openTables(directory, durability, lock)
  } catch (error) {
    lock.release()
    throw error
  }
}

/**
 * Opens a store that is there, for a look at it or for its upkeep.
 *
 * @throws {StoreError} as `openEnvironment`, and `ERR_STORE_DIRECTORY` where there is none
 */
export async function openExisting(directory: string): Promise<Environment> {
  if (existsSync(join(directory, dataFileName))) return openEnvironment(directory, 'sync')
  throw new StoreError('ERR_STORE_DIRECTORY', `there is no store in '${escapeText(directory, 4096)}'`)
}

/** Makes a directory for files that are nobody else's business. */
export function makeDirectory(directory: string): void {
  const shown = escapeText(directory, 4096)
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const { mode } = statSync(directory)
    if ((mode & 0o022) === 0) return
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    throw new StoreError('ERR_STORE_DIRECTORY', `cannot make '${shown}': ${message}`, { cause, errno: code })
  }
  throw new StoreError('ERR_STORE_DIRECTORY', `others may write to '${shown}'; its mode must be 0700`)
}

async function openTables(directory: string, durability: Durability, lock: DirectoryLock): Promise<Environment> {
  const path = join(directory, dataFileName)
  inspectDataFile(path)
  const lack = existsSync(path) ? undefined : lackOfRoom(directory, maximumTables, 0)
  if (lack !== undefined) throw lack
  const root = openRoot(path, durability)
  try {
    chmodSync(path, 0o600)
    const environment = tablesOf(directory, root, lock)
    await checkFormat(environment)
    return environment
  } catch (error) {
    await root.close()
    throw error instanceof StoreError ? error : unreadable(path, (error as Error).message, error)
  }
}

function openRoot(path: string, durability: Durability): RootDatabase<Buffer, string> {
  const options = {
    path,
    noSubdir: true,
    encoding: 'binary' as const,
    keyEncoding: 'binary' as const,
    mapSize: initialMapBytes,
    maxDbs: maximumTables,
    permissionsMode: 0o600,
    // A batch is one block of instructions; otherwise whatever a turn of the event loop brought would be.
    eventTurnBatching: false,
    // With it a commit is done when the operating system has it, and synced later, in an order that a crash of the machine
    // cannot disturb; without it a commit is done when it is on the disk.
    overlappingSync: durability !== 'sync',
  }
  try {
    return open<Buffer, string>(options)
  } catch (cause) {
    throw unreadable(path, (cause as Error).message, cause)
  }
}

function tablesOf(directory: string, root: RootDatabase<Buffer, string>, lock: DirectoryLock): Environment {
  const byNumber = (name: string): NumberTable => root.openDB<Buffer, number>(name, tableOptions(numberKeys))
  const byText = (name: string): TextTable => root.openDB<Buffer, string>(name, tableOptions(textKeys))
  return {
    directory,
    path: join(directory, dataFileName),
    root,
    sessions: byNumber('sessions'),
    subscriptions: byText('subscriptions'),
    inbound: byNumber('inbound'),
    messages: byNumber('messages'),
    queue: byNumber('queue'),
    retained: byText('retained'),
    documents: byText('documents'),
    meta: byText('meta'),
    close: async () => {
      await root.close()
      lock.release()
    },
  }
}

/** The engine's types know neither option. */
function tableOptions(keyEncoder: typeof numberKeys | typeof textKeys): DatabaseOptions {
  return { encoding: 'binary', encoder: sameBytes, keyEncoder } as DatabaseOptions
}

/** What is read is the engine's own buffer, and stays as it is until the next read: rows are decoded from it at once. */
const sameBytes = { encode: (record: Buffer): Buffer => record, decode: (record: Buffer): Buffer => record }

async function checkFormat({ meta, directory }: Environment): Promise<void> {
  const key = textKey('format')
  const record = meta.get(key)
  if (record === undefined) {
    await meta.put(key, encodeNumber(recordKind.format, formatVersion))
    return
  }
  const version = decodeNumber(recordKind.format, record)
  if (version === formatVersion) return
  const text = `the store in '${escapeText(directory, 4096)}' has format ${version}, expected ${formatVersion}`
  throw new StoreError('ERR_STORE_FORMAT', `${text}; export it with the program that wrote it, and import that here`)
}
