// Writes down what has to survive the process: one batch of changes for each turn of the event loop, one commit at a time, and
// answers that wait until what they promise is safe (decision 4). The broker itself goes on from memory.

import type { Clock } from '../base/clock.ts'
import { assert } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { Timer, type TimerWheel } from '../base/timer-wheel.ts'
import { type Message, neverExpires } from '../session/message.ts'
import type { Delivery, Waiter } from '../session/outbound.ts'
import type { DeliveryState, SessionRecord } from '../session/record.ts'
import type { Session } from '../session/session.ts'
import type { Subscription } from '../session/subscription.ts'
import type { Transport } from '../session/transport.ts'
import type { RetainedChange, RetainedStore } from '../store/retained-store.ts'
import type { QueueState, SessionChange, SessionStore, StoredMessage } from '../store/session-store.ts'
import type { StoreError } from '../store/store-error.ts'
import { dropPassing, type GivenNumbers } from './passing-changes.ts'
import type { Retained } from './retained.ts'
import { encodeForwarded, encodeRetainedExtras, encodeWill } from './stored-form.ts'

/** The part of a store that the journal writes to. */
export interface JournalStore {
  readonly sessions: Pick<SessionStore, 'apply'>
  readonly retained: Pick<RetainedStore, 'apply'>
}

export interface JournalDeps {
  readonly store: JournalStore
  readonly log: Log
  readonly clock: Clock
  readonly wheel: TimerWheel
  /** What the machine says, for what a later process reads; without it the broker's clock is taken for that. */
  wallClock?(): number
  /** Has `commit` called at the end of this turn of the event loop. */
  afterTurn(journal: Journal): void
  /** The store takes nothing any more: what was acknowledged is safe, and nothing else can be acknowledged. */
  storeLost(error: StoreError): void
}

/** Changes that wait for the store, above which publishers wait with them. */
const mostWaitingChanges = 50_000
/** A message up to this size is stored in the row of its first delivery: mostly it is the only one. See `Message.size`. */
const mostBytesInRow = 1024
/** Milliseconds between two attempts to write what could not be written. */
const retryMs = 1000

/** Where the numbers of a restored store go on. */
export interface JournalNumbers {
  readonly session: number
  readonly message: number
  readonly sequence: number
}

export class Journal {
  readonly #deps: JournalDeps
  #sessionNumber: number
  #messageId: number
  #sequence: number
  /** The highest that were given out when the last commit began. */
  #committedNumbers: GivenNumbers
  #sessionChanges: SessionChange[] = []
  #retainedChanges: RetainedChange[] = []
  /** The batch that collects; those before it were handed over. */
  #open = 1
  /** Milliseconds; when the batch was handed over that is not safe yet. */
  committingSince: number | undefined = undefined
  #isScheduled = false
  /** Client ids whose session ended in the batch that collects, and in the one before. */
  #forgotten = new Set<string>()
  #forgottenBefore: ReadonlySet<string> = new Set()
  /** Transports whose answers wait. */
  readonly #held = new Set<Transport>()
  readonly #waiters = new Set<Waiter>()
  readonly #drained: (() => void)[] = []
  /** Counts the changes ever recorded: whether something was recorded meanwhile. */
  changes = 0
  /** Whether the last attempt to write failed, and the next one is due. */
  isFailing = false
  /** Counts the attempts to write that failed. */
  failures = 0

  /** @param numbers the highest that are in use */
  constructor(deps: JournalDeps, numbers: JournalNumbers = { session: 0, message: 0, sequence: 0 }) {
    this.#deps = deps
    this.#sessionNumber = numbers.session
    this.#messageId = numbers.message
    this.#sequence = numbers.sequence
    this.#committedNumbers = { message: numbers.message, sequence: numbers.sequence }
  }

  /** Whether more waits for the store than memory should hold. */
  get isBehind(): boolean {
    return this.waitingChanges >= mostWaitingChanges
  }

  /** Changes that the store was not handed yet. */
  get waitingChanges(): number {
    return this.#sessionChanges.length + this.#retainedChanges.length
  }

  /** Whether there is something to ask before it is given more. */
  get isStrained(): boolean {
    return this.isFailing || this.isBehind
  }

  /** Calls the waiter once, when what was recorded so far is safe. */
  awaitRoom(waiter: Waiter): void {
    this.#waiters.add(waiter)
  }

  stopWaiting(waiter: Waiter): void {
    this.#waiters.delete(waiter)
  }

