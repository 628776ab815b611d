// Looks whether a commit will find room on the disk, before the engine tries: its way out of a write that the system refuses
// runs past the end of a buffer of its own (lmdb 3.5.6, `mdb_page_flush`: 100 bytes for a text of up to 127), after which
// nothing in the process can be trusted.

import { statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { escapeText } from '../../base/escape.ts'
import { StoreError } from '../store-error.ts'
import { dataFileName } from './data-file.ts'

/** Bytes that a commit leaves free, for whoever else writes to the disk while it is under way. */
const keptFreeBytes = 16 * 1024 * 1024
/** What a change may cost beside its record: the page that it is on is written anew. */
const bytesPerChange = 4096
/** The longest key, and what the engine keeps with it. */
const bytesPerKey = 300

/** @returns why a commit of so many changes and bytes must not be tried now */
export function lackOfRoom(directory: string, changes: number, bytes: number): StoreError | undefined {
  const needed = keptFreeBytes + Math.min(bytes + changes * bytesPerChange, mostWritten(directory, changes, bytes))
  const free = freeBytes(directory)
  if (free === undefined || free >= needed) return undefined
  const megabytes = Math.ceil(needed / 1024 / 1024)
  const text = `no room for the store in '${escapeText(directory, 4096)}'; it goes on when ${megabytes} MiB are free`
  return new StoreError('ERR_STORE_FULL', text, { errno: 'ENOSPC', mayGoOn: true })
}

/** However many changes there are, no page is written twice: all that there are, and new ones, which may be half empty. */
function mostWritten(directory: string, changes: number, bytes: number): number {
  const file = statSync(join(directory, dataFileName), { throwIfNoEntry: false })
  return 2 * ((file?.size ?? 0) + bytes + changes * bytesPerKey)
}

/** undefined when the system does not tell. */
function freeBytes(directory: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(directory)
    return bavail * bsize
  } catch {
    return undefined
  }
}
