// Opens the engine that is asked for.

import { type MemoryStoreOptions, openMemoryStore } from './memory/memory-store.ts'
import type { Store, StoreOptions } from './store.ts'

export type OpenStoreOptions =
  | ({ readonly engine: 'memory' } & MemoryStoreOptions)
  | ({ readonly engine: 'lmdb' } & StoreOptions)

/**
 * @throws {StoreError} as a rejection: `ERR_STORE_DIRECTORY`, `ERR_STORE_IN_USE`, `ERR_STORE_FORMAT` or
 * `ERR_STORE_UNREADABLE`; its message says what to do
 */
export async function openStore(options: OpenStoreOptions): Promise<Store> {
  if (options.engine === 'memory') return openMemoryStore(options)
  // A broker without persistence loads no engine: it is native code, and some memory.
  const { openLmdbStore } = await import('./lmdb/lmdb-store.ts')
  return openLmdbStore(options)
}
