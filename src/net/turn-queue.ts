// The connections that have sent more than fits one turn, shared by all of them: together they get a short stretch of each
// round of the event loop, one after the other, so that however many flood, nobody else waits for all of them.

import type { Clock } from '../base/clock.ts'
import type { Outbox } from './outbox.ts'

export interface Pumpable {
  /**
   * Works off a part of what is there; asks for another turn when that was not all.
   *
   * @returns milliseconds for which it will keep the loop before the next round, as far as can be told
   */
  pump(): number
}

/** Milliseconds for which one connection's packets are worked off before the others have their turn. */
const turnMs = 0.25
/** The same for each connection that they gave something to send: what leaves for many in one write is worth a longer turn. */
const turnMsPerAnswered = 0.02
const longestTurnMs = 20
/** Milliseconds of a round that are theirs; one at least has its turn. Whoever waits behind a flood waits about twice as long. */
const roundMs = 0.25
/** Most turns of a round, however short: whoever is done is read at once, and that brings as much again. */
export const turnsPerRound = 4
/** Those that had their turn are let go of in batches, to shift the array seldom. */
const compactAfter = 256

export class TurnQueue {
  readonly #clock: Clock
  readonly #outbox: Pick<Outbox, 'drain'> | undefined
  readonly #waiting: Pumpable[] = []
  /** Whose turn is next. */
  #head = 0
  #scheduled = false

  /** @param outbox what is in it before a round leaves before the round: the answers to those who need no turn */
  constructor(clock: Clock, outbox?: Pick<Outbox, 'drain'>) {
    this.#clock = clock
    this.#outbox = outbox
  }

  /** Asks for one `pump()` in a later round; the caller adds itself at most once until it comes. */
  add(connection: Pumpable): void {
    this.#waiting.push(connection)
    this.#schedule()
  }

  /** For `setImmediate` alone: one round. Who is added meanwhile has a turn in a later one. */
  run(): void {
    this.#scheduled = false
    // Its own immediate was asked for after this one, by what was just read.
    this.#outbox?.drain()
    const end = Math.min(this.#waiting.length, this.#head + turnsPerRound)
    let endsAt = this.#clock.now() + roundMs
    do endsAt -= this.#waiting[this.#head++]?.pump() ?? 0
    while (this.#head < end && this.#clock.now() < endsAt)
    this.#compact()
    if (this.#waiting.length > 0) this.#schedule()
  }

  #compact(): void {
    if (this.#head < compactAfter && this.#head < this.#waiting.length) return
    this.#waiting.splice(0, this.#head)
    this.#head = 0
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(run, this)
  }
}

function run(queue: TurnQueue): void {
  queue.run()
}

/** @param answered connections that have got something to send. @returns milliseconds */
export function turnLength(answered: number): number {
  return Math.min(longestTurnMs, Math.max(turnMs, answered * turnMsPerAnswered))
}
