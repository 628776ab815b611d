// Takes over what Mosquitto has left: once, into an empty store, all of it or nothing. Its file is only ever read.

import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { type ForeignCounts, foreignRows } from '../broker/foreign-rows.ts'
import { inFile, notMosquittos, readForeignFile, recogniseFile } from '../store/import/foreign-file.ts'
import { openStore } from '../store/open-store.ts'
import { type Store, storeTables } from '../store/store.ts'
import { notEmpty } from '../store/transfer.ts'

/** The document that says that something was imported: it is never done again. */
const markName = 'imported'

export interface Imported {
  readonly format: string
  readonly counts: ForeignCounts
}

/**
 * At the start of a broker: takes over the file of Mosquitto that is there, unless that was done, and says so.
 *
 * @returns whether it did
 * @throws {StoreError} when the file is damaged, or is none of Mosquitto's
 */
export async function importAtStart(store: Store, path: string, now: number, log: Log): Promise<boolean> {
  if (wasImported(store)) return false
  const kind = recogniseFile(path)
  const shown = `'${escapeText(path, 4096)}'`
  if (kind === undefined) return false
  if (kind === 'empty') {
    log.write('warning', `Warning: Persistence file ${shown} is empty; nothing is imported.`)
    return false
  }
  if (!mayImport(store)) {
    log.write('notice', `${shown} is not imported: the store is in use already.`)
    return false
  }
  if (kind === 'lines' || kind === 'unknown') throw notMosquittos(path)
  const { format, counts } = await importForeign(store, path, kind, now)
  if (counts.wrongNames > 0) log.write('warning', `Warning: ${wrongNamesNote(counts)}`)
  log.write(
    'notice',
    `Imported ${describeCounts(counts)}; from ${shown} (${format}), which stays as it is and is not read again.`,
  )
  return true
}

/** Whether the store holds nothing, and nothing was ever imported into it. */
function mayImport(store: Store): boolean {
  const { rows } = store.stats()
  return !wasImported(store) && storeTables.every(table => rows[table] === 0)
}

/** Whether something was imported into the store, now or in an earlier run. */
function wasImported(store: Store): boolean {
  return store.security.load().documents.some(({ name }) => name === markName)
}

/**
 * Fills a store that `mayImport`.
 *
 * @param now milliseconds on the wall clock
 * @throws {StoreError} when the file is damaged or the store cannot be written: nothing was imported then
 */
export async function importForeign(
  store: Store,
  path: string,
  kind: 'mosquitto-db' | 'mosquitto-sqlite',
  now: number,
): Promise<Imported> {
  const state = readForeignFile(path, kind)
  const { sessions, retained, counts } = convert(path, () => foreignRows(state, now))
  const body = Buffer.from(JSON.stringify({ path, format: state.format, at: new Date(now).toISOString(), ...counts }))
  // What one turn of the event loop applies is one commit.
  await Promise.all([
    store.sessions.apply(sessions),
    store.retained.apply(retained),
    store.security.mutate([{ kind: 'put-document', name: markName, body }]),
  ])
  return { format: state.format, counts }
}

/**
 * The same for `castellan store import`: into a store that no process has.
 *
 * @throws {StoreError} `ERR_STORE_NOT_EMPTY`
 */
export async function importForeignInto(
  directory: string,
  path: string,
  kind: 'mosquitto-db' | 'mosquitto-sqlite',
  now: number,
): Promise<Imported> {
  const store = await openStore({ engine: 'lmdb', directory })
  try {
    if (mayImport(store)) return await importForeign(store, path, kind, now)
    throw notEmpty()
  } finally {
    await store.close()
  }
}

/** `3 sessions, …` for people. */
export function describeCounts({ sessions, subscriptions, waiting, retained, leftOut }: ForeignCounts): string {
  const rest = leftOut === 0 ? '' : `; left out as expired or without its message: ${leftOut}`
  return `sessions: ${sessions}, subscriptions: ${subscriptions}, waiting messages: ${waiting}, retained messages: ${retained}${rest}`
}

/** A fault of 2.0.11 that cannot be undone; the name that stands there is kept, so that nobody else gets the session. */
export function wrongNamesNote({ wrongNames }: ForeignCounts): string {
  return `Mosquitto has written wrong user names of anonymous clients into this file: ${wrongNames} were recognised; others may bear the name of another user, whose session it is then.`
}

function convert<T>(path: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (error instanceof AppError) throw inFile(path, error)
    throw error
  }
}
