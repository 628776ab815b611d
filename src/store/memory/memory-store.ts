// A store that lasts as long as the process: for tests, and as the plainest statement of what the others do.

import { never } from '../../base/errors.ts'
import { copyChanges, DocumentIndex } from '../document-index.ts'
import { hexKey, inboundKey, type Key, sequenceKey, sessionKey, subscriptionKey, textKey } from '../keys.ts'
import type { PutRetained, RetainedChange, RetainedStore } from '../retained-store.ts'
import type { SecurityChange, SecurityDelta, SecurityDocument, SecurityStore } from '../security-store.ts'
import type {
  PutInbound,
  PutMessage,
  PutQueued,
  PutSession,
  PutSubscription,
  RefusedRow,
  SessionChange,
  SessionRow,
  SessionStore,
  StoredMessage,
} from '../session-store.ts'
import type { Store, StoreFault, StoreStats, StoreTable } from '../store.ts'
import { StoreError } from '../store-error.ts'

const pageRows = 1000
const done = Promise.resolve()

export interface MemoryStoreOptions {
  onFault?(fault: StoreFault): void
}

export function openMemoryStore(options: MemoryStoreOptions = {}): Store {
  return new MemoryStore(options)
}

/** Refuses once the store is closed. */
class Door {
  isClosed = false

  /** @param change throws before it has changed anything */
  enter(change: () => void): Promise<void> {
    if (this.isClosed) return Promise.reject(new StoreError('ERR_STORE_CLOSED', 'the store is closed'))
    try {
      change()
      return done
    } catch (error) {
      return Promise.reject(error)
    }
  }
}

