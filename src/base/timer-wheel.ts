// Deadlines for many thousands of connections and sessions at once: setting, moving and clearing one is a few pointer
// writes, and nothing reads a clock by itself.

import { assert } from './errors.ts'

/** One deadline; set on at most one wheel at a time. Setting it again moves it. */
export class Timer {
  /** Milliseconds on the wheel's clock; meaningful while set. */
  at = 0
  readonly fire: (now: number) => void
  /** @internal neighbours in the slot's ring; both undefined when not set */
  previous: Timer | undefined
  /** @internal */
  next: Timer | undefined

  /** @param fire called once per `set`, after the wheel was advanced to or past the deadline */
  constructor(fire: (now: number) => void) {
    this.fire = fire
  }

  get isSet(): boolean {
    return this.next !== undefined
  }
}

/**
 * A hashed timer wheel: a ring of slots, one per tick. A deadline beyond the ring's horizon waits in the last slot and
 * is looked at again once per turn of the ring.
 */
export class TimerWheel {
  readonly #tickMs: number
  readonly #slots: Timer[] = []
  #tick: number

  /**
   * @param now the present, in milliseconds
   * @param tickMs resolution: a timer fires at most this much late (plus the pace of `advance`)
   * @param slotCount horizon in ticks
   */
  constructor(now: number, tickMs = 100, slotCount = 1024) {
    this.#tickMs = tickMs
    this.#tick = Math.floor(now / tickMs)
    for (let i = 0; i < slotCount; i++) this.#slots.push(emptyRing())
  }

  /** How many timers are set; walks them all. */
  get size(): number {
    let count = 0
    for (const ring of this.#slots) {
      for (let timer = ring.next as Timer; timer !== ring; timer = timer.next as Timer) count++
    }
    return count
  }

  /** Arms `timer` for `at` milliseconds; a deadline in the past fires at the next `advance`. */
  set(timer: Timer, at: number): void {
    if (timer.next !== undefined) unlink(timer)
    timer.at = at
    link(this.#ringFor(at), timer)
  }

  /** @param timer undefined for one that was never needed */
  clear(timer: Timer | undefined): void {
    if (timer?.next !== undefined) unlink(timer)
  }

  /** Fires every timer whose deadline is at or before `now`. Timers set meanwhile in the past wait for the next call. */
  advance(now: number): void {
    const target = Math.floor(now / this.#tickMs)
    const due = emptyRing()
    const first = Math.max(this.#tick, target - this.#slots.length + 1)
    for (let tick = first; tick <= target; tick++) moveAll(this.#slot(tick), due)
    this.#tick = Math.max(this.#tick, target)
    const later = emptyRing()
    for (let timer = due.next as Timer; timer !== due; timer = due.next as Timer) {
      unlink(timer)
      if (timer.at <= now) timer.fire(now)
      else link(later, timer)
    }
    for (let timer = later.next as Timer; timer !== later; timer = later.next as Timer) {
      unlink(timer)
      link(this.#ringFor(timer.at), timer)
    }
  }

  #ringFor(at: number): Timer {
    const tick = Math.floor(at / this.#tickMs)
    const farthest = this.#tick + this.#slots.length - 1
    return this.#slot(Math.min(Math.max(tick, this.#tick), farthest))
  }

  #slot(tick: number): Timer {
    const ring = this.#slots[tick % this.#slots.length]
    assert(ring !== undefined, 'a tick has a slot')
    return ring
  }
}

function emptyRing(): Timer {
  const ring = new Timer(() => {})
  ring.previous = ring
  ring.next = ring
  return ring
}

function moveAll(from: Timer, to: Timer): void {
  for (let timer = from.next as Timer; timer !== from; timer = from.next as Timer) {
    unlink(timer)
    link(to, timer)
  }
}

function link(ring: Timer, timer: Timer): void {
  const last = ring.previous as Timer
  timer.previous = last
  timer.next = ring
  last.next = timer
  ring.previous = timer
}

function unlink(timer: Timer): void {
  const previous = timer.previous as Timer
  const next = timer.next as Timer
  previous.next = next
  next.previous = previous
  timer.previous = undefined
  timer.next = undefined
}
