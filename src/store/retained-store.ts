// What of the retained messages survives the process: one per topic, the latest (§3.3.1.3).

import type { RefusedRow, StoredMessage } from './session-store.ts'

/** Sets a topic's message. */
export interface PutRetained extends StoredMessage {
  readonly kind: 'put-retained'
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
