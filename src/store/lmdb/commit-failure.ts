// Why a commit failed, in our words: what the engine reports by number. There is no way on.

import { getSystemErrorName } from 'node:util'
import { escapeText } from '../../base/escape.ts'
import { StoreError } from '../store-error.ts'

/** No room, though there was some when the commit began; see disk-room.ts for why there is no way on. */
const noRoom: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** @param error what a batch of the engine was rejected with */
export async function commitFailure(error: unknown, directory: string): Promise<StoreError> {
  const cause = await causeOf(error)
  const errno = errnoOf(cause)
  const shown = escapeText(directory, 4096)
  const code = errno !== undefined && noRoom.has(errno) ? 'ERR_STORE_FULL' : 'ERR_STORE_UNAVAILABLE'
  const reason = cause instanceof Error ? cause.message : String(cause)
  const text = `cannot write to the store in '${shown}': ${reason}; nothing more is taken until it is opened anew`
  return new StoreError(code, text, { cause, errno })
}

async function causeOf(error: unknown): Promise<unknown> {
  try {
    await (error as { readonly commitError?: Promise<never> } | null)?.commitError
  } catch (cause) {
    return cause
  }
  return error
}

/** The engine gives the operating system's number, and negative ones of its own. */
function errnoOf(cause: unknown): string | undefined {
  const code = (cause as { readonly code?: unknown } | null)?.code
  if (typeof code === 'string') return code
  return typeof code === 'number' && code > 0 && code < 200 ? getSystemErrorName(-code) : undefined
}
