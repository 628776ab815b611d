// Whether a broker is back where it began, and what else may be in a figure.

import { setTimeout as sleep } from 'node:timers/promises'
import { Churn, type ChurnTarget } from './churn.ts'
import { type Holdings, Inspected } from './inspected.ts'

const mebibyte = 1024 * 1024
/** What lasted has expired by then, and the store has freed it. */
const settleMs = 2500

/**
 * How much more there may be at the end. Heap: code that was compiled meanwhile, and tables that V8 and we keep at their
 * largest size; a session that stayed would be at least a kilobyte. Resident: pages that the allocator keeps, which depend
 * on how busy the broker was. Disk: pages that the store will use again.
 */
export const tolerated: Holdings = {
  heapBytes: 2 * mebibyte,
  residentBytes: 64 * mebibyte,
  descriptors: 0,
  diskBytes: 16 * mebibyte,
}

export interface ChurnOutcome {
  readonly before: Holdings
  readonly after: Holdings
}

/** Warms up, looks, lets sessions come and go, and looks again. @throws Error when a session is not served */
export async function churn(target: ChurnTarget, sessions: number, sessionsPerRenewal: number): Promise<ChurnOutcome> {
  const inspected = await Inspected.open(target.broker)
  try {
    const work = new Churn(target)
    await work.fillTopicTable()
    await work.run(Math.ceil(sessions / 10), sessionsPerRenewal)
    await sleep(settleMs)
    const before = await inspected.holdings()
    await work.run(sessions, sessionsPerRenewal)
    await sleep(settleMs)
    return { before, after: await inspected.holdings() }
  } finally {
    inspected.close()
  }
}

/** The figures that are above what is tolerated. */
export function excesses({ before, after }: ChurnOutcome): string[] {
  return (Object.keys(tolerated) as (keyof Holdings)[])
    .filter(name => after[name] > before[name] + tolerated[name])
    .map(name => `${name}: ${before[name]} before, ${after[name]} after`)
}
