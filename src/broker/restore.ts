// Takes in what an earlier run of the broker has left in the store, before the first client is let in.

import { escapeText } from '../base/escape.ts'
import type { QoS } from '../mqtt/packet.ts'
import { Message, neverExpires } from '../session/message.ts'
import { Session } from '../session/session.ts'
import { Subscription } from '../session/subscription.ts'
import type { PutRetained, RetainedStore } from '../store/retained-store.ts'
import type {
  PutMessage,
  PutQueued,
  PutSession,
  PutSubscription,
  SessionRow,
  SessionStore,
  StoredMessage,
} from '../store/session-store.ts'
import { parseTopicFilter } from '../topic/shared.ts'
import type { Broker } from './broker.ts'
import { Journal, type JournalDeps, noLocalBit, retainAsPublishedBit } from './journal.ts'
import type { ListenerContext } from './listener-context.ts'
import { RestoredSources } from './restored-sources.ts'
import { Retained } from './retained.ts'
import { decodeForwarded, decodeRetainedExtras, decodeWill } from './stored-form.ts'

export interface RestoredStore {
  readonly sessions: SessionStore
  readonly retained: RetainedStore
}

/** How far a restore is. */
export interface RestoreProgress {
  sessions: number
  messages: number
  retained: number
}

/**
 * Loads everything, and from then on writes down what changes.
 *
 * @param listeners whose rules the clients are judged by
 * @param onProgress called after each page
 * @throws StoreError when the store cannot be read at all
 */
export async function restoreBroker(
  broker: Broker,
  store: RestoredStore,
  listeners: readonly ListenerContext[],
  deps: Pick<JournalDeps, 'storeLost' | 'afterTurn' | 'wallClock'>,
  onProgress: (progress: RestoreProgress) => void,
): Promise<Journal> {
  const restore = new Restore(broker, listeners)
  for await (const page of store.sessions.load()) {
    for (const row of page) restore.takeRow(row)
    onProgress(restore.progress)
  }
  for await (const page of store.retained.load()) {
    for (const row of page) restore.takeRetained(row)
    onProgress(restore.progress)
  }
  const { log, clock, wheel } = broker
  const journal = new Journal({ store, log, clock, wheel, ...deps }, restore.numbers)
  restore.finish(journal)
  broker.journal = journal
  return journal
}

interface Loaded {
  readonly session: Session
  readonly disconnectedAt: number
}

class Restore {
  readonly progress: RestoreProgress = { sessions: 0, messages: 0, retained: 0 }
  readonly numbers = { session: 0, message: 0, sequence: 0 }
  readonly #broker: Broker
  readonly #sources: RestoredSources
  readonly #now: number
  readonly #sessions = new Map<number, Loaded>()
  readonly #messages = new Map<number, Message>()
  /** Sessions whose record says nothing of whose they are: nobody can have them. */
  readonly #nobodys: PutSession[] = []

  constructor(broker: Broker, listeners: readonly ListenerContext[]) {
    this.#broker = broker
    this.#sources = new RestoredSources(listeners)
    this.#now = broker.clock.now()
  }

  takeRow(row: SessionRow): void {
    switch (row.kind) {
      case 'put-session':
        this.#takeSession(row)
        return
      case 'put-subscription':
        this.#takeSubscription(row)
        return
      case 'put-inbound':
        this.#sessions.get(row.sessionNumber)?.session.inbound.restore(row.packetId)
        return
      case 'put-message':
        this.#takeMessage(row)
        return
      case 'put-queued':
        this.#takeQueued(row)
    }
  }

  takeRetained(row: PutRetained): void {
    const { source, properties } = decodeRetainedExtras(row.properties)
    const message = restored(row, properties)
    const restoredSource = this.#sources.find(source, row.publisher)
    if (restoredSource === undefined) return
    this.#broker.retained.restore(row.topicName, new Retained(message, restoredSource.access, message.expiresAt))
    this.progress.retained++
  }

  /** Everything is there: from now on time passes for it. */
  finish(journal: Journal): void {
    const { registry } = this.#broker
    for (const [number, { session, disconnectedAt }] of this.#sessions) {
      journal.adopt(session, number)
      registry.restore(session, disconnectedAt, this.#now)
    }
    for (const { clientId, sessionNumber } of this.#nobodys) {
      this.#broker.log.write(
        'error',
        `Error: The stored session of ${escapeText(clientId)} says not whose it is; it is dropped.`,
      )
      journal.recordSessionChange({ kind: 'remove-session', sessionNumber })
    }
    this.#messages.clear()
  }

  #takeSession(row: PutSession): void {
    this.numbers.session = Math.max(this.numbers.session, row.sessionNumber)
    const source = this.#sources.find(row.principal, row.clientId)
    if (source === undefined) {
      this.#nobodys.push(row)
      return
    }
    const session = new Session(row.clientId, source.principal, source.access, this.#broker.limits)
    session.expiryInterval = row.expiryInterval
    session.will = row.will && decodeWill(row.will.record, row.will.delay)
    // Whoever was connected when the broker ended has been away since it came back; nobody has been since the future, which
    // is what a clock that was set back makes of the past.
    const disconnectedAt = Math.min(row.disconnectedAt ?? this.#now, this.#now)
    this.#sessions.set(row.sessionNumber, { session, disconnectedAt })
    this.progress.sessions++
  }

  #takeSubscription(row: PutSubscription): void {
    const session = this.#sessions.get(row.sessionNumber)?.session
    const parsed = parseTopicFilter(row.fullFilter)
    if (session === undefined || 'fault' in parsed) return
    const subscription = new Subscription(session, row.fullFilter, parsed.topicFilter, parsed.shareName)
    subscription.qos = (row.options & 3) as QoS
    subscription.noLocal = (row.options & noLocalBit) !== 0
    subscription.retainAsPublished = (row.options & retainAsPublishedBit) !== 0
    subscription.identifier = row.subscriptionIdentifier
    session.addSubscription(subscription)
    this.#broker.router.subscribe(subscription)
  }

  #takeMessage(row: PutMessage): void {
    this.numbers.message = Math.max(this.numbers.message, row.messageId)
    const message = restored(row, decodeForwarded(row.properties))
    message.recordId = row.messageId
    this.#messages.set(row.messageId, message)
    this.progress.messages++
  }

  #takeQueued(row: PutQueued): void {
    this.numbers.sequence = Math.max(this.numbers.sequence, row.sequence)
    const session = this.#sessions.get(row.sessionNumber)?.session
    const message = this.#messages.get(row.messageId)
    if (session === undefined || message === undefined) return
    message.recordedDeliveries++
    const { qos, retain, subscriptionIdentifiers, sequence } = row
    session.outbound.restore({ message, qos, retain, subscriptionIdentifiers, sequence }, row.packetId, row.state)
  }
}

function restored(row: StoredMessage, properties: Message['properties']): Message {
  const { topicName, payload, qos, retain, publisher, expiresAt } = row
  return new Message(
    topicName,
    payload,
    qos,
    retain,
    publisher,
    properties,
    expiresAt ?? neverExpires,
    undefined,
    true,
  ).keepAsIs()
}
