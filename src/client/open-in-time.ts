// What a broker has time for: a byte stream that does not take forever to open, and answers that do not take forever to come.

import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { UnreachableError } from './errors.ts'
import { openStream, type Target } from './target.ts'

/** To be reached in, and again to answer in. */
const answerSeconds = 30

/** @throws UnreachableError, also when it takes longer than 30 s */
export async function openInTime(target: Target): Promise<Socket> {
  const limit = new AbortController()
  const opened = new AbortController()
  limitAnswer(opened.signal, late => limit.abort(late))
  try {
    return await openStream(target, limit.signal)
  } finally {
    opened.abort()
  }
}

/** Calls `isLate`, unless what is waited for has come within so many seconds and `answered` is aborted. */
export function limitAnswer(
  answered: AbortSignal,
  isLate: (error: UnreachableError) => void,
  seconds = answerSeconds,
): void {
  delay(seconds * 1000, undefined, { signal: answered, ref: false }).then(
    () => isLate(new UnreachableError(`Error: No answer within ${seconds} seconds.`)),
    () => {},
  )
}
