// One process per store. Node offers no file lock of its own, but SQLite, which comes with Node, holds one of the kernel's on
// an empty file: it is gone with the process, however that ends, and also holds between containers that share the directory.

import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { escapeText } from '../../base/escape.ts'
import { StoreError } from '../store-error.ts'

export interface DirectoryLock {
  release(): void
}

/** SQLITE_BUSY: somebody else has it. */
const busy = 5

/**
 * @throws {StoreError} `ERR_STORE_IN_USE` while another process, or this one, has it; `ERR_STORE_DIRECTORY` when the
 * directory cannot be written
 */
export function lockDirectory(directory: string): DirectoryLock {
  const path = join(directory, 'lock')
  const owner = join(directory, 'lock-owner')
  let database: DatabaseSync | undefined
  try {
    closeSync(openSync(path, 'a', 0o600))
    database = new DatabaseSync(path, { timeout: 0 })
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    writeFileSync(owner, String(process.pid), { mode: 0o600 })
  } catch (error) {
    database?.close()
    throw refusal(directory, owner, error)
  }
  const held = database
  return { release: () => held.close() }
}

function refusal(directory: string, owner: string, cause: unknown): StoreError {
  const shown = escapeText(directory, 4096)
  const { errcode, code, message } = cause as { errcode?: number; code?: string; message: string }
  if (errcode === busy) {
    const text = `the store in '${shown}' is in use by process ${readOwner(owner)}; one process at a time may have it`
    return new StoreError('ERR_STORE_IN_USE', text, { cause })
  }
  return new StoreError('ERR_STORE_DIRECTORY', `cannot lock the store in '${shown}': ${message}`, {
    cause,
    errno: code,
  })
}

function readOwner(path: string): string {
  try {
    return escapeText(readFileSync(path, 'utf8'), 16)
  } catch {
    return 'unknown'
  }
}
