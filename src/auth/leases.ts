// Who was let in by a service outside, and until when its word counts: before that it is asked again, and whoever it does not
// let in any more, or of whom it says nothing in time, has to go.

import { randomBytes } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import type { TimedAnswer } from './answer-cache.ts'
import { haveSameRights } from './external-proof.ts'
import type { ExternalQuestion, ExternalRights } from './external-service.ts'
import type { Principal } from './principal.ts'

/** `nowhere`: nobody has a session by this proof, be it that the CONNECT is not done yet. */
export type Whereabouts = 'connected' | 'away' | 'nowhere'

/** A proof that has to be renewed. */
export interface Lease {
  /** As the service has proven it; that of the session may have been given more. */
  readonly principal: Principal
  /** As of CONNECT; `use_username_as_clientid` may have made another one of it. */
  readonly clientId: string
}

/** The sessions, as far as leases need them; they are told by the evidence of their principals. */
export interface LeaseHost {
  whereabouts(lease: Lease): Whereabouts
  /** These are let in no more, which the realm says too by now. */
  end(leases: readonly Lease[], why: string): void
  /** The client goes on with the rights of another proof of its name. */
  replace(lease: Lease, next: Principal): void
}

export interface LeaseSource {
  /** The same before and after a reload. */
  readonly key: string
  /** Asks anew, past whatever is remembered. @throws Error where there is no answer */
  renew(question: ExternalQuestion): Promise<TimedAnswer>
  prove(username: string, rights: ExternalRights): Principal
}

interface HeldLease extends Lease {
  /** Whoever let the principal in. */
  readonly source: LeaseSource
  readonly question: ExternalQuestion
  /** By when the CONNECT has become a session, or will not. */
  readonly settledBy: number
  until: number
  /** When it is to be asked again. */
  renewAt: number
  retryMs: number
  /** Of the slots that it stands in the one where it is looked at; the others have been given up for it. */
  slot: number
  isAsking: boolean
}

/** The part of its time in which an answer lets somebody in, and after which leases are renewed: the rest is for further attempts. */
export const freshPart = 0.8
/** The part of its time between two attempts. */
const retryPart = 0.05
/** How exactly time is told, in milliseconds. */
const slotMs = 100
/** The longest that a CONNECT may take after it was judged, in milliseconds. */
const settleMs = 60_000

