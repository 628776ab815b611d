// The store as a whole: three stores over one engine, and what can be asked of the engine itself.

import type { RetainedStore } from './retained-store.ts'
import type { SecurityStore } from './security-store.ts'
import type { SessionStore } from './session-store.ts'
import type { StoreError } from './store-error.ts'

/**
 * What is promised when `apply` resolves. `sync`: it is on the disk, and survives a loss of power. `write`: the operating
 * system has it; it survives the death of this process, and of the machine all but the last moments. `none`: nothing; it is
 * written in the background, and a failure goes to `onError`.
 */
export type Durability = 'sync' | 'write' | 'none'

/** A record that was found wrong: reported, and never served. */
export interface StoreFault {
  readonly table: StoreTable
  /** The record's key in hex. */
  readonly key: string
  readonly why: string
}

export const storeTables = [
  'sessions',
  'subscriptions',
  'inbound',
  'messages',
  'queue',
  'retained',
  'documents',
] as const

export type StoreTable = (typeof storeTables)[number]

export interface StoreStats {
  readonly rows: Readonly<Record<StoreTable, number>>
  /** Bytes of the data file; of them, `freeBytes` will be used again before it grows. */
  readonly bytesOnDisk: number
  readonly freeBytes: number
  /** Bytes of address space mapped for it; grows as needed. */
  readonly mapSize: number
  /** Changes that were applied and whose commit has not begun. */
  readonly waitingChanges: number
}

export interface Store {
  readonly sessions: SessionStore
  readonly retained: RetainedStore
  readonly security: SecurityStore
  readonly durability: Durability
  /** Waits for what was applied, then lets the files go. Later calls are refused with `ERR_STORE_CLOSED`. */
  close(): Promise<void>
  /**
   * Writes a copy of the store as it is at this moment, compacted, while it goes on.
   *
   * @param directory made here, with mode 0700; may not exist
   * @throws {StoreError} `ERR_STORE_DIRECTORY`, `ERR_STORE_UNAVAILABLE`
   */
  backup(directory: string): Promise<void>
  stats(): StoreStats
}

/** What an embedded store on disk can be told. */
export interface StoreOptions {
  /** Made with mode 0700 when it is not there. */
  readonly directory: string
  readonly durability?: Durability
  /** Told of each record that was found wrong, while the store is opened or loaded. */
  onFault?(fault: StoreFault): void
  /** With durability `none`: told of a commit that failed. */
  onError?(error: StoreError): void
}
