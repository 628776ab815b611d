// What is done with records that a scan found wrong or dead: wrong ones are reported and copied to the quarantine before
// they are removed, so that nothing disappears in silence.

import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Database } from 'lmdb'
import { hexKey, type Key } from '../keys.ts'
import type { StoreFault, StoreTable } from '../store.ts'
import type { CommitQueue } from './commit-queue.ts'
import type { Environment } from './environment.ts'
import { copyOf, type Findings, type WrongRecord } from './pages.ts'

/** JSON Lines: `{"table", "key" (hex), "why", "record" (base64)}`. */
export const quarantineFileName = 'quarantine.jsonl'

const batchRows = 1000

export class Repair implements Findings {
  readonly #environment: Environment
  readonly #onFault: ((fault: StoreFault) => void) | undefined
  #wrong: WrongRecord[] = []
  readonly #removals: { readonly name: StoreTable; readonly key: Key }[] = []

  constructor(environment: Environment, onFault: ((fault: StoreFault) => void) | undefined) {
    this.#environment = environment
    this.#onFault = onFault
  }

  wrong(found: WrongRecord): void {
    const { name, key, why } = found
    this.#onFault?.({ table: name, key: hexKey(key), why })
    this.#wrong.push(found)
    this.#removals.push(found)
  }

  /** A row that was read, and that its reader has no use for. */
  refused(name: StoreTable, key: Key, why: string): void {
    const record = (this.#environment[name] as Database<Buffer, Key>).get(key)
    if (record !== undefined) this.wrong({ name, key, record: copyOf(record), why })
  }

  dead(name: StoreTable, key: Key): void {
    this.#removals.push({ name, key })
  }

  /** @throws {StoreError} as a rejection; the quarantine's file system errors as they are */
  async carryOut(queue: CommitQueue): Promise<void> {
    if (this.#wrong.length > 0) this.#setAside()
    for (let start = 0; start < this.#removals.length; start += batchRows) {
      const batch = this.#removals.slice(start, start + batchRows)
      await queue.apply(batch, ({ name, key }) => queue.remove(this.#environment[name], key))
    }
  }

  #setAside(): void {
    const descriptor = openSync(join(this.#environment.directory, quarantineFileName), 'a', 0o600)
    try {
      for (const { name, key, why, record } of this.#wrong) {
        const line = { table: name, key: hexKey(key), why, record: record.toString('base64') }
        writeSync(descriptor, `${JSON.stringify(line)}\n`)
      }
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    this.#wrong = []
  }
}
