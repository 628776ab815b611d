// How much clients can make the audit write: of what comes in floods the first are told one by one, the others as a number,
// with the address that they came from. A storm of refused logins must not become a storm of lines.

import { addressKey } from '../base/address-key.ts'
import { TokenBucket } from '../base/token-bucket.ts'
import type { AuditEvent, AuditKind, AuditOutcome } from './event.ts'

/** Milliseconds after which those that were not told one by one are told as a number. */
export const windowMs = 10_000
/** Refusals of one address that are told one by one in such a time. */
export const mostPerAddress = 10
/** Addresses that are told apart in such a time; all others are told as one. */
const mostAddresses = 1000

/** What strangers, or clients by themselves, can cause as often as they please. */
const floodable: ReadonlySet<AuditKind> = new Set(['login', 'refusal', 'permission'])

interface Source {
  readonly kind: AuditKind
  readonly outcome: AuditOutcome
  /** undefined for all that are not told apart. */
  readonly address: string | undefined
  told: number
  more: number
}

export class Allowance {
  readonly #bucket = new TokenBucket()
  readonly #sources = new Map<string, Source>()
  readonly #tell: (event: AuditEvent) => void
  #now = 0
  #windowEnd = Number.NEGATIVE_INFINITY

  /** @param tell takes the numbers; they are not asked about again */
  constructor(tell: (event: AuditEvent) => void) {
    this.#tell = tell
  }

  /** @returns whether the event is told by itself; if not, it is counted */
  admits(event: AuditEvent, perSecond: number): boolean {
    if (!floodable.has(event.kind)) return true
    const source = this.#sourceOf(event)
    const isBounded = event.kind !== 'login' && (source.address === undefined || source.told >= mostPerAddress)
    if (!isBounded && this.#bucket.take(perSecond, this.#now)) {
      source.told++
      return true
    }
    const { more } = event.what ?? {}
    source.more += typeof more === 'number' ? more : 1
    return false
  }

  /** Called several times a second. @param now milliseconds on a clock that nobody sets */
  advance(now: number): void {
    this.#now = now
    if (now < this.#windowEnd) return
    this.#windowEnd = now + windowMs
    this.tellAll()
  }

  /** Tells what was only counted. */
  tellAll(): void {
    for (const { kind, outcome, address, more } of this.#sources.values()) {
      if (more === 0) continue
      this.#tell({ kind, outcome, what: { more, address: address ?? 'several' } })
    }
    this.#sources.clear()
  }

  #sourceOf({ kind, outcome, from }: AuditEvent): Source {
    const address = addressKey(from?.address ?? '') ?? ''
    const known = this.#sources.get(`${kind} ${address}`)
    if (known !== undefined) return known
    return this.#sources.size < mostAddresses
      ? this.#add(`${kind} ${address}`, kind, outcome, address)
      : (this.#sources.get(kind) ?? this.#add(kind, kind, outcome, undefined))
  }

  #add(key: string, kind: AuditKind, outcome: AuditOutcome, address: string | undefined): Source {
    const source = { kind, outcome, address, told: 0, more: 0 }
    this.#sources.set(key, source)
    return source
  }
}
