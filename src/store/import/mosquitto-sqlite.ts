// Reads the database of Mosquitto 2.1's plugin `mosquitto_persist_sqlite`. What is opened is a copy: SQLite would write beside
// the file, if only to look into it.

import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import {
  type ForeignClient,
  type ForeignDelivery,
  type ForeignMessage,
  type ForeignPublication,
  type ForeignState,
  type ForeignSubscription,
  type ForeignWill,
  foreignDelivery,
  foreignQoS,
  foreignTime,
  importFault,
} from './foreign-state.ts'
import { encodePropertyLines } from './property-lines.ts'

const magic = Buffer.from('SQLite format 3\0', 'latin1')
/** The part of the schema's version that tells whether this program knows it. */
const knownMajor = 1n
const neededTables = ['base_msgs', 'retains', 'clients', 'subscriptions', 'client_msgs']
const nothing: Uint8Array = new Uint8Array(0)

/** Whether a file begins as a database of SQLite does. */
export function isSqliteDatabase(start: Uint8Array): boolean {
  return magic.equals(start.subarray(0, magic.length))
}

/**
 * @param path the database; its write-ahead log beside it is taken in, too
 * @throws {StoreError} `ERR_STORE_IMPORT`, naming table and row
 */
export function readMosquittoSqlite(path: string): ForeignState {
  const directory = mkdtempSync(join(tmpdir(), 'castellan-import-'))
  try {
    const copy = join(directory, 'copy')
    copyFileSync(path, copy)
    if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${copy}-wal`)
    return readCopy(copy)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function readCopy(path: string): ForeignState {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path)
    return readTables(database)
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string }
    throw code === 'ERR_SQLITE_ERROR' ? importFault('the database', message) : error
  } finally {
    database?.close()
  }
}

function readTables(database: DatabaseSync): ForeignState {
  const rows = new Rows(database)
  const tables = new Set([...rows.of('SELECT name FROM sqlite_master', 'sqlite_master')].map(row => row.text('name')))
  const missing = neededTables.filter(name => !tables.has(name))
  if (missing.length > 0) throw importFault('the database', `it has no table ${missing.join(', ')}`)
  if (tables.has('version_info')) checkVersion(rows)
  const wills = tables.has('wills') ? readWills(rows) : new Map<string, ForeignWill>()
  return {
    format: 'database of mosquitto_persist_sqlite',
    clients: readClients(rows, wills),
    subscriptions: readSubscriptions(rows),
    messages: readMessages(rows),
    deliveries: readDeliveries(rows),
    retained: [...rows.of('SELECT store_id FROM retains', 'retains')].map(row => row.bigint('store_id')),
  }
}

function checkVersion(rows: Rows): void {
  const query = "SELECT major FROM version_info WHERE component = 'database_schema'"
  for (const row of rows.of(query, 'version_info')) {
    const major = row.bigint('major')
    if (major !== knownMajor) throw importFault('the database', `its schema has version ${major}, expected 1`)
  }
}

/** Topics are declared `STRING`, which is a number to SQLite where it looks like one. */
const messageQuery = `SELECT store_id, expiry_time, CAST(topic AS TEXT) AS topic, CAST(payload AS BLOB) AS payload,
  CAST(source_id AS TEXT) AS source_id, CAST(source_username AS TEXT) AS source_username, source_port, qos, retain,
  CAST(properties AS TEXT) AS properties FROM base_msgs`

function readMessages(rows: Rows): ReadonlyMap<bigint, ForeignMessage> {
  const messages = new Map<bigint, ForeignMessage>()
  for (const row of rows.of(messageQuery, 'base_msgs')) {
    messages.set(row.bigint('store_id'), {
      ...publicationOf(row),
      publisher: row.optionalText('source_id') ?? '',
      user: { username: row.optionalText('source_username') },
      listenerPort: row.number('source_port'),
      expiresAt: foreignTime(row.bigint('expiry_time')),
    })
  }
  return messages
}

function readClients(rows: Rows, wills: ReadonlyMap<string, ForeignWill>): readonly ForeignClient[] {
  const query = `SELECT client_id, username, session_expiry_time, listener_port, session_expiry_interval,
    will_delay_interval FROM clients`
  return [...rows.of(query, 'clients')].map(row => {
    const clientId = row.text('client_id')
    const will = wills.get(clientId)
    return {
      where: row.where,
      clientId,
      user: { username: row.optionalText('username') },
      listenerPort: row.number('listener_port'),
      expiryInterval: row.number('session_expiry_interval') >>> 0,
      expiresAt: foreignTime(row.bigint('session_expiry_time')),
      will: will && { ...will, delay: row.number('will_delay_interval') >>> 0 },
    }
  })
}

function readWills(rows: Rows): ReadonlyMap<string, ForeignWill> {
  const query = `SELECT client_id, CAST(topic AS TEXT) AS topic, CAST(payload AS BLOB) AS payload, qos, retain,
    CAST(properties AS TEXT) AS properties FROM wills`
  return new Map([...rows.of(query, 'wills')].map(row => [row.text('client_id'), { ...publicationOf(row), delay: 0 }]))
}

/** The columns that messages and wills have alike. */
function publicationOf(row: Row): ForeignPublication {
  return {
    where: row.where,
    topicName: row.text('topic'),
    payload: row.bytes('payload'),
    qos: foreignQoS(row.number('qos'), row.where),
    retain: row.number('retain') !== 0,
    properties: encodePropertyLines(row.optionalText('properties'), row.where),
  }
}

function readSubscriptions(rows: Rows): readonly ForeignSubscription[] {
  const query = 'SELECT client_id, topic, subscription_options, subscription_identifier FROM subscriptions'
  return [...rows.of(query, 'subscriptions')].map(row => ({
    where: row.where,
    clientId: row.text('client_id'),
    fullFilter: row.text('topic'),
    options: row.number('subscription_options') & 0xff,
    identifier: row.number('subscription_identifier'),
  }))
}

function readDeliveries(rows: Rows): readonly ForeignDelivery[] {
  const query = `SELECT client_id, store_id, direction, mid, qos, retain, state, subscription_identifier
    FROM client_msgs ORDER BY rowid`
  return [...rows.of(query, 'client_msgs')].map(row =>
    foreignDelivery({
      where: row.where,
      clientId: row.text('client_id'),
      messageId: row.bigint('store_id'),
      direction: row.number('direction'),
      qos: row.number('qos'),
      retain: row.number('retain') !== 0,
      packetId: row.number('mid') & 0xffff,
      state: row.number('state'),
      subscriptionIdentifier: row.number('subscription_identifier'),
    }),
  )
}

class Rows {
  readonly #database: DatabaseSync

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  *of(query: string, table: string): Generator<Row> {
    const statement = this.#database.prepare(query)
    statement.setReadBigInts(true)
    let number = 0
    for (const values of statement.iterate())
      yield new Row(values as Record<string, unknown>, `${table}, row ${++number}`)
  }
}

/** One row, whose columns may hold anything: SQLite does not enforce types. */
class Row {
  readonly where: string
  readonly #values: Readonly<Record<string, unknown>>

  constructor(values: Readonly<Record<string, unknown>>, where: string) {
    this.#values = values
    this.where = where
  }

  text(column: string): string {
    const value = this.#values[column]
    if (typeof value === 'string') return value
    throw importFault(this.where, `column ${column} holds no text`)
  }

  /** undefined for NULL and the empty text. */
  optionalText(column: string): string | undefined {
    const value = this.#values[column]
    return value === null || value === undefined || value === '' ? undefined : this.text(column)
  }

  /** 0 for NULL. */
  bigint(column: string): bigint {
    const value = this.#values[column] ?? 0n
    if (typeof value === 'bigint') return value
    throw importFault(this.where, `column ${column} holds no whole number`)
  }

  number(column: string): number {
    const value = Number(this.bigint(column))
    if (Math.abs(value) <= 0xffff_ffff) return value
    throw importFault(this.where, `column ${column} holds ${value}, which is too large`)
  }

  /** Empty for NULL. */
  bytes(column: string): Uint8Array {
    const value = this.#values[column] ?? nothing
    if (value instanceof Uint8Array) return value
    throw importFault(this.where, `column ${column} holds no bytes`)
  }
}
