// The embedded store on disk.

import { chmodSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { escapeText } from '../../base/escape.ts'
import type { RetainedStore } from '../retained-store.ts'
import type { SecurityStore } from '../security-store.ts'
import type { SessionStore } from '../session-store.ts'
import {
  type Durability,
  type Store,
  type StoreOptions,
  type StoreStats,
  type StoreTable,
  storeTables,
} from '../store.ts'
import { StoreError } from '../store-error.ts'
import { commitFailure } from './commit-failure.ts'
import { CommitQueue } from './commit-queue.ts'
import { dataFileName, unreadable } from './data-file.ts'
import { type Environment, openEnvironment } from './environment.ts'
import { Repair } from './repair.ts'
import { LmdbRetainedStore } from './retained-store.ts'
import { LmdbSecurityStore, readDocuments } from './security-store.ts'
import { LmdbSessionStore } from './session-store.ts'

/** @throws {StoreError} as `openEnvironment` */
export async function openLmdbStore(options: StoreOptions): Promise<Store> {
  const durability = options.durability ?? 'sync'
  const environment = await openEnvironment(options.directory, durability)
  try {
    const onError = durability === 'none' ? (options.onError ?? ignore) : undefined
    const queue = new CommitQueue(environment.root, environment.directory, onError)
    const repair = new Repair(environment, options.onFault)
    const documents = await readDocuments(environment, repair)
    await repair.carryOut(queue)
    return new LmdbStore(environment, queue, durability, {
      sessions: new LmdbSessionStore(environment, queue, options.onFault),
      retained: new LmdbRetainedStore(environment, queue, options.onFault),
      security: new LmdbSecurityStore(environment, queue, documents),
    })
  } catch (error) {
    await environment.close()
    throw error instanceof StoreError ? error : unreadable(environment.path, (error as Error).message, error)
  }
}

function ignore(): void {}

type Parts = Pick<Store, 'sessions' | 'retained' | 'security'>

class LmdbStore implements Store {
  readonly sessions: SessionStore
  readonly retained: RetainedStore
  readonly security: SecurityStore
  readonly durability: Durability
  readonly #environment: Environment
  readonly #queue: CommitQueue
  #closed: Promise<void> | undefined

  constructor(environment: Environment, queue: CommitQueue, durability: Durability, parts: Parts) {
    this.#environment = environment
    this.#queue = queue
    this.durability = durability
    this.sessions = parts.sessions
    this.retained = parts.retained
    this.security = parts.security
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await this.#queue.close()
    await this.#environment.close()
  }

  backup(directory: string): Promise<void> {
    return copyStore(this.#environment, directory)
  }

  stats(): StoreStats {
    return environmentStats(this.#environment, this.#queue.waiting)
  }
}

/** What is in the tables, and what that takes. */
export function environmentStats(environment: Environment, waitingChanges: number): StoreStats {
  const rows = Object.fromEntries(
    storeTables.map(name => [name, (environment[name].getStats() as EngineStats).entryCount]),
  ) as Record<StoreTable, number>
  const { mapSize, pageSize, free } = environment.root.getStats() as EngineStats
  const bytesOnDisk = statSync(environment.path).size
  // Each entry of the free table lists pages; how many, only reading it would tell.
  const freeBytes = Math.max(0, bytesOnDisk - usedPages(environment, free) * pageSize)
  return { rows, bytesOnDisk, freeBytes, mapSize, waitingChanges }
}

interface TreeStats {
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
}

interface EngineStats extends TreeStats {
  readonly entryCount: number
  readonly pageSize: number
  readonly mapSize: number
  readonly free: TreeStats
}

const metaPages = 2

function usedPages(environment: Environment, free: TreeStats): number {
  const tables = [environment.root, environment.meta, ...storeTables.map(name => environment[name])]
  const trees = [free, ...tables.map(table => table.getStats() as EngineStats)]
  return trees.reduce(
    (sum, tree) => sum + tree.treeBranchPageCount + tree.treeLeafPageCount + tree.overflowPages,
    metaPages,
  )
}

/** Copies a store, compacted, into a directory that is made for it, and sees to it that it is on the disk. */
export async function copyStore(environment: Pick<Environment, 'root'>, directory: string): Promise<void> {
  const shown = escapeText(directory, 4096)
  if (existsSync(directory)) {
    throw new StoreError('ERR_STORE_DIRECTORY', `'${shown}' is there already; a backup makes its own directory`, {
      mayGoOn: true,
    })
  }
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    throw new StoreError('ERR_STORE_DIRECTORY', `cannot make '${shown}': ${message}`, {
      cause,
      errno: code,
      mayGoOn: true,
    })
  }
  await copyDataFile(environment, join(directory, dataFileName))
  syncPath(directory)
}

/** @param path of a file that is not there */
export async function copyDataFile(environment: Pick<Environment, 'root'>, path: string): Promise<void> {
  try {
    await environment.root.backup(path, true)
    chmodSync(path, 0o600)
    syncPath(path)
  } catch (error) {
    const { message, errno } = await commitFailure(error, path)
    throw new StoreError('ERR_STORE_UNAVAILABLE', `the copy was not finished: ${message}`, {
      cause: error,
      errno,
      mayGoOn: true,
    })
  }
}

/** Waits until a file, or the list of names in a directory, is on the disk. */
export function syncPath(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
