// Copies a store that a running broker may have: the engine lets other processes read while one writes.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { open, type RootDatabase } from 'lmdb'
import { escapeText } from '../../base/escape.ts'
import { StoreError } from '../store-error.ts'
import { dataFileName, inspectDataFile, unreadable } from './data-file.ts'
import { copyStore } from './lmdb-store.ts'

/**
 * Writes the store as it is at this moment, compacted, into a directory that is made for it. Changes nothing.
 *
 * @throws {StoreError} `ERR_STORE_DIRECTORY` where there is no store, or something is where the copy is to be,
 * `ERR_STORE_UNAVAILABLE`, `ERR_STORE_UNREADABLE`, `ERR_STORE_FORMAT`
 */
export async function backupStore(directory: string, target: string): Promise<void> {
  const path = join(directory, dataFileName)
  if (!existsSync(path)) {
    throw new StoreError('ERR_STORE_DIRECTORY', `there is no store in '${escapeText(directory, 4096)}'`)
  }
  inspectDataFile(path)
  const root = openReader(path)
  try {
    await copyStore({ root }, target)
  } finally {
    await root.close()
  }
}

function openReader(path: string): RootDatabase<Buffer, string> {
  try {
    return open<Buffer, string>({ path, noSubdir: true, encoding: 'binary', keyEncoding: 'binary', readOnly: true })
  } catch (cause) {
    throw unreadable(path, (cause as Error).message, cause)
  }
}
