// Which certificates are revoked, from all lists together: the newest of each scope, and what delta lists have changed since
// (RFC 5280 §5.2.4, §6.3). One look-up in a map and one in a table, however many are revoked.

import { type RevocationList, removeFromList } from './revocation-list.ts'

export type Finding =
  | { readonly kind: 'good' }
  | { readonly kind: 'revoked'; readonly reason: number }
  /** The list that would tell has passed its nextUpdate, and the time for which it may still be used. */
  | { readonly kind: 'expired' }
  /** No list of this issuer speaks of such certificates. */
  | { readonly kind: 'unlisted' }

/** A certificate as lists are asked about it. */
export interface ListedCertificate {
  /** As `serialBytes` makes it. */
  readonly serial: Uint8Array
  /** What it calls its lists, as `listNames` reads it. */
  readonly listNames: readonly string[]
}

const good: Finding = { kind: 'good' }
const expired: Finding = { kind: 'expired' }
const unlisted: Finding = { kind: 'unlisted' }

interface Scope {
  readonly full: RevocationList
  /** Newer than the full list. */
  readonly delta: RevocationList | undefined
}

export class RevocationIndex {
  /** By the key that has signed. */
  readonly #scopes = new Map<string, Scope[]>()
  /** What was left out, and why, for the log. */
  readonly remarks: readonly string[]
  /** Those that are used. */
  readonly lists: readonly RevocationList[]

  /**
   * @param lists with a verified signature; others are left out
   * @param before those that were in force until now: none gives way to an older one of its scope, or to one of which
   *   nobody knows who has signed it
   */
  constructor(lists: readonly RevocationList[], before: readonly RevocationList[] = []) {
    const remarks: string[] = []
    const verified = lists.filter(({ signer }) => signer !== undefined)
    const signers = new Set(verified.filter(isFull).map(({ signer }) => signer))
    const staying = before.filter(({ signer }) => !signers.has(signer))
    for (const list of staying.filter(isFull)) {
      remarks.push(`no list of ${list.issuerText} counts any more; the one in force (${describeNumber(list)}) goes on`)
    }
    const known = [...verified, ...staying]
    const fulls = newest(known.filter(isFull), before.filter(isFull), remarks)
    const deltas = newest(
      known.filter(list => !isFull(list)),
      before.filter(list => !isFull(list)),
      remarks,
    )
    for (const [key, full] of fulls) this.#add(full, usableDelta(full, deltas.get(key), remarks))
    this.lists = [...this.#scopes.values()].flat().flatMap(({ full, delta }) => (delta ? [full, delta] : [full]))
    this.remarks = remarks
  }

  /** Revoked serial numbers, of all lists. */
  get size(): number {
    return this.lists.reduce((sum, { entries }) => sum + entries.size, 0)
  }

  get byteLength(): number {
    return this.lists.reduce((sum, { entries }) => sum + entries.byteLength, 0)
  }

  /** When what is known of each scope ends, where its lists say so; `list` is the one by which it is so late. */
  get ends(): readonly { readonly list: RevocationList; readonly end: number }[] {
    return [...this.#scopes.values()].flat().flatMap(scope => {
      const { full, delta } = scope
      const end = endOf(scope)
      return end === undefined ? [] : [{ list: end === full.nextUpdate ? full : (delta ?? full), end }]
    })
  }

  /** Whether a list of this issuer is used. */
  knows(issuerKeyId: string): boolean {
    return this.#scopes.has(issuerKeyId)
  }

