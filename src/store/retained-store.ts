// What of the retained messages survives the process: one per topic, the latest (§3.3.1.3).

import type { RefusedRow, StoredMessage } from './session-store.ts'

/** Sets a topic's message; its own expiry is told to whoever gets it. */
export interface PutRetained extends StoredMessage {
  readonly kind: 'put-retained'
  /** Until when the broker keeps it, where that ends before the message does; milliseconds on the wall clock. */
  readonly keptUntil: number | undefined
}

export interface RemoveRetained {
  readonly kind: 'remove-retained'
  readonly topicName: string
}

export type RetainedChange = PutRetained | RemoveRetained

export interface RetainedStore {
  /** As `SessionStore.apply`; one commit with what that store is handed in the same turn. */
  apply(changes: readonly RetainedChange[]): Promise<void>
  /** Everything there is, in pages, in no promised order; as `SessionStore.load`. */
  load(): AsyncIterable<readonly PutRetained[]>
  /** As `SessionStore.setAside`. */
  setAside(refused: readonly RefusedRow<PutRetained>[]): Promise<void>
}