class MemoryStore implements Store {
  readonly durability = 'none'
  readonly #door = new Door()
  readonly sessions: MemorySessionStore
  readonly retained: MemoryRetainedStore
  readonly security = new MemorySecurityStore(this.#door)

  constructor({ onFault }: MemoryStoreOptions) {
    this.sessions = new MemorySessionStore(this.#door, onFault)
    this.retained = new MemoryRetainedStore(this.#door, onFault)
  }

  close(): Promise<void> {
    this.#door.isClosed = true
    return done
  }

  backup(): Promise<void> {
    const text = 'a store in memory has no files to copy'
    return Promise.reject(new StoreError('ERR_STORE_UNAVAILABLE', text, { mayGoOn: true }))
  }

  stats(): StoreStats {
    const rows = {
      ...this.sessions.rows,
      retained: this.retained.size,
      documents: this.security.load().documents.length,
    }
    return { rows, bytesOnDisk: 0, freeBytes: 0, mapSize: 0, waitingChanges: 0 }
  }
}

/** A table, a key in it, and the row to put there or none to remove it. */
type Step = readonly [
  table: { set(key: Key, row: unknown): unknown; delete(key: Key): unknown },
  key: Key,
  row?: SessionRow,
]

const tableOf = {
  'put-session': 'sessions',
  'put-subscription': 'subscriptions',
  'put-inbound': 'inbound',
  'put-message': 'messages',
  'put-queued': 'queue',
} as const satisfies Record<SessionRow['kind'], StoreTable>

class MemorySessionStore implements SessionStore {
  readonly #door: Door
  readonly #onFault: ((fault: StoreFault) => void) | undefined
  readonly #sessions = new Map<Key, PutSession>()
  readonly #subscriptions = new Map<Key, PutSubscription>()
  readonly #inbound = new Map<Key, PutInbound>()
  readonly #messages = new Map<Key, PutMessage>()
  readonly #queue = new Map<Key, PutQueued>()

  constructor(door: Door, onFault: ((fault: StoreFault) => void) | undefined) {
    this.#door = door
    this.#onFault = onFault
  }

  get rows() {
    return {
      sessions: this.#sessions.size,
      subscriptions: this.#subscriptions.size,
      inbound: this.#inbound.size,
      messages: this.#messages.size,
      queue: this.#queue.size,
    }
  }

  apply(changes: readonly SessionChange[]): Promise<void> {
    return this.#door.enter(() => {
      const steps = changes.map(change => this.#stepOf(change))
      for (const [table, key, row] of steps) {
        if (row === undefined) table.delete(key)
        else table.set(key, row)
      }
    })
  }

  async *load(): AsyncIterable<readonly SessionRow[]> {
    this.#free()
    yield* pages(inOrder(this.#sessions))
    yield* pages([...this.#subscriptions.values()])
    yield* pages([...this.#inbound.values()])
    yield* pages(inOrder(this.#messages))
    yield* pages(inOrder(this.#queue))
  }

  setAside(refused: readonly RefusedRow<SessionRow>[]): Promise<void> {
    return this.#door.enter(() => {
      for (const { row, why } of refused) {
        const [table, key] = this.#stepOf(row)
        table.delete(key)
        this.#onFault?.({ table: tableOf[row.kind], key: hexKey(key), why })
      }
    })
  }

  /** What a change does to which table, once it is known that all of its batch can be done. */
  #stepOf(change: SessionChange): Step {
    switch (change.kind) {
      case 'put-session':
        return [this.#sessions, sessionKey(change.sessionNumber), copySession(change)]
      case 'remove-session':
        return [this.#sessions, sessionKey(change.sessionNumber)]
      case 'put-subscription':
        return [this.#subscriptions, subscriptionKey(change.sessionNumber, change.fullFilter), { ...change }]
      case 'remove-subscription':
        return [this.#subscriptions, subscriptionKey(change.sessionNumber, change.fullFilter)]
      case 'put-inbound':
        return [this.#inbound, inboundKey(change.sessionNumber, change.packetId), { ...change }]
      case 'remove-inbound':
        return [this.#inbound, inboundKey(change.sessionNumber, change.packetId)]
      case 'put-message':
        return [this.#messages, sequenceKey(change.messageId), copyMessage(change)]
      case 'remove-message':
        return [this.#messages, sequenceKey(change.messageId)]
      case 'put-queued':
        return [
          this.#queue,
          sequenceKey(change.sequence),
          { ...change, message: change.message && copyMessage(change.message) },
        ]
      case 'remove-queued':
        return [this.#queue, sequenceKey(change.sequence)]
      default:
        return never(change)
    }
  }

  /** Rows of sessions that are gone, rows whose message is missing, messages that no row waits for. */
  #free(): void {
    for (const map of [this.#subscriptions, this.#inbound, this.#queue] as Map<
      Key,
      { readonly sessionNumber: number }
    >[]) {
      for (const [key, row] of map) if (!this.#sessions.has(row.sessionNumber)) map.delete(key)
    }
    const waitedFor = new Set<number>()
    for (const { sequence, messageId, message, sessionNumber } of this.#queue.values()) {
      waitedFor.add(messageId)
      if (message !== undefined || this.#messages.has(messageId)) continue
      this.#queue.delete(sequence)
      const why = `message ${messageId}, which it has for session ${sessionNumber}, is missing`
      this.#onFault?.({ table: 'queue', key: hexKey(sequence), why })
    }
    for (const { messageId } of this.#messages.values()) {
      if (!waitedFor.has(messageId)) this.#messages.delete(messageId)
    }
  }
}

class MemoryRetainedStore implements RetainedStore {
  readonly #door: Door
  readonly #onFault: ((fault: StoreFault) => void) | undefined
  readonly #messages = new Map<string, PutRetained>()

  constructor(door: Door, onFault: ((fault: StoreFault) => void) | undefined) {
    this.#door = door
    this.#onFault = onFault
  }

  get size(): number {
    return this.#messages.size
  }

  apply(changes: readonly RetainedChange[]): Promise<void> {
    return this.#door.enter(() => {
      const keys = changes.map(change => textKey(change.topicName))
      for (const [index, change] of changes.entries()) {
        const key = keys[index] as string
        if (change.kind === 'put-retained') this.#messages.set(key, copyMessage(change))
        else this.#messages.delete(key)
      }
    })
  }

  async *load(): AsyncIterable<readonly PutRetained[]> {
    yield* pages([...this.#messages.values()])
  }

  setAside(refused: readonly RefusedRow<PutRetained>[]): Promise<void> {
    return this.#door.enter(() => {
      for (const { row, why } of refused) {
        const key = textKey(row.topicName)
        this.#messages.delete(key)
        this.#onFault?.({ table: 'retained', key: hexKey(key), why })
      }
    })
  }
}

class MemorySecurityStore implements SecurityStore {
  readonly #door: Door
  readonly #index = new DocumentIndex()

  constructor(door: Door) {
    this.#door = door
  }

  head(): number {
    return this.#index.head
  }

  async mutate(changes: readonly SecurityChange[]): Promise<number> {
    await this.#door.enter(() => this.#index.apply(copyChanges(changes), this.#index.head + 1))
    return this.#index.head
  }

  load(): { readonly version: number; readonly documents: readonly SecurityDocument[] } {
    return this.#index.load()
  }

  since(version: number): SecurityDelta | undefined {
    return this.#index.since(version)
  }
}

function copySession(session: PutSession): PutSession {
  const { will } = session
  const copied = will === undefined ? undefined : { ...will, record: will.record.slice() }
  return { ...session, principal: session.principal.slice(), will: copied }
}

function copyMessage<Row extends StoredMessage>(row: Row): Row {
  return { ...row, properties: row.properties.slice(), payload: row.payload.slice() }
}

function inOrder<Row>(map: ReadonlyMap<Key, Row>): Row[] {
  return [...map].sort(([a], [b]) => Number(a) - Number(b)).map(([, row]) => row)
}

function* pages<Row>(rows: readonly Row[]): Iterable<readonly Row[]> {
  for (let start = 0; start < rows.length; start += pageRows) yield rows.slice(start, start + pageRows)
}
