// Takes in what an earlier run of the broker has left in the store, before the first client is let in.

import { escapeText } from '../base/escape.ts'
import { ProtocolError } from '../mqtt/errors.ts'
import type { Properties, QoS } from '../mqtt/packet.ts'
import { type Message, neverExpires } from '../session/message.ts'
import { Session, type SessionAccess } from '../session/session.ts'
import { Subscription } from '../session/subscription.ts'
import type { PutRetained, RetainedStore } from '../store/retained-store.ts'
import type {
  PutMessage,
  PutQueued,
  PutSession,
  PutSubscription,
  RefusedRow,
  SessionRow,
  SessionStore,
} from '../store/session-store.ts'
import { parseTopicFilter } from '../topic/shared.ts'
import type { Broker } from './broker.ts'
import { Journal, type JournalDeps, noLocalBit, retainAsPublishedBit } from './journal.ts'
import type { ListenerContext } from './listener-context.ts'
import { RestoredSources } from './restored-sources.ts'
import { Retained } from './retained.ts'
import { isSource, ownerlessAccess } from './source-record.ts'
import { decodeForwarded, decodeRetainedExtras, decodeWill, encodeForwarded } from './stored-form.ts'
import { restoredMessage, UnmadeDelivery, UnmadeRetainedMessage } from './unmade-message.ts'

export interface RestoredStore {
  readonly sessions: SessionStore
  readonly retained: RetainedStore
}

/** How far a restore is. */
export interface RestoreProgress {
  sessions: number
  /** Each once for each session that it waits for. */
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
  restore.refuseOrphans()
  await store.sessions.setAside(restore.refusedRows)
  for await (const page of store.retained.load()) {
    for (const row of page) restore.takeRetained(row)
    onProgress(restore.progress)
  }
  await store.retained.setAside(restore.refusedRetained)
  const { log, clock, wheel } = broker
  const journal = new Journal({ store, log, clock, wheel, ...deps }, restore.numbers)
  restore.finish(journal)
  return journal
}

/** What the opaque field of a retained message says. */
interface RestoredExtras {
  readonly record: Uint8Array
  readonly properties: Properties
  readonly access: SessionAccess
}

class Restore {
  readonly progress: RestoreProgress = { sessions: 0, messages: 0, retained: 0 }
  readonly numbers = { session: 0, message: 0, sequence: 0 }
  /** What was written by another program, or wrongly: its checksum is right, and it says nothing. */
  readonly refusedRows: RefusedRow<SessionRow>[] = []
  readonly refusedRetained: RefusedRow<PutRetained>[] = []
  readonly #broker: Broker
  readonly #sources: RestoredSources
  readonly #now: number
  readonly #sessions = new Map<number, Session>()
  readonly #messages = new Map<number, Message>()
  /** Of each publisher what was read last. */
  readonly #extras = new Map<string, RestoredExtras>()
  /** Sessions whose owner no rule lets in: nobody can have them. */
  readonly #nobodys: PutSession[] = []
  /** Numbers of sessions that were refused: they are set aside with all that is theirs. */
  readonly #unusable = new Set<number>()
  /** Ids of messages that one of those waits for. */
  readonly #orphans = new Set<number>()

  constructor(broker: Broker, listeners: readonly ListenerContext[]) {
    this.#broker = broker
    this.#sources = new RestoredSources(listeners)
    this.#now = broker.clock.now()
  }

  takeRow(row: SessionRow): void {
    try {
      this.#take(row)
    } catch (error) {
      this.refusedRows.push({ row, why: reasonOf(error) })
      if (row.kind === 'put-session') this.#unusable.add(row.sessionNumber)
    }
  }

  /** All sessions are taken: messages that only refused ones wait for are refused, too. */
  refuseOrphans(): void {
    for (const messageId of this.#orphans) {
      const message = this.#messages.get(messageId)
      if (message === undefined || message.recordedDeliveries > 0) continue
      const { topicName, qos, retain, publisher, payload } = message
      const properties = encodeForwarded(message)
      const expiresAt = message.expiresAt === neverExpires ? undefined : message.expiresAt
      const content = { topicName, qos, retain, publisher, payload, properties, expiresAt }
      this.refusedRows.push({ row: { kind: 'put-message', messageId, ...content }, why: ofUnusable })
    }
  }

  takeRetained(row: PutRetained): void {
    try {
      this.#takeRetained(row)
    } catch (error) {
      this.refusedRetained.push({ row, why: reasonOf(error) })
    }
  }