  /**
   * @param issuerKeyId of whoever issued the certificate
   * @param isAuthority whether it is an authority's
   * @param now milliseconds since the epoch
   * @param graceMs for how long a list is used after its nextUpdate
   */
  find(
    issuerKeyId: string,
    { serial, listNames }: ListedCertificate,
    isAuthority: boolean,
    now: number,
    graceMs: number,
  ): Finding {
    const scopes = this.#scopes.get(issuerKeyId)
    if (scopes === undefined) return unlisted
    let finding = unlisted
    for (const scope of scopes) {
      const { full, delta } = scope
      if (full.covers === (isAuthority ? 'users' : 'authorities')) continue
      if (full.names?.some(name => listNames.includes(name)) === false) continue
      const reason = delta?.entries.find(serial) ?? full.entries.find(serial)
      if (reason !== undefined && reason !== removeFromList) return { kind: 'revoked', reason }
      if (hasEnded(scope, now, graceMs)) finding = expired
      else if (finding === unlisted) finding = good
    }
    return finding
  }

  #add(full: RevocationList, delta: RevocationList | undefined): void {
    const signer = full.signer as string
    const scopes = this.#scopes.get(signer)
    if (scopes === undefined) this.#scopes.set(signer, [{ full, delta }])
    else scopes.push({ full, delta })
  }
}

/** When a list ends, with the delta list that goes on from it; undefined when it does not say. */
function endOf({ full, delta }: Scope): number | undefined {
  if (full.nextUpdate === undefined || delta?.nextUpdate === undefined || !goesOn(full, delta)) return full.nextUpdate
  return Math.max(full.nextUpdate, delta.nextUpdate)
}

/** RFC 5280 §5.3.1, for people. */
export function reasonText(reason: number): string {
  return reasons[reason] ?? `reason ${reason}`
}

const reasons = [
  'unspecified',
  'key compromise',
  'CA compromise',
  'affiliation changed',
  'superseded',
  'cessation of operation',
  'certificate hold',
  undefined,
  'remove from CRL',
  'privilege withdrawn',
  'AA compromise',
]

function hasEnded(scope: Scope, now: number, graceMs: number): boolean {
  const end = endOf(scope)
  return end !== undefined && now > end + graceMs
}

function isFull({ deltaBase }: RevocationList): boolean {
  return deltaBase === undefined
}

function keyOf({ signer, scope }: RevocationList): string {
  return `${signer} ${scope}`
}

function newest(
  lists: readonly RevocationList[],
  before: readonly RevocationList[],
  remarks: string[],
): ReadonlyMap<string, RevocationList> {
  const found = new Map<string, RevocationList>()
  for (const list of lists) {
    const other = found.get(keyOf(list))
    if (other === undefined || isNewer(list, other)) found.set(keyOf(list), list)
  }
  for (const earlier of before) {
    const list = found.get(keyOf(earlier))
    if (list === undefined || !isNewer(earlier, list)) continue
    remarks.push(`a list of ${describe(list)} is older than the one in force (${describeNumber(earlier)}) and not used`)
    found.set(keyOf(earlier), earlier)
  }
  return found
}

function usableDelta(
  full: RevocationList,
  delta: RevocationList | undefined,
  remarks: string[],
): RevocationList | undefined {
  if (delta?.number === undefined || delta.deltaBase === undefined || full.number === undefined) return undefined
  if (delta.number <= full.number) return undefined
  // All that it says counts: without it, less would be known.
  if (!goesOn(full, delta))
    remarks.push(`the delta list of ${describe(delta)} goes on from number ${delta.deltaBase}, which is not there`)
  return delta
}

/** Whether nothing is missing between the two; a delta list that leaves a gap says nothing of what was revoked in it. */
function goesOn({ number }: RevocationList, { deltaBase }: RevocationList): boolean {
  return number !== undefined && deltaBase !== undefined && deltaBase <= number
}

function isNewer(list: RevocationList, other: RevocationList): boolean {
  if (list.number !== undefined && other.number !== undefined && list.number !== other.number)
    return list.number > other.number
  return list.thisUpdate > other.thisUpdate
}

function describe(list: RevocationList): string {
  return `${list.issuerText}, ${describeNumber(list)}`
}

function describeNumber({ number }: RevocationList): string {
  return number === undefined ? 'without a number' : `number ${number}`
}