  /** What is sent on this transport from now on leaves when all that was recorded so far is safe. */
  hold(transport: Transport): void {
    if (!this.#hasOpen && !this.#isCommitting) return
    transport.hold(this.#hasOpen ? this.#open : this.#open - 1)
    this.#held.add(transport)
  }

  /** Resolves when all that was recorded so far is safe. */
  drain(): Promise<void> {
    if (!this.#hasOpen && !this.#isCommitting) return Promise.resolve()
    return new Promise(resolve => this.#drained.push(resolve))
  }

  /** Records a session, from now on with every change of it, or forgets it when it ends with its connection. */
  recordSession(session: Session): void {
    if (session.endsWithConnection) {
      this.forgetSession(session)
      return
    }
    const record = this.#recordOf(session) ?? new RecordedSession(this, ++this.#sessionNumber)
    const { will, disconnectedAt } = session
    this.recordSessionChange({
      kind: 'put-session',
      sessionNumber: record.number,
      clientId: session.clientId,
      owner: session.owner,
      principal: session.access.source,
      expiryInterval: session.expiryInterval,
      disconnectedAt: disconnectedAt && this.#onTheWall(disconnectedAt),
      will: will && { delay: will.properties.willDelayInterval ?? 0, record: encodeWill(will) },
    })
    session.record = record
  }

  /** The session has ended, or ends with its connection from now on. */
  forgetSession(session: Session): void {
    const record = this.#recordOf(session)
    if (record === undefined) return
    session.record = undefined
    this.#forgotten.add(session.clientId)
    this.recordSessionChange({ kind: 'remove-session', sessionNumber: record.number })
  }

  /** Whether the client id had a session whose end is not safe yet: a crash now would bring it back. */
  isForgetting(clientId: string): boolean {
    return this.#forgotten.has(clientId) || this.#forgottenBefore.has(clientId)
  }

  /** A session that was loaded is recorded already. */
  adopt(session: Session, sessionNumber: number): void {
    session.adoptRecord(new RecordedSession(this, sessionNumber))
  }

  retain({ message, source, expiresAt }: Retained): void {
    if (source === undefined) return
    const properties = encodeRetainedExtras(source.source, message)
    const keptUntil = expiresAt === message.expiresAt ? undefined : this.#onTheWall(expiresAt)
    this.#retainedChanges.push({ kind: 'put-retained', ...this.#stored(message, properties), keptUntil })
    this.#changed()
  }

  unretain(topicName: string): void {
    this.#retainedChanges.push({ kind: 'remove-retained', topicName })
    this.#changed()
  }

  /** @internal for RecordedSession, as are those below */
  recordSessionChange(change: SessionChange): void {
    this.#sessionChanges.push(change)
    this.#changed()
  }

  nextSequence(): number {
    return ++this.#sequence
  }

  /** One more delivery of the message is recorded. */
  refer(message: Message): void {
    const isFirst = message.recordedDeliveries++ === 0
    if (isFirst) {
      message.hold()
      message.recordId = ++this.#messageId
    }
    if (message.isRecordedApart || (isFirst && message.size <= mostBytesInRow)) return
    message.isRecordedApart = true
    const stored = this.#stored(message, encodeForwarded(message))
    this.recordSessionChange({ kind: 'put-message', messageId: message.recordId, ...stored })
  }

  release(message: Message): void {
    message.recordedDeliveries--
    if (message.recordedDeliveries > 0) return
    if (message.isRecordedApart) this.recordSessionChange({ kind: 'remove-message', messageId: message.recordId })
    message.isRecordedApart = false
    message.recordId = 0
  }

  /** What the row of a delivery has of its message: all of it, unless that is stored apart. */
  messageForRow(message: Message): StoredMessage | undefined {
    if (message.isRecordedApart) return undefined
    return this.#stored(message, encodeForwarded(message))
  }

  #stored(message: Message, properties: Uint8Array): StoredMessage {
    const { topicName, qos, retain, publisher, payload, expiresAt } = message
    const expires = expiresAt === neverExpires ? undefined : this.#onTheWall(expiresAt)
    return { topicName, qos, retain, publisher, properties, payload, expiresAt: expires }
  }

  /** The next process begins with what the wall clock says then: a clock that was set meanwhile must not age anything. */
  #onTheWall(time: number): number {
    const { clock, wallClock } = this.#deps
    return wallClock === undefined ? time : time + wallClock() - clock.now()
  }

  #recordOf(session: Session): RecordedSession | undefined {
    const { record } = session
    assert(record === undefined || record instanceof RecordedSession, 'only the journal records sessions')
    return record
  }

  get #isCommitting(): boolean {
    return this.committingSince !== undefined
  }

