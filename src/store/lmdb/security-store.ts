// Control data in the engine's table; all of it is in memory too, and that is what questions are answered from.

import { copyChanges, DocumentIndex } from '../document-index.ts'
import { textKey } from '../keys.ts'
import { decodeNumber, encodeDocument, encodeNumber, recordKind } from '../record-codec.ts'
import type { SecurityChange, SecurityDelta, SecurityDocument, SecurityStore } from '../security-store.ts'
import type { CommitQueue } from './commit-queue.ts'
import type { Environment } from './environment.ts'
import { type Findings, readPages } from './pages.ts'
import { documentRows } from './tables.ts'

const headKey = textKey('head')

export class LmdbSecurityStore implements SecurityStore {
  readonly #environment: Environment
  readonly #queue: CommitQueue
  readonly #index: DocumentIndex
  /** The version that was given out last; one whose changes failed is left out. */
  #last: number

  constructor(environment: Environment, queue: CommitQueue, index: DocumentIndex) {
    this.#environment = environment
    this.#queue = queue
    this.#index = index
    this.#last = index.head
  }

  head(): number {
    return this.#index.head
  }

  async mutate(changes: readonly SecurityChange[]): Promise<number> {
    const version = ++this.#last
    const copied = copyChanges(changes)
    await this.#queue.apply([undefined, ...copied], change => this.#add(change, version))
    this.#index.apply(copied, version)
    return version
  }

  load(): { readonly version: number; readonly documents: readonly SecurityDocument[] } {
    return this.#index.load()
  }

  since(version: number): SecurityDelta | undefined {
    return this.#index.since(version)
  }

  /** @param change undefined for the head itself */
  #add(change: SecurityChange | undefined, version: number): void {
    const { documents, meta } = this.#environment
    if (change === undefined) this.#queue.put(meta, headKey, encodeNumber(recordKind.head, version))
    else if (change.kind === 'put-document') {
      this.#queue.put(documents, textKey(change.name), encodeDocument({ ...change, version }))
    } else this.#queue.remove(documents, textKey(change.name))
  }
}

/** Reads all documents. */
export async function readDocuments(environment: Environment, findings: Findings): Promise<DocumentIndex> {
  const documents: SecurityDocument[] = []
  for await (const page of readPages(environment, documentRows, findings)) documents.push(...page)
  const record = environment.meta.get(headKey)
  const head = record === undefined ? 0 : decodeNumber(recordKind.head, record)
  return new DocumentIndex(documents, head)
}
