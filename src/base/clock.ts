// Time as a value that is handed in, so that protocol rules never read a clock by themselves.

/** Milliseconds since the Unix epoch; never runs backwards within one process. */
export interface Clock {
  now(): number
}

/** The machine's monotonic clock, anchored once to the wall clock: a clock that is set back expires nothing twice. */
export function systemClock(): Clock {
  const { timeOrigin } = performance
  return { now: () => timeOrigin + performance.now() }
}

/** What the machine's clock says right now, in milliseconds since the epoch: for dates in certificates, never for deadlines. */
export function wallClock(): number {
  return Date.now()
}

/** The machine's monotonic clock itself, in microseconds, as systemd compares it (RELOADING=1, sd_notify(3)). */
export function monotonicMicroseconds(): bigint {
  return process.hrtime.bigint() / 1000n
}
