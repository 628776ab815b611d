// Reads all that belongs to sessions, in an order in which each row finds what it refers to, and sorts out what nobody will
// ask for again: rows of sessions that are gone, messages that no row waits for, rows whose message is missing.

import type { SessionRow } from '../session-store.ts'
import type { Environment } from './environment.ts'
import { copyOf, type Findings, readPages, type TableReader } from './pages.ts'
import { inboundRows, messageRows, queueRows, sessionRows, subscriptionRows } from './tables.ts'

/** As `SessionStore.load`, and changes nothing. */
export async function* scanSessions(environment: Environment, findings: Findings): AsyncGenerator<SessionRow[]> {
  const sessions = new Set<number>()
  for await (const page of readPages(environment, sessionRows, findings)) {
    for (const row of page) sessions.add(row.sessionNumber)
    yield page
  }
  yield* ofSessions(environment, subscriptionRows, sessions, findings)
  yield* ofSessions(environment, inboundRows, sessions, findings)
  const messages = new MessageIds()
  for await (const page of readPages(environment, messageRows, findings)) {
    for (const row of page) messages.add(row.messageId)
    yield page
  }
  yield* queueOf(environment, sessions, messages, findings)
  for (const id of messages.unused()) findings.dead('messages', id)
}

async function* ofSessions<Row extends SessionRow & { readonly sessionNumber: number }>(
  environment: Environment,
  reader: TableReader<Row>,
  sessions: ReadonlySet<number>,
  findings: Findings,
): AsyncGenerator<Row[]> {
  for await (const page of readPages(environment, reader, findings)) {
    const rows = page.filter(row => sessions.has(row.sessionNumber))
    if (rows.length < page.length) {
      for (const row of page) if (!sessions.has(row.sessionNumber)) findings.dead(reader.name, reader.keyOf(row))
    }
    if (rows.length > 0) yield rows
  }
}

async function* queueOf(
  environment: Environment,
  sessions: ReadonlySet<number>,
  messages: MessageIds,
  findings: Findings,
): AsyncGenerator<SessionRow[]> {
  for await (const page of readPages(environment, queueRows, findings)) {
    const rows: SessionRow[] = []
    for (const row of page) {
      if (!sessions.has(row.sessionNumber)) findings.dead('queue', row.sequence)
      else if (messages.use(row.messageId) || row.message !== undefined) rows.push(row)
      else {
        const record = copyOf(environment.queue.get(row.sequence) as Buffer)
        const why = `message ${row.messageId}, which it has for session ${row.sessionNumber}, is missing`
        findings.wrong({ name: 'queue', key: row.sequence, record, why })
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
