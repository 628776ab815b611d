// Reads all that belongs to sessions, in an order in which each row finds what it refers to, and sorts out what nobody will
// ask for again: rows of sessions that are gone, messages that no row waits for, rows whose message is missing.

import type { Database } from 'lmdb'
import type { Key } from '../keys.ts'
import type { SessionRow } from '../session-store.ts'
import type { StoreTable } from '../store.ts'
import type { Environment } from './environment.ts'
import { copyOf, type Findings, readPages, type TableReader, type WrongRecord } from './pages.ts'
import { inboundRows, messageRows, queueRows, sessionRows, subscriptionRows } from './tables.ts'

/** As `SessionStore.load`, and changes nothing. */
export async function* scanSessions(environment: Environment, findings: Findings): AsyncGenerator<SessionRow[]> {
  const sessions = new Set<number>()
  const orphans = new Orphans(environment, findings)
  for await (const page of readPages(environment, sessionRows, orphans)) {
    for (const row of page) sessions.add(row.sessionNumber)
    yield page
  }
  yield* ofSessions(environment, subscriptionRows, sessions, orphans)
  yield* ofSessions(environment, inboundRows, sessions, orphans)
  const messages = new MessageIds()
  for await (const page of readPages(environment, messageRows, findings)) {
    for (const row of page) messages.add(row.messageId)
    yield page
  }
  yield* queueOf(environment, sessions, messages, orphans)
  for (const id of messages.unused()) orphans.takeMessage(id)
}

/** What is left without its session: dead where that has ended, set aside with it where its record is wrong. */
class Orphans implements Findings {
  readonly #environment: Environment
  readonly #findings: Findings
  /** Session numbers. */
  readonly #damaged = new Set<Key>()
  /** Ids of messages that such sessions wait for. */
  readonly #waitedFor = new Set<number>()

  constructor(environment: Environment, findings: Findings) {
    this.#environment = environment
    this.#findings = findings
  }

  wrong(found: WrongRecord): void {
    if (found.name === 'sessions') this.#damaged.add(found.key)
    this.#findings.wrong(found)
  }

  dead(name: StoreTable, key: Key): void {
    this.#findings.dead(name, key)
  }

  take(name: StoreTable, key: Key, sessionNumber: number): void {
    if (this.#damaged.has(sessionNumber)) this.#setAside(name, key, `session ${sessionNumber}, whose it is, is damaged`)
    else this.dead(name, key)
  }

  takeQueued(sequence: number, sessionNumber: number, messageId: number): void {
    this.take('queue', sequence, sessionNumber)
    if (this.#damaged.has(sessionNumber)) this.#waitedFor.add(messageId)
  }

  /** One that no other session waits for. */
  takeMessage(id: number): void {
    if (this.#waitedFor.has(id)) this.#setAside('messages', id, 'the session that waits for it is damaged')
    else this.dead('messages', id)
  }

  #setAside(name: StoreTable, key: Key, why: string): void {
    const record = (this.#environment[name] as Database<Buffer, Key>).get(key) as Buffer
    this.#findings.wrong({ name, key, record: copyOf(record), why })
  }
}

async function* ofSessions<Row extends SessionRow & { readonly sessionNumber: number }>(
  environment: Environment,
  reader: TableReader<Row>,
  sessions: ReadonlySet<number>,
  orphans: Orphans,
): AsyncGenerator<Row[]> {
  for await (const page of readPages(environment, reader, orphans)) {
    const rows = page.filter(row => sessions.has(row.sessionNumber))
    if (rows.length < page.length) {
      for (const row of page) {
        if (!sessions.has(row.sessionNumber)) orphans.take(reader.name, reader.keyOf(row), row.sessionNumber)
      }
    }
    if (rows.length > 0) yield rows
  }
}

async function* queueOf(
  environment: Environment,
  sessions: ReadonlySet<number>,
  messages: MessageIds,
  orphans: Orphans,
): AsyncGenerator<SessionRow[]> {
  for await (const page of readPages(environment, queueRows, orphans)) {
    const rows: SessionRow[] = []
    for (const row of page) {
      if (!sessions.has(row.sessionNumber)) orphans.takeQueued(row.sequence, row.sessionNumber, row.messageId)
      else if (messages.use(row.messageId) || row.message !== undefined) rows.push(row)
      else {
        const record = copyOf(environment.queue.get(row.sequence) as Buffer)
        const why = `message ${row.messageId}, which it has for session ${row.sessionNumber}, is missing`
        orphans.wrong({ name: 'queue', key: row.sequence, record, why })
      }
    }
    if (rows.length > 0) yield rows
  }
}

/** The ids of all messages, and which of them are waited for: nine bytes each, where a Map would take fifty. */
class MessageIds {
  #ids = new Float64Array(1024)
  #used = new Uint8Array(1024)
  #length = 0
  /** Where the last one was found: mostly the next is asked for next. */
  #last = 0

  /** @param id larger than the one before */
  add(id: number): void {
    if (this.#length === this.#ids.length) this.#grow()
    this.#ids[this.#length++] = id
  }

  /** @returns whether there is such a message */
  use(id: number): boolean {
    const index = this.#find(id)
    if (index === undefined) return false
    this.#used[index] = 1
    this.#last = index
    return true
  }

  *unused(): Iterable<number> {
    for (let index = 0; index < this.#length; index++) if (this.#used[index] === 0) yield this.#ids[index]!
  }

  #find(id: number): number | undefined {
    if (this.#ids[this.#last] === id && this.#last < this.#length) return this.#last
    let low = this.#ids[this.#last]! < id ? this.#last + 1 : 0
    if (low < this.#length && this.#ids[low] === id) return low
    let high = this.#length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#ids[middle]! < id) low = middle + 1
      else high = middle
    }
    return low < this.#length && this.#ids[low] === id ? low : undefined
  }

  #grow(): void {
    const ids = new Float64Array(2 * this.#length)
    const used = new Uint8Array(2 * this.#length)
    ids.set(this.#ids)
    used.set(this.#used)
    this.#ids = ids
    this.#used = used
  }
}
