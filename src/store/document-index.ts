// The control data of one process: its documents, and enough of the past to tell what changed since a version.

import { removalsRemembered, type SecurityChange, type SecurityDelta, type SecurityDocument } from './security-store.ts'

export class DocumentIndex {
  readonly #documents = new Map<string, SecurityDocument>()
  /** The versions of removals. */
  readonly #removed = new Map<string, number>()
  #head: number
  /** Since when all removals are known. */
  #knownSince: number

  constructor(documents: Iterable<SecurityDocument> = [], head = 0) {
    this.#head = head
    this.#knownSince = head
    for (const document of documents) this.#documents.set(document.name, document)
  }

  get head(): number {
    return this.#head
  }

  /** @param changes whose bytes are not changed any more */
  apply(changes: readonly SecurityChange[], version: number): void {
    this.#head = version
    for (const change of changes) {
      if (change.kind === 'put-document') {
        this.#removed.delete(change.name)
        this.#documents.set(change.name, { name: change.name, body: change.body, version })
      } else if (this.#documents.delete(change.name)) {
        this.#removed.set(change.name, version)
      }
    }
    if (this.#removed.size <= removalsRemembered) return
    this.#removed.clear()
    this.#knownSince = version
  }

  load(): { readonly version: number; readonly documents: readonly SecurityDocument[] } {
    return { version: this.#head, documents: [...this.#documents.values()] }
  }

  since(version: number): SecurityDelta | undefined {
    if (version < this.#knownSince) return undefined
    const changes: SecurityChange[] = []
    for (const { name, body, version: at } of this.#documents.values()) {
      if (at > version) changes.push({ kind: 'put-document', name, body })
    }
    for (const [name, at] of this.#removed) if (at > version) changes.push({ kind: 'remove-document', name })
    return { version: this.#head, changes }
  }
}

/** The same changes with bytes of their own. */
export function copyChanges(changes: readonly SecurityChange[]): SecurityChange[] {
  return changes.map(change => (change.kind === 'put-document' ? { ...change, body: change.body.slice() } : change))
}
