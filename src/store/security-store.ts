// Control data (users, roles, revocations) as documents under one growing version. They are few, and held in memory whole.

/** Sets a document. */
export interface PutDocument {
  readonly kind: 'put-document'
  /** Not empty; at most 65535 bytes of UTF-8. */
  readonly name: string
  /** The owner's own encoding. */
  readonly body: Uint8Array
}

export interface RemoveDocument {
  readonly kind: 'remove-document'
  readonly name: string
}

export type SecurityChange = PutDocument | RemoveDocument

/** A document with the version that set it. */
export interface SecurityDocument {
  readonly name: string
  readonly body: Uint8Array
  readonly version: number
}

/** What happened since some version: applied to the documents of then, they are those of `version`. */
export interface SecurityDelta {
  readonly version: number
  /** Of each document the last change, in no promised order. */
  readonly changes: readonly SecurityChange[]
}

export interface SecurityStore {
  /** The version of the last durable change; 0 before the first. */
  head(): number
  /**
   * Makes one version of all changes; all of them or none take effect. `head`, `load` and `since` tell of it once it is
   * durable.
   *
   * @returns that version
   * @throws {StoreError} as a rejection
   */
  mutate(changes: readonly SecurityChange[]): Promise<number>
  load(): { readonly version: number; readonly documents: readonly SecurityDocument[] }
  /**
   * @returns undefined where the removals since then are not known, those before this process or too many ago
   * (`removalsRemembered`): `load` then
   */
  since(version: number): SecurityDelta | undefined
}

/** The most removals that `since` tells of. */
export const removalsRemembered = 10_000
