// Reads a table from one end to the other in pages: short enough for an event loop that has other work, and without a read
// transaction that outlives a page, since the file cannot use again what such a one may still see.

import { setImmediate } from 'node:timers/promises'
import type { Database, RangeOptions } from 'lmdb'
import { hexKey, type Key } from '../keys.ts'
import { RecordFault } from '../record-bytes.ts'
import type { StoreTable } from '../store.ts'
import { StoreError } from '../store-error.ts'
import { unreadable } from './data-file.ts'
import type { Environment, Table } from './environment.ts'

/** What a page holds at most; a page of so many rows or bytes is decoded in a few milliseconds. */
const pageRows = 1000
const pageBytes = 1024 * 1024

/** How the rows of a table are read. */
export interface TableReader<Row> {
  readonly name: StoreTable
  decode(record: Buffer): Row
  keyOf(row: Row): Key
  /** A key below all others. */
  readonly lowest: Key
}

/** A record that cannot be what was stored. */
export interface WrongRecord {
  readonly name: StoreTable
  readonly key: Key
  readonly record: Buffer
  readonly why: string
}

/** What a scan comes upon: `wrong` is set aside and removed, `dead` is removed. */
export interface Findings {
  wrong(found: WrongRecord): void
  dead(name: StoreTable, key: Key): void
}

/** @throws {StoreError} `ERR_STORE_UNREADABLE` when the pages of the file are destroyed */
export async function* readPages<Row>(
  environment: Environment,
  reader: TableReader<Row>,
  findings: Findings,
): AsyncGenerator<Row[]> {
  const table = environment[reader.name]
  let last: Key | undefined
  while (true) {
    const page = readPage(environment, table, reader, findings, last)
    if (page.rows.length > 0) yield page.rows
    if (page.last === undefined) return
    last = page.last
    await setImmediate()
  }
}

function readPage<Row>(
  environment: Environment,
  table: Table,
  reader: TableReader<Row>,
  findings: Findings,
  after: Key | undefined,
): { readonly rows: Row[]; readonly last: Key | undefined } {
  const rows: Row[] = []
  let last: Key | undefined
  let bytes = 0
  try {
    for (const { key, value } of rangeFrom(table, after ?? reader.lowest, after !== undefined)) {
      last = key
      const row = readRow(reader, key, value, findings)
      if (row !== undefined) rows.push(row)
      bytes += value.length
      if (bytes >= pageBytes) break
    }
  } catch (error) {
    if (error instanceof StoreError) throw error
    throw unreadable(environment.path, `table ${reader.name}: ${(error as Error).message}`, error)
  }
  return { rows, last }
}

function rangeFrom(
  table: Table,
  start: Key,
  exclusiveStart: boolean,
): Iterable<{ readonly key: Key; readonly value: Buffer }> {
  return (table as Database<Buffer, Key>).getRange({ start, exclusiveStart, limit: pageRows } as RangeOptions)
}

function readRow<Row>(reader: TableReader<Row>, key: Key, record: Buffer, findings: Findings): Row | undefined {
  try {
    const row = reader.decode(record)
    if (reader.keyOf(row) === key) return row
    throw new RecordFault(`it belongs under ${hexKey(reader.keyOf(row))}`)
  } catch (error) {
    if (!(error instanceof RecordFault)) throw error
    findings.wrong({ name: reader.name, key, record: copyOf(record), why: error.message })
  }
  return undefined
}

/** The engine's buffer is only as long as it says it is, and used again for the next record. */
export function copyOf(record: Buffer): Buffer {
  return Buffer.from(record.subarray(0, record.length))
}
