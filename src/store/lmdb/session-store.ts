// Sessions in the engine's tables.

import { never } from '../../base/errors.ts'
import { inboundKey, sequenceKey, sessionKey, subscriptionKey } from '../keys.ts'
import { encodeInbound, encodeMessage, encodeQueued, encodeSession, encodeSubscription } from '../record-codec.ts'
import type { RefusedRow, SessionChange, SessionRow, SessionStore } from '../session-store.ts'
import type { StoreFault } from '../store.ts'
import type { CommitQueue } from './commit-queue.ts'
import type { Environment } from './environment.ts'
import { Repair } from './repair.ts'
import { scanSessions } from './session-scan.ts'
import { sessionTables } from './tables.ts'

export class LmdbSessionStore implements SessionStore {
  readonly #environment: Environment
  readonly #queue: CommitQueue
  readonly #onFault: ((fault: StoreFault) => void) | undefined
  readonly #add = (change: SessionChange): void => this.#addChange(change)

  constructor(environment: Environment, queue: CommitQueue, onFault: ((fault: StoreFault) => void) | undefined) {
    this.#environment = environment
    this.#queue = queue
    this.#onFault = onFault
  }

  apply(changes: readonly SessionChange[]): Promise<void> {
    return this.#queue.apply(changes, this.#add)
  }

  async *load(): AsyncIterable<readonly SessionRow[]> {
    const repair = new Repair(this.#environment, this.#onFault)
    yield* scanSessions(this.#environment, repair)
    await repair.carryOut(this.#queue)
  }

  setAside(refused: readonly RefusedRow<SessionRow>[]): Promise<void> {
    const repair = new Repair(this.#environment, this.#onFault)
    for (const { row, why } of refused) {
      const { name, keyOf } = sessionTables[row.kind]
      repair.refused(name, keyOf(row as never), why)
    }
    return repair.carryOut(this.#queue)
  }

  #addChange(change: SessionChange): void {
    const queue = this.#queue
    const { sessions, subscriptions, inbound, messages, queue: rows } = this.#environment
    switch (change.kind) {
      case 'put-message':
        queue.put(messages, sequenceKey(change.messageId), encodeMessage(change))
        break
      case 'put-queued':
        queue.put(rows, sequenceKey(change.sequence), encodeQueued(change))
        break
      case 'remove-queued':
        queue.remove(rows, sequenceKey(change.sequence))
        break
      case 'remove-message':
        queue.remove(messages, sequenceKey(change.messageId))
        break
      case 'put-inbound':
        queue.put(inbound, inboundKey(change.sessionNumber, change.packetId), encodeInbound(change))
        break
      case 'remove-inbound':
        queue.remove(inbound, inboundKey(change.sessionNumber, change.packetId))
        break
      case 'put-subscription':
        queue.put(subscriptions, subscriptionKey(change.sessionNumber, change.fullFilter), encodeSubscription(change))
        break
      case 'remove-subscription':
        queue.remove(subscriptions, subscriptionKey(change.sessionNumber, change.fullFilter))
        break
      case 'put-session':
        queue.put(sessions, sessionKey(change.sessionNumber), encodeSession(change))
        break
      case 'remove-session':
        queue.remove(sessions, sessionKey(change.sessionNumber))
        break
      default:
        never(change)
    }
  }
}
