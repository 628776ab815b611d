// Keeps the broker's memory below its limit: first nothing new is taken and publishers are slowed down, then nothing waits that need
// not. What was acknowledged is never given up. Judged a few times a second by two numbers that V8 keeps; sessions are walked only
// when memory is critical.

import type { Clock } from '../base/clock.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import type { MemoryProbe } from '../observe/memory-probe.ts'
import type { Session } from '../session/session.ts'

/** 0: not short; 1: nothing new is taken; 2: critical, nobody is let in but who has messages waiting. */
export type Shortage = 0 | 1 | 2

/** Shares of the limit at which shortage 1 and 2 begin, and below which it is over. */
const shortShare = 0.8
const criticalShare = 0.9
const endShare = 0.7

/** Milliseconds between two looks. */
const lookMs = 100
/** Garbage is told from what lives by collecting it: for 5 % of the time at most, and while memory is short so often. */
const collectingShare = 0.05
const collectMs = 2000

/** What the guard needs of the broker. */
export interface GuardedBroker {
  readonly registry: { values(): Iterable<Session> }
  readonly settings: { readonly memory_limit: number | undefined }
  readonly counters: {
    publishDropped: number
    messagesShed: number
    readonly limitsReached: { add(limit: string): void }
  }
  readonly log: Log
  readonly clock: Clock
  shortage: Shortage
}

export class MemoryGuard {
  readonly #broker: GuardedBroker
  readonly #probe: MemoryProbe
  #nextLookAt = 0
  #mayCollectAt = 0
  #collectedAt = 0
  #usedBytes = 0

  constructor(broker: GuardedBroker, probe: MemoryProbe) {
    this.#broker = broker
    this.#probe = probe
  }

  /** At the last look. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /** `memory_limit`, or half of what there is; undefined when it is switched off, and only V8's own limit is left. */
  get limitBytes(): number | undefined {
    const { memory_limit: limit = Math.floor(this.#probe.availableBytes / 2) } = this.#broker.settings
    return limit === 0 ? undefined : limit
  }

  /** Looks, when it is time. */
  advance(now: number): void {
    if (now < this.#nextLookAt) return
    this.#nextLookAt = now + lookMs
    let share = this.#look()
    const isTrue = this.#wantsTruth(share, now)
    if (isTrue) {
      this.#collect()
      share = this.#look()
    }
    this.#become(shortageAt(share, this.#broker.shortage, isTrue))
  }

  /** Whether garbage may make the difference, and can be collected now. */
  #wantsTruth(share: number, now: number): boolean {
    const isShort = this.#broker.shortage > 0
    if (share < (isShort ? endShare : shortShare) || now < this.#mayCollectAt) return false
    return !isShort || now >= this.#collectedAt + collectMs
  }

  /** @returns how much of what may be used is */
  #look(): number {
    const { heapBytes, heapLimitBytes, externalBytes } = this.#probe.read()
    this.#usedBytes = heapBytes + externalBytes
    return Math.max(this.#usedBytes / (this.limitBytes ?? Number.POSITIVE_INFINITY), heapBytes / heapLimitBytes)
  }

  #collect(): void {
    const { clock } = this.#broker
    const begun = clock.now()
    this.#probe.collect()
    this.#collectedAt = clock.now()
    this.#mayCollectAt = this.#collectedAt + (this.#collectedAt - begun) / collectingShare
  }

  #become(next: Shortage): void {
    const { shortage, log, counters } = this.#broker
    if (next === shortage) return
    this.#broker.shortage = next
    if (next > shortage) counters.limitsReached.add('memory_limit')
    if (next === 0) log.write('notice', `Memory is no longer short: ${this.#figures}.`)
    else if (next === 2) log.write('warning', `Warning: Memory is critical: ${this.#figures}. ${this.#shed()}`)
    else if (shortage === 0) log.write('warning', `Warning: Memory is short: ${this.#figures}. ${nothingNew}`)
  }

  get #figures(): string {
    const { heapBytes, heapLimitBytes } = this.#probe.read()
    const limit = this.limitBytes === undefined ? 'switched off' : `${megabytes(this.limitBytes)} MB`
    const heap = `${megabytes(heapBytes)} of ${megabytes(heapLimitBytes)} MB of the heap`
    return `${megabytes(this.#usedBytes)} MB in use, ${heap}; memory_limit is ${limit}`
  }

  /** Drops what was promised to nobody. @returns what to tell of it, and where the memory is */
  #shed(): string {
    const { registry, counters } = this.#broker
    let largest: Session | undefined
    let messages = 0
    for (const session of registry.values()) {
      messages += session.outbound.shedQoS0()
      if (session.outbound.waitingBytes > (largest?.outbound.waitingBytes ?? 0)) largest = session
    }
    counters.publishDropped += messages
    counters.messagesShed += messages
    const most =
      largest === undefined ? '' : ` Most waits for client ${escapeText(largest.clientId)}: ${contentsOf(largest)}.`
    return `Nobody is let in but who has messages waiting; ${messages} waiting messages of QoS 0 were dropped.${most}`
  }
}

function contentsOf({ outbound: { queuedMessages, inflightMessages, waitingBytes } }: Session): string {
  return `${queuedMessages + inflightMessages} messages, ${megabytes(waitingBytes)} MB`
}

const nothingNew =
  'No new sessions, subscriptions and retained messages are taken, nor messages for clients that are away, and publishers are slowed down.'

/** Critical it is by what lives alone; short by what may be garbage only where nothing may be collected before it is too late. */
function shortageAt(share: number, before: Shortage, isTrue: boolean): Shortage {
  if (share >= criticalShare && (isTrue || before === 2)) return 2
  if (share >= (isTrue || before > 0 ? shortShare : criticalShare)) return 1
  return before > 0 && share >= endShare ? 1 : 0
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed()
}
