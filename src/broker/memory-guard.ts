// Keeps the broker's memory below its limit: first nothing new is taken and publishers are slowed down, then the largest
// queues are cut. Judged a few times a second by two numbers that V8 keeps; nothing is walked unless queues have to be cut.

import type { Clock } from '../base/clock.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import type { MemoryProbe } from '../observe/memory-probe.ts'
import type { Session } from '../session/session.ts'

/** 0: not short; 1: nothing new is taken; 2: queues are cut, and nobody is let in. */
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

/** Queues below so many bytes are not worth cutting. */
const worthCutting = 4096

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
    // What was cut is garbage until the next collection: before it nobody knows whether more has to be.
    if (isTrue && this.#broker.shortage === 2) this.#cut()
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
    else if (shortage === 0) log.write('warning', `Warning: Memory is short: ${this.#figures}. ${nothingNew}`)
  }

  get #figures(): string {
    const { heapBytes, heapLimitBytes } = this.#probe.read()
    const limit = this.limitBytes === undefined ? 'switched off' : `${megabytes(this.limitBytes)} MB`
    const heap = `${megabytes(heapBytes)} of ${megabytes(heapLimitBytes)} MB of the heap`
    return `${megabytes(this.#usedBytes)} MB in use, ${heap}; memory_limit is ${limit}`
  }

  /** Halves the queues that are at least half as long as the longest: if one is to blame it alone, if all are all. */
  #cut(): void {
    const { registry, counters, log } = this.#broker
    let largest: Session | undefined
    let most = worthCutting - 1
    for (const session of registry.values()) {
      if (session.outbound.queuedBytes <= most) continue
      most = session.outbound.queuedBytes
      largest = session
    }
    if (largest === undefined) return
    let clients = 0
    let messages = 0
    for (const { outbound } of registry.values()) {
      if (outbound.queuedBytes < Math.max(most / 2, worthCutting)) continue
      clients++
      messages += outbound.shed(outbound.queuedBytes / 2)
    }
    counters.publishDropped += messages
    counters.messagesShed += messages
    const who = clients === 1 ? '' : ` and ${clients - 1} others`
    log.write(
      'warning',
      `Warning: Memory is short: ${this.#figures}. Dropped ${messages} waiting messages of client ${escapeText(largest.clientId)}${who}.`,
    )
  }
}

const nothingNew =
  'No new sessions, subscriptions and retained messages are taken, nothing is queued for clients that are away, and publishers are slowed down.'

/** Critical it is by what lives alone. */
function shortageAt(share: number, before: Shortage, isTrue: boolean): Shortage {
  if (share >= criticalShare && (isTrue || before === 2)) return 2
  if (share >= shortShare) return 1
  return before > 0 && share >= endShare ? 1 : 0
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed()
}
