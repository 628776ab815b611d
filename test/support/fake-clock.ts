// A clock that stands still until a test moves it.

import type { Clock } from '../../src/base/clock.ts'

export interface FakeClock extends Clock {
  /** Lets `ms` milliseconds pass. */
  advance(ms: number): void
  /** Sets the time, in milliseconds since the Unix epoch. */
  set(ms: number): void
}

/** A clock that starts at `start`, in milliseconds since the Unix epoch. */
export function fakeClock(start = Date.UTC(2030, 0, 1)): FakeClock {
  let now = start
  return {
    now: () => now,
    advance: ms => {
      now += ms
    },
    set: ms => {
      now = ms
    },
  }
}
