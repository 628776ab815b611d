// A byte stream to a broker that does not take forever to open.

import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { UnreachableError } from './errors.ts'
import { openStream, type Target } from './target.ts'

const limitSeconds = 30

/** @throws UnreachableError, also when it takes longer than 30 s */
export async function openInTime(target: Target): Promise<Socket> {
  const limit = new AbortController()
  const opened = new AbortController()
  const late = new UnreachableError(`Error: No answer within ${limitSeconds} seconds.`)
  delay(limitSeconds * 1000, undefined, { signal: opened.signal, ref: false }).then(
    () => limit.abort(late),
    () => {},
  )
  try {
    return await openStream(target, limit.signal)
  } finally {
    opened.abort()
  }
}