export class Leases {
  readonly #clock: Clock
  /** Tells the proofs of this process from those that an earlier one has left in the store. */
  readonly #run = randomBytes(9).toString('base64url')
  #proofs = 0
  /** By the evidence of their principals. */
  readonly #held = new Map<string, HeldLease>()
  /** By the slot of time in which they are looked at. */
  readonly #slots = new Map<number, HeldLease[]>()
  #nextSlot: number
  /** undefined before the broker runs: there are no sessions. */
  host: LeaseHost | undefined = undefined
  /** Whom to ask instead of a source of the same key from before a reload. */
  sources: ReadonlyMap<string, LeaseSource> = new Map()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#nextSlot = slotOf(clock.now())
  }

  /** How many there are. */
  get size(): number {
    return this.#held.size
  }

  /** What tells one proof from all others; without a colon. */
  newProofId(): string {
    this.#proofs += 1
    return `${this.#run}.${this.#proofs}`
  }

  /** @param until by the clock */
  add(source: LeaseSource, principal: Principal, question: ExternalQuestion, until: number): void {
    const lease: HeldLease = {
      source,
      principal,
      clientId: question.clientId,
      question: { ...question, action: 'renew', password: undefined },
      settledBy: this.#clock.now() + settleMs,
      until,
      renewAt: until,
      retryMs: 0,
      slot: Number.NaN,
      isAsking: false,
    }
    this.#held.set(principal.evidence, lease)
    this.#extend(lease, until)
  }

  /**
   * Whether nothing has been said against a proof, and its time is not over. Those of an earlier process are good until their
   * clients come back, and prove themselves anew.
   */
  holds({ evidence }: Principal): boolean {
    const proofId = evidence.slice(evidence.lastIndexOf(':') + 1)
    return this.#held.has(evidence) || !proofId.startsWith(`${this.#run}.`)
  }

  /** Called several times a second. */
  advance(now: number): void {
    const last = slotOf(now)
    const late: HeldLease[] = []
    for (; this.#nextSlot <= last; this.#nextSlot++) {
      const due = this.#slots.get(this.#nextSlot)
      this.#slots.delete(this.#nextSlot)
      for (const lease of due ?? []) {
        // Whoever looked at it in each would stand in one more after each renewal.
        if (lease.slot === this.#nextSlot && this.#look(lease, now) === 'late') late.push(lease)
      }
    }
    if (late.length > 0) this.host?.end(late, 'it could not be asked again in time')
  }

  #look(lease: HeldLease, now: number): 'late' | undefined {
    if (!this.#isHeld(lease)) return undefined
    const place = this.host?.whereabouts(lease) ?? 'nowhere'
    // A CONNECT that comes later to its end is refused: it must not become a session that nobody asks about.
    if (now >= lease.until || (place === 'nowhere' && now >= lease.settledBy)) {
      this.#end(lease)
      return place === 'connected' ? 'late' : undefined
    }
    // Who is away is not asked about: he proves himself when he comes.
    if (now >= lease.renewAt && !lease.isAsking && place === 'connected') void this.#renew(lease)
    this.#scheduleNext(lease, now)
    return undefined
  }

  async #renew(lease: HeldLease): Promise<void> {
    const source = this.sources.get(lease.source.key) ?? lease.source
    lease.isAsking = true
    try {
      const { answer, until } = await source.renew(lease.question)
      if (!this.#isHeld(lease)) return
      if (answer.kind === 'allow') {
        this.#prolong(lease, source, source.prove(lease.question.username, answer.rights), until)
        return
      }
      this.#end(lease)
      this.host?.end([lease], answer.rule)
    } catch {
      // The source has told why; there is time left for another attempt, or there is not.
      lease.renewAt = this.#clock.now() + lease.retryMs
      this.#schedule(lease, lease.renewAt)
    } finally {
      lease.isAsking = false
    }
  }

  #prolong(lease: HeldLease, source: LeaseSource, next: Principal, until: number): void {
    if (haveSameRights(lease.principal, next)) {
      this.#extend(lease, until)
      return
    }
    this.#end(lease)
    this.add(source, next, lease.question, until)
    this.host?.replace(lease, next)
  }

  #extend(lease: HeldLease, until: number): void {
    const now = this.#clock.now()
    const lifeMs = Math.max(0, until - now)
    lease.until = until
    lease.renewAt = now + lifeMs * freshPart
    lease.retryMs = Math.max(slotMs, lifeMs * retryPart)
    this.#scheduleNext(lease, now)
  }

  #isHeld(lease: HeldLease): boolean {
    return this.#held.get(lease.principal.evidence) === lease
  }

  #end(lease: HeldLease): void {
    this.#held.delete(lease.principal.evidence)
  }

  #scheduleNext(lease: HeldLease, now: number): void {
    const { settledBy, renewAt, until } = lease
    const later = [settledBy, renewAt].filter(at => at > now)
    this.#schedule(lease, Math.min(...later, until))
  }

  /** In the first slot that is wholly behind the time. */
  #schedule(lease: HeldLease, at: number): void {
    const slot = Math.max(slotOf(at) + 1, this.#nextSlot)
    if (lease.slot === slot) return
    lease.slot = slot
    const others = this.#slots.get(slot)
    if (others === undefined) this.#slots.set(slot, [lease])
    else others.push(lease)
  }
}

function slotOf(ms: number): number {
  return Math.floor(ms / slotMs)
}
