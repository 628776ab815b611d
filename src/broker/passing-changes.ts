// What comes and goes within one batch need never be written: a message that its subscriber has acknowledged before the
// commit began, which is most of them when subscribers are connected.

import type { SessionChange } from '../store/session-store.ts'

/** The highest numbers that were given out. */
export interface GivenNumbers {
  readonly message: number
  readonly sequence: number
}

/**
 * Takes rows and messages that are both put and removed out of a batch. Numbers only grow: what has one above `before` was
 * first put in this batch.
 *
 * @param before when the batch was begun
 * @param last now
 */
export function dropPassing(changes: SessionChange[], before: GivenNumbers, last: GivenNumbers): void {
  const messages = new Uint8Array(last.message - before.message)
  const rows = new Uint8Array(last.sequence - before.sequence)
  let isAnyPassing = false
  for (const change of changes) {
    if (change.kind === 'remove-queued' && change.sequence > before.sequence) {
      rows[change.sequence - before.sequence - 1] = 1
      isAnyPassing = true
    } else if (change.kind === 'remove-message' && change.messageId > before.message) {
      messages[change.messageId - before.message - 1] = 1
    }
  }
  if (!isAnyPassing) return
  let kept = 0
  for (const change of changes) if (!isPassing(change)) changes[kept++] = change
  changes.length = kept

  function isPassing(change: SessionChange): boolean {
    switch (change.kind) {
      case 'put-queued':
      case 'remove-queued':
        return rows[change.sequence - before.sequence - 1] === 1
      case 'put-message':
      case 'remove-message':
        return messages[change.messageId - before.message - 1] === 1
      default:
        return false
    }
  }
}
