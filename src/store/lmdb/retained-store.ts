// Retained messages in the engine's table, by topic.

import { textKey } from '../keys.ts'
import { encodeRetained } from '../record-codec.ts'
import type { PutRetained, RetainedChange, RetainedStore } from '../retained-store.ts'
import type { RefusedRow } from '../session-store.ts'
import type { StoreFault } from '../store.ts'
import type { CommitQueue } from './commit-queue.ts'
import type { Environment } from './environment.ts'
import { readPages } from './pages.ts'
import { Repair } from './repair.ts'
import { retainedRows } from './tables.ts'

export class LmdbRetainedStore implements RetainedStore {
  readonly #environment: Environment
  readonly #queue: CommitQueue
  readonly #onFault: ((fault: StoreFault) => void) | undefined
  readonly #add = (change: RetainedChange): void => this.#addChange(change)

  constructor(environment: Environment, queue: CommitQueue, onFault: ((fault: StoreFault) => void) | undefined) {
    this.#environment = environment
    this.#queue = queue
    this.#onFault = onFault
  }

  apply(changes: readonly RetainedChange[]): Promise<void> {
    return this.#queue.apply(changes, this.#add)
  }

  async *load(): AsyncIterable<readonly PutRetained[]> {
    const repair = new Repair(this.#environment, this.#onFault)
    yield* readPages(this.#environment, retainedRows, repair)
    await repair.carryOut(this.#queue)
  }

  setAside(refused: readonly RefusedRow<PutRetained>[]): Promise<void> {
    const repair = new Repair(this.#environment, this.#onFault)
    for (const { row, why } of refused) repair.refused('retained', textKey(row.topicName), why)
    return repair.carryOut(this.#queue)
  }

  #addChange(change: RetainedChange): void {
    const key = textKey(change.topicName)
    if (change.kind === 'put-retained') this.#queue.put(this.#environment.retained, key, encodeRetained(change))
    else this.#queue.remove(this.#environment.retained, key)
  }
}
