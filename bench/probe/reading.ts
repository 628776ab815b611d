// The probe's counts, in a file that the load generator looks at when a span begins and when it ends.

import { readFileSync, writeSync } from 'node:fs'

/** What the probe has done since it began. */
export interface Reading {
  /** Pieces of work. */
  readonly count: number
  /** CPU, user and system, of all of them. */
  readonly microseconds: number
}

const bytes = 16

export function writeReading(file: number, { count, microseconds }: Reading): void {
  writeSync(file, new Float64Array([count, microseconds]), 0, bytes, 0)
}

export function readReading(path: string): Reading {
  const { buffer, byteOffset } = readFileSync(path)
  const [count, microseconds] = new Float64Array(buffer.slice(byteOffset, byteOffset + bytes))
  return { count: count ?? 0, microseconds: microseconds ?? 0 }
}

/** CPU microseconds of one piece between two looks; null when the probe did none. */
export function costBetween(before: Reading, after: Reading): number | null {
  const count = after.count - before.count
  return count === 0 ? null : (after.microseconds - before.microseconds) / count
}
