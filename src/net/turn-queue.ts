// The connections that have sent more than fits one turn, shared by all of them: together they get a short stretch of each
// round of the event loop, one after the other, so that however many flood, nobody else waits for all of them.

import type { Clock } from '../base/clock.ts'

export interface Pumpable {
  /** Works off a part of what is there; asks for another turn when that was not all. */
  pump(): void
}

/** Milliseconds of a round that are theirs; one at least has its turn. */
const roundMs = 2

export class TurnQueue {
  readonly #clock: Clock
  #waiting: Pumpable[] = []
  #scheduled = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Asks for one `pump()` in a later round; the caller adds itself at most once until it comes. */
  add(connection: Pumpable): void {
    this.#waiting.push(connection)
    this.#schedule()
  }

  /** For `setImmediate` alone: one round. */
  run(): void {
    this.#scheduled = false
    const waiting = this.#waiting
    this.#waiting = []
    const endsAt = this.#clock.now() + roundMs
    let done = 0
    do waiting[done++]?.pump()
    while (done < waiting.length && this.#clock.now() < endsAt)
    if (done < waiting.length) this.#waiting = [...waiting.slice(done), ...this.#waiting]
    if (this.#waiting.length > 0) this.#schedule()
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
