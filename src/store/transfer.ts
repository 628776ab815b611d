// A store as lines of text, out and in: to look into it, to move it to another version or engine.

import { type ExportedRow, formatRow, linesVersion, parseObject, parseRow, wrongLine } from './lines.ts'
import { exportRows } from './lmdb/read-store.ts'
import { openStore } from './open-store.ts'
import type { PutRetained } from './retained-store.ts'
import type { PutDocument } from './security-store.ts'
import type { SessionRow } from './session-store.ts'
import { type Store, type StoreFault, storeTables } from './store.ts'
import { StoreError } from './store-error.ts'

/** Rows that are applied together. */
const batchRows = 1000

/**
 * The lines of a store that no process has, each with its newline, in pieces of many.
 *
 * @param onFault told of each record that is wrong, and left out
 * @throws {StoreError} as a rejection
 */
export async function* exportStore(directory: string, onFault: (fault: StoreFault) => void): AsyncGenerator<string> {
  let rows = 0
  // Not before the store is open.
  let header = `${JSON.stringify({ castellanStore: linesVersion })}\n`
  for await (const page of exportRows(directory, onFault)) {
    rows += page.length
    yield `${header}${page.map(formatRow).join('\n')}\n`
    header = ''
  }
  yield `${header}${JSON.stringify({ rows })}\n`
}

/**
 * Fills an empty store, or one that is made for it.
 *
 * @param lines without their newlines
 * @returns the rows that were imported
 * @throws {StoreError} `ERR_STORE_NOT_EMPTY`; `ERR_STORE_TRANSFER` for a line that is wrong or missing: what came before it
 * is then in the store
 */
export async function importStore(directory: string, lines: AsyncIterable<string>): Promise<number> {
  const store = await openStore({ engine: 'lmdb', directory })
  try {
    if (storeTables.some(table => store.stats().rows[table] > 0)) {
      throw notEmpty()
    }
    return await importLines(store, lines)
  } finally {
    await store.close()
  }
}

/** Whatever is imported, what is there already stays as it is. */
export function notEmpty(): StoreError {
  return new StoreError('ERR_STORE_NOT_EMPTY', 'the store is not empty; import into a new directory')
}

async function importLines(store: Store, lines: AsyncIterable<string>): Promise<number> {
  let number = 0
  let announced: unknown
  let rows = 0
  let batch: ExportedRow[] = []
  for await (const line of lines) {
    number++
    if (announced !== undefined) throw wrongLine(number, 'it follows the last one')
    if (number === 1) {
      checkHeader(line)
      continue
    }
    if (line.startsWith('{"rows"')) {
      announced = parseObject(line, number)['rows']
      continue
    }
    batch.push(parseRow(line, number))
    rows++
    if (batch.length < batchRows) continue
    await applyRows(store, batch)
    batch = []
  }
  await applyRows(store, batch)
  if (announced === rows) return rows
  throw wrongLine(
    number,
    announced === undefined ? 'the file is cut short' : `${rows} rows came before it, not as many as it says`,
  )
}

function checkHeader(line: string): void {
  const version = parseObject(line, 1)['castellanStore']
  if (version === linesVersion) return
  throw wrongLine(1, `it is not {"castellanStore":${linesVersion}}, with which such a file begins`)
}

async function applyRows(store: Store, rows: readonly ExportedRow[]): Promise<void> {
  const documents: PutDocument[] = []
  const retained: PutRetained[] = []
  const sessions: SessionRow[] = []
  for (const row of rows) {
    if (row.kind === 'put-document') documents.push(row)
    else if (row.kind === 'put-retained') retained.push(row)
    else sessions.push(row)
  }
  const applied: Promise<unknown>[] = [store.sessions.apply(sessions), store.retained.apply(retained)]
  if (documents.length > 0) applied.push(store.security.mutate(documents))
  await Promise.all(applied)
}
