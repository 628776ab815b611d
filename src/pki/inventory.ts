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
  /** The last list of each authority, complete or delta: their numbers are one sequence (RFC 5280 §5.2.3). */
  readonly #lastLists = new Map<string, CrlEvent>()
  /** Authorities with revocations or releases that no list tells of yet. */
  readonly #unpublished = new Set<string>()
  /** Serial numbers that were revoked or released since the last complete list, by authority. */
  readonly #changedSince = new Map<string, Set<string>>()

  get size(): number {
    return this.#records.size
  }

  apply(event: JournalEvent): void {
    switch (event.event) {
      case 'issued':
        this.#add(event)
        return
      case 'revoked': {
        const record = this.find(event.issuer, event.serial)
        if (record === undefined) return
        const { at, reason } = event
        this.#set({ ...record, revocation: { at, reason } })
        this.#noteChange(event.issuer, event.serial)
        if (reason === 'keyCompromise') this.#compromisedKeys.add(record.key)
        return
      }
      case 'released': {
        const record = this.find(event.issuer, event.serial)
        if (record === undefined) return
        const { revocation: _ended, ...rest } = record
        this.#set(rest)
        this.#noteChange(event.issuer, event.serial)
        return
      }
      case 'crl':
        this.#lastLists.set(event.issuer, event)
        this.#unpublished.delete(event.issuer)
        if (event.base !== undefined) return
        this.#crls.set(event.issuer, event)
        this.#changedSince.delete(event.issuer)
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

  /** The last complete list. */
  lastCrl(issuer: string): CrlEvent | undefined {
    return this.#crls.get(issuer)
  }

  /** Complete or delta. */
  lastList(issuer: string): CrlEvent | undefined {
    return this.#lastLists.get(issuer)
  }

  /** Of the last list; 0 before the first. */
  lastCrlNumber(issuer: string): number {
    return this.#lastLists.get(issuer)?.number ?? 0
  }

  /** Whether something was revoked or released since the last list: the key was locked, or the process was killed. */
  hasUnpublished(issuer: string): boolean {
    return this.#unpublished.has(issuer)
  }

  /** Those of an authority whose revocation has changed since its last complete list. */
  *changedSinceCrl(issuer: string): Generator<CertificateRecord> {
    for (const serial of this.#changedSince.get(issuer) ?? []) {
      const record = this.find(issuer, serial)
      if (record !== undefined) yield record
    }
  }

  #noteChange(issuer: string, serial: string): void {
    this.#unpublished.add(issuer)
    const known = this.#changedSince.get(issuer)
    if (known === undefined) this.#changedSince.set(issuer, new Set([serial]))
    else known.add(serial)
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
