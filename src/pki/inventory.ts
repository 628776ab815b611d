// Every certificate that an authority issued, and what became of it: the journal, told as a state.

import type { CrlEvent, IssuedEvent, JournalEvent } from './journal.ts'
import { lookAlikeKey } from './name-rules.ts'
import type { RevocationReason } from './revocation-reasons.ts'

export interface CertificateRecord extends IssuedEvent {
  /** Absent while nobody revoked it. */
  readonly revocation?: { readonly at: number; readonly reason: RevocationReason }
}

export type CertificateState = 'valid' | 'expired' | 'revoked' | 'held'

export function stateOf({ revocation, notAfter }: CertificateRecord, now: number): CertificateState {
  if (revocation !== undefined) return revocation.reason === 'certificateHold' ? 'held' : 'revoked'
  return notAfter < now ? 'expired' : 'valid'
}

export class Inventory {
  readonly #records = new Map<string, CertificateRecord>()
  readonly #byLookAlike = new Map<string, Set<string>>()
  readonly #compromisedKeys = new Set<string>()
  readonly #crls = new Map<string, CrlEvent>()

  /** How many events were taken in: a cached answer is as old as this was then. */
  changes = 0

  get size(): number {
    return this.#records.size
  }

  apply(event: JournalEvent): void {
    this.changes++
    switch (event.event) {
      case 'issued':
        this.#add(event)
        return
      case 'revoked': {
        const record = this.find(event.issuer, event.serial)
        if (record === undefined) return
        const { at, reason } = event
        this.#set({ ...record, revocation: { at, reason } })
        if (reason === 'keyCompromise') this.#compromisedKeys.add(record.key)
        return
      }
      case 'released': {
        const record = this.find(event.issuer, event.serial)
        if (record === undefined) return
        const { revocation: _ended, ...rest } = record
        this.#set(rest)
        return
      }
      case 'crl':
        this.#crls.set(event.issuer, event)
    }
  }

  find(issuer: string, serial: string): CertificateRecord | undefined {
    return this.#records.get(`${issuer} ${serial}`)
  }

  all(): IterableIterator<CertificateRecord> {
    return this.#records.values()
  }

  /** Those whose name is the same, or looks the same. */
  *lookingLike(name: string): Generator<CertificateRecord> {
    for (const key of this.#byLookAlike.get(lookAlikeKey(name)) ?? []) yield this.#records.get(key)!
  }

  /** Of one authority. */
  *revokedBy(issuer: string): Generator<CertificateRecord> {
    for (const record of this.#records.values()) {
      if (record.issuer === issuer && record.revocation !== undefined) yield record
    }
  }

  isCompromised(key: string): boolean {
    return this.#compromisedKeys.has(key)
  }

  lastCrl(issuer: string): CrlEvent | undefined {
    return this.#crls.get(issuer)
  }

  #add(event: IssuedEvent): void {
    this.#set(event)
    const alike = lookAlikeKey(event.name)
    const key = keyOf(event)
    const known = this.#byLookAlike.get(alike)
    if (known === undefined) this.#byLookAlike.set(alike, new Set([key]))
    else known.add(key)
  }

  #set(record: CertificateRecord): void {
    this.#records.set(keyOf(record), record)
  }
}

function keyOf({ issuer, serial }: { readonly issuer: string; readonly serial: string }): string {
  return `${issuer} ${serial}`
}
