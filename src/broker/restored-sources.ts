// Reads who opened sessions and retained messages once for each of them, not once for each message: of messages there are
// millions.

import type { ListenerContext } from './listener-context.ts'
import { type RestoredSource, restoreSource } from './source-record.ts'

export class RestoredSources {
  readonly #listeners: readonly ListenerContext[]
  readonly #known = new Map<string, RestoredSource | undefined>()

  constructor(listeners: readonly ListenerContext[]) {
    this.#listeners = listeners
  }

  /** As `restoreSource`; the same for the same record and client. */
  find(record: Uint8Array, clientId: string): RestoredSource | undefined {
    // Where the record ends is told by its length: neither part can pretend to be of the other.
    const key = `${record.length} ${latin1(record)}${clientId}`
    const known = this.#known.get(key)
    if (known !== undefined || this.#known.has(key)) return known
    const source = restoreSource(record, clientId, this.#listeners)
    this.#known.set(key, source)
    return source
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.prototype.latin1Slice.call(bytes, 0, bytes.length)
}