  /** Everything is there: from now on time passes for it, and what it brings is written down. */
  finish(journal: Journal): void {
    const { registry } = this.#broker
    for (const [number, session] of this.#sessions) journal.adopt(session, number)
    this.#broker.journal = journal
    // A will that is due may reach any of them.
    for (const session of this.#sessions.values()) {
      const { standing } = session.access
      if (standing !== 'admitted') session.will = undefined
      registry.restore(session, this.#now)
      // As at a reload: of a user who is gone nothing is left (features B12).
      if (standing === 'unknown') registry.close(session)
    }
    for (const { clientId, sessionNumber } of this.#nobodys) {
      this.#broker.log.write(
        'error',
        `Error: The stored session of ${escapeText(clientId)} belongs to nobody that the rules let in; it is dropped.`,
      )
      journal.recordSessionChange({ kind: 'remove-session', sessionNumber })
    }
    this.#messages.clear()
    this.#extras.clear()
    // What has ended meanwhile is gone before anybody comes and finds it.
    this.#broker.advance(this.#now)
  }

  #take(row: SessionRow): void {
    switch (row.kind) {
      case 'put-session':
        this.#takeSession(row)
        return
      case 'put-subscription':
        this.#takeSubscription(row)
        return
      case 'put-inbound':
        this.#sessionOf(row)?.inbound.restore(row.packetId)
        return
      case 'put-message':
        this.#takeMessage(row)
        return
      case 'put-queued':
        this.#takeQueued(row)
    }
  }

  #takeSession(row: PutSession): void {
    this.numbers.session = Math.max(this.numbers.session, row.sessionNumber)
    const source = this.#sources.find(row.principal, row.clientId)
    if (source === undefined) {
      if (!isSource(row.principal)) throw new RangeError('it does not say whose it is')
      this.#nobodys.push(row)
      return
    }
    const { principal, access } = source
    const session = new Session(row.clientId, principal, access, this.#broker.limitsOf(principal, access))
    session.expiryInterval = row.expiryInterval
    session.will = row.will && decodeWill(row.will.record, row.will.delay)
    session.disconnectedAt = row.disconnectedAt
    this.#sessions.set(row.sessionNumber, session)
    this.progress.sessions++
  }

  /** @returns undefined where nobody can have it; throws for one that was refused */
  #sessionOf({ sessionNumber }: Exclude<SessionRow, PutMessage>): Session | undefined {
    if (this.#unusable.has(sessionNumber)) throw new RangeError(ofUnusable)
    return this.#sessions.get(sessionNumber)
  }

  #takeSubscription(row: PutSubscription): void {
    const session = this.#sessionOf(row)
    if (session === undefined) return
    const parsed = parseTopicFilter(row.fullFilter)
    if ('fault' in parsed) throw new RangeError(parsed.fault)
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
    const message = restoredMessage(row, decodeForwarded(row.properties), row.expiresAt)
    message.recordId = row.messageId
    message.isRecordedApart = true
    this.#messages.set(row.messageId, message)
  }

  #takeQueued(row: PutQueued): void {
    this.numbers.sequence = Math.max(this.numbers.sequence, row.sequence)
    this.numbers.message = Math.max(this.numbers.message, row.messageId)
    if (this.#unusable.has(row.sessionNumber) && row.message === undefined) this.#orphans.add(row.messageId)
    const session = this.#sessionOf(row)
    if (session === undefined) return
    // Of a message that is stored apart as well, the row's own copy counts for nothing.
    const message = this.#messages.get(row.messageId) ?? ownMessage(row)
    this.progress.messages++
    if (message instanceof UnmadeDelivery) {
      session.outbound.restore(message, message.size, neverExpires, row.packetId, row.state)
      return
    }
    const { qos, retain, subscriptionIdentifiers, sequence } = row
    const delivery = { message, qos, retain, subscriptionIdentifiers, sequence }
    session.outbound.restore(delivery, message.size, message.expiresAt, row.packetId, row.state)
    message.recordedDeliveries++
  }

  #takeRetained(row: PutRetained): void {
    const { properties, access } = this.#extrasOf(row)
    const { topicName, expiresAt = neverExpires, keptUntil = neverExpires } = row
    const end = Math.min(expiresAt, keptUntil)
    const retained =
      end === neverExpires
        ? new UnmadeRetainedMessage(row, properties, access)
        : new Retained(restoredMessage(row, properties, expiresAt), access, end)
    this.#broker.retained.restore(topicName, retained)
    this.progress.retained++
  }

  /** Mostly a publisher's are all the same, and then the store gives out the same bytes for them. */
  #extrasOf({ publisher, properties: record }: PutRetained): RestoredExtras {
    const known = this.#extras.get(publisher)
    if (known?.record === record) return known
    const { source, properties } = decodeRetainedExtras(record)
    const access = this.#sources.find(source, publisher)?.access ?? ownerlessAccess(source)
    const extras = { record, properties, access }
    this.#extras.set(publisher, extras)
    return extras
  }
}

const ofUnusable = 'the session that it belongs to cannot be used'

/** @throws whatever is no fault of a record */
function reasonOf(error: unknown): string {
  if (error instanceof ProtocolError || error instanceof RangeError) return error.message
  throw error
}

/** The message that a row has itself: made when somebody asks for it, unless it has to be watched. */
function ownMessage(row: PutQueued): Message | UnmadeDelivery {
  const { messageId, message: stored } = row
  if (stored === undefined) throw new RangeError(`message ${messageId} cannot be read`)
  const properties = decodeForwarded(stored.properties)
  if (stored.expiresAt === undefined) return new UnmadeDelivery(row, stored, properties)
  const message = restoredMessage(stored, properties, stored.expiresAt)
  message.recordId = messageId
  return message
}
