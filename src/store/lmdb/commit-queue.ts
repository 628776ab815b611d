// Group commit: what is applied while a commit is under way is collected, and becomes the next one. Batches become durable
// in the order they came; when one fails, all that wait behind it fail with it, so that no later one is ever without an
// earlier one.

import type { RootDatabase } from 'lmdb'
import type { Key } from '../keys.ts'
import { StoreError } from '../store-error.ts'
import { commitFailure } from './commit-failure.ts'
import { lackOfRoom } from './disk-room.ts'
import type { Table } from './environment.ts'

/** What is needed of the engine: all that `write` puts and removes becomes one transaction. */
export type Batcher = Pick<RootDatabase, 'batch'>

/** Changes to tables, side by side in three lists: no object is made for each. */
class Operations {
  readonly tables: Table[] = []
  readonly keys: Key[] = []
  /** undefined removes. */
  readonly records: (Buffer | undefined)[] = []
  /** Of all records. */
  bytes = 0

  get length(): number {
    return this.tables.length
  }

  /** Forgets all but the first `length`. */
  truncate(length: number): void {
    this.tables.length = length
    this.keys.length = length
    for (const record of this.records.splice(length)) this.bytes -= record?.length ?? 0
  }
}

interface Group extends PromiseWithResolvers<void> {
  readonly operations: Operations
}

const alreadyDone = Promise.resolve()

export class CommitQueue {
  readonly #root: Batcher
  readonly #directory: string
  /** Where failures go when nobody waits for a commit. */
  readonly #onError: ((error: StoreError) => void) | undefined
  #collecting: Group | undefined
  #committing: Group | undefined
  /** Why nothing more is taken. */
  #refusal: StoreError | undefined

  readonly #lackOfRoom: typeof lackOfRoom

  /**
   * @param onError given, nobody waits: `apply` is done at once
   * @param lack looks at the disk
   */
  constructor(
    root: Batcher,
    directory: string,
    onError: ((error: StoreError) => void) | undefined,
    lack: typeof lackOfRoom = lackOfRoom,
  ) {
    this.#lackOfRoom = lack
    this.#root = root
    this.#directory = directory
    this.#onError = onError
  }

  /** Changes whose commit has not begun. */
  get waiting(): number {
    return this.#collecting?.operations.length ?? 0
  }

  /**
   * Adds a batch to the group that is being collected.
   *
   * @param add calls `put` and `remove` for one change; when it throws, nothing of the batch is done
   */
  apply<Change>(changes: readonly Change[], add: (change: Change) => void): Promise<void> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal)
    if (changes.length === 0) return alreadyDone
    const group = this.#group()
    const before = group.operations.length
    try {
      for (const change of changes) add(change)
    } catch (error) {
      group.operations.truncate(before)
      return Promise.reject(error)
    }
    return this.#onError === undefined ? group.promise : alreadyDone
  }

  /** For `add` alone. @param record a view that is never written again */
  put(table: Table, key: Key, record: Buffer): void {
    this.#add(table, key, record)
  }

  remove(table: Table, key: Key): void {
    this.#add(table, key, undefined)
  }

  #add(table: Table, key: Key, record: Buffer | undefined): void {
    const { operations } = this.#group()
    operations.tables.push(table)
    operations.keys.push(key)
    operations.records.push(record)
    operations.bytes += record?.length ?? 0
  }

  /** Refuses what comes from now on. @returns when nothing is under way any more */
  async close(): Promise<void> {
    this.#refusal ??= new StoreError('ERR_STORE_CLOSED', 'the store is closed')
    while (this.#committing !== undefined || this.#collecting !== undefined) {
      await (this.#committing ?? this.#collecting)?.promise.catch(() => undefined)
    }
  }

  #group(): Group {
    if (this.#collecting === undefined) {
      this.#collecting = { ...Promise.withResolvers<void>(), operations: new Operations() }
      if (this.#onError !== undefined) this.#collecting.promise.catch(this.#onError)
      // Not now: another store may be handed its share of this turn right after.
      if (this.#committing === undefined) queueMicrotask(() => this.#commit())
    }
    return this.#collecting
  }

  #commit(): void {
    const group = this.#collecting
    this.#collecting = undefined
    if (group === undefined) return
    if (group.operations.length === 0) {
      group.resolve()
      return
    }
    this.#committing = group
    this.#write(group.operations).then(
      () => this.#settle(group),
      error => this.#fail(group, error),
    )
  }

  #write({ tables, keys, records, bytes }: Operations): Promise<unknown> {
    const lack = this.#lackOfRoom(this.#directory, tables.length, bytes)
    if (lack !== undefined) return Promise.reject(lack)
    return this.#root.batch(() => {
      for (let index = 0; index < tables.length; index++) {
        const table = tables[index] as { put(key: unknown, record: Buffer): void; remove(key: unknown): void }
        const record = records[index]
        if (record === undefined) table.remove(keys[index])
        else table.put(keys[index], record)
      }
    })
  }

  #settle(group: Group): void {
    this.#committing = undefined
    group.resolve()
    if (this.#collecting !== undefined) this.#commit()
  }

  async #fail(group: Group, error: unknown): Promise<void> {
    const failure = error instanceof StoreError ? error : await commitFailure(error, this.#directory)
    const behind = this.#collecting
    this.#collecting = undefined
    this.#committing = undefined
    if (!failure.mayGoOn) this.#refusal ??= failure
    group.reject(failure)
    behind?.reject(failure)
  }
}