  get #hasOpen(): boolean {
    return this.#sessionChanges.length > 0 || this.#retainedChanges.length > 0
  }

  #changed(): void {
    this.changes++
    if (this.#isScheduled || this.#isCommitting) return
    this.#isScheduled = true
    this.#deps.afterTurn(this)
  }

  /** For `afterTurn` alone. */
  commit(): void {
    this.#isScheduled = false
    const sessions = this.#sessionChanges
    const retained = this.#retainedChanges
    this.#sessionChanges = []
    this.#retainedChanges = []
    const last = { message: this.#messageId, sequence: this.#sequence }
    dropPassing(sessions, this.#committedNumbers, last)
    this.#committedNumbers = last
    this.#open++
    this.#forgottenBefore = this.#forgotten
    this.#forgotten = new Set()
    this.committingSince = this.#deps.clock.now()
    this.#write(sessions, retained)
  }

  #write(sessions: readonly SessionChange[], retained: readonly RetainedChange[]): void {
    const { store } = this.#deps
    const parts: Promise<void>[] = []
    if (sessions.length > 0) parts.push(store.sessions.apply(sessions))
    if (retained.length > 0) parts.push(store.retained.apply(retained))
    Promise.all(parts).then(
      () => this.#committed(),
      (error: StoreError) => this.#failed(error, sessions, retained),
    )
  }

  #committed(): void {
    if (this.isFailing) this.#deps.log.write('notice', 'The store takes changes again: nothing was lost.')
    this.isFailing = false
    this.committingSince = undefined
    this.#forgottenBefore = new Set()
    const reached = this.#open - 1
    if (this.#hasOpen) this.commit()
    for (const transport of this.#held) {
      transport.letGo(reached)
      if (!transport.isHolding) this.#held.delete(transport)
    }
    for (const waiter of this.#waiters) {
      this.#waiters.delete(waiter)
      waiter.roomAgain()
    }
    if (!this.#hasOpen && !this.#isCommitting) for (const resolve of this.#drained.splice(0)) resolve()
  }

  /** The same batch is written again until it is: batches are idempotent, and nothing overtakes it. */
  #failed(error: StoreError, sessions: readonly SessionChange[], retained: readonly RetainedChange[]): void {
    const { log, clock, wheel, storeLost } = this.#deps
    this.failures++
    if (!error.mayGoOn) {
      storeLost(error)
      return
    }
    if (!this.isFailing) {
      log.write(
        'error',
        `Error: The store cannot be written: ${error.message}. Until it can, nothing new that has to survive is accepted.`,
      )
    }
    this.isFailing = true
    wheel.set(new Timer(() => this.#write(sessions, retained)), clock.now() + retryMs)
  }
}

/** One session's changes. */
class RecordedSession implements SessionRecord {
  readonly number: number
  readonly #journal: Journal

  constructor(journal: Journal, number: number) {
    this.#journal = journal
    this.number = number
  }

  putDelivery(delivery: Delivery, packetId: number, state: DeliveryState): void {
    if (delivery.sequence === undefined || delivery.sequence === 0) {
      this.#journal.refer(delivery.message)
      delivery.sequence = this.#journal.nextSequence()
    }
    this.#put(delivery, delivery.sequence, packetId, state)
  }

  releaseDelivery(delivery: Delivery, packetId: number): void {
    this.#removeRow(delivery)
    delivery.sequence = this.#journal.nextSequence()
    this.#put(delivery, delivery.sequence, packetId, 'released')
  }

  removeDelivery(delivery: Delivery): void {
    if (delivery.sequence === undefined || delivery.sequence === 0) return
    this.#removeRow(delivery)
    delivery.sequence = 0
    this.#journal.release(delivery.message)
  }

  putSubscription(subscription: Subscription): void {
    const { qos, noLocal, retainAsPublished } = subscription
    this.#journal.recordSessionChange({
      kind: 'put-subscription',
      sessionNumber: this.number,
      fullFilter: subscription.fullFilter,
      options: qos | (noLocal ? noLocalBit : 0) | (retainAsPublished ? retainAsPublishedBit : 0),
      subscriptionIdentifier: subscription.identifier,
    })
  }

  removeSubscription({ fullFilter }: Subscription): void {
    this.#journal.recordSessionChange({ kind: 'remove-subscription', sessionNumber: this.number, fullFilter })
  }

  putInbound(packetId: number): void {
    this.#journal.recordSessionChange({ kind: 'put-inbound', sessionNumber: this.number, packetId })
  }

  removeInbound(packetId: number): void {
    this.#journal.recordSessionChange({ kind: 'remove-inbound', sessionNumber: this.number, packetId })
  }

  #put(
    { message, qos, retain, subscriptionIdentifiers }: Delivery,
    sequence: number,
    packetId: number,
    state: QueueState,
  ) {
    this.#journal.recordSessionChange({
      kind: 'put-queued',
      sequence,
      sessionNumber: this.number,
      messageId: message.recordId,
      message: this.#journal.messageForRow(message),
      qos,
      retain,
      subscriptionIdentifiers,
      packetId,
      state,
    })
  }

  #removeRow({ sequence = 0 }: Delivery): void {
    this.#journal.recordSessionChange({ kind: 'remove-queued', sequence })
  }
}

/** Bits of the options byte of SUBSCRIBE (§3.8.3.1). */
export const noLocalBit = 0x04
export const retainAsPublishedBit = 0x08
