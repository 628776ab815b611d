// Why a commit failed, in our words: what the engine reports by number, and whether there is a way on.

import { statfsSync } from 'node:fs'
import { getSystemErrorName } from 'node:util'
import { escapeText } from '../../base/escape.ts'
import { StoreError } from '../store-error.ts'

/** No room: when there is some again, the same batch can be applied. */
const noRoom: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
/** Below this the disk counts as full: the engine reports a write that was cut short as an I/O error. */
const fullBelowBytes = 1024 * 1024

/** @param error what a batch of the engine was rejected with */
export async function commitFailure(error: unknown, directory: string): Promise<StoreError> {
  const cause = await causeOf(error)
  const errno = errnoOf(cause)
  const shown = escapeText(directory, 4096)
  if ((errno !== undefined && noRoom.has(errno)) || (errno === 'EIO' && isFull(directory))) {
    const text = `no room for the store in '${shown}'; it goes on when there is`
    return new StoreError('ERR_STORE_FULL', text, { cause, errno: errno === 'EIO' ? 'ENOSPC' : errno, mayGoOn: true })
  }
  const reason = cause instanceof Error ? cause.message : String(cause)
  const text = `cannot write to the store in '${shown}': ${reason}; nothing more is taken until it is opened anew`
  return new StoreError('ERR_STORE_UNAVAILABLE', text, { cause, errno })
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

function isFull(directory: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(directory)
    return bavail * bsize < fullBelowBytes
  } catch {
    return false
  }
}
