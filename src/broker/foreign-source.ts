// Whose a session or a retained message of another broker was, as the store keeps it: what that broker's file tells, to be
// judged at each start by the rules of then, until its owner has come by.

import type { Principal } from '../auth/principal.ts'
import type { ForeignUser } from '../store/import/foreign-state.ts'
import { CurrentAccess } from './current-access.ts'
import type { ListenerContext } from './listener-context.ts'
import type { RestoredSource } from './source-record.ts'

/** Tells these records from those that begin with a listener's name. */
const mark = '\n'

/**
 * @param user undefined where the file does not tell
 * @param port of the listener, 0 where the file does not tell
 * @returns UTF-8, readable by `restoreForeign` without its first character
 */
export function recordForeign(user: ForeignUser | undefined, port: number): Uint8Array {
  return Buffer.from(`${mark}${JSON.stringify([port, ...(user === undefined ? [] : [user.username ?? null])])}`)
}

/**
 * @returns undefined for a record that is none, and where the rules let in nobody whose it could be: of a client with a name,
 *   whoever proves that name; of one without, the anonymous; of one that may have had a name, the anonymous where no
 *   listener has names proven
 */
export function restoreForeign(
  text: string,
  clientId: string,
  listeners: readonly ListenerContext[],
): RestoredSource | undefined {
  const fields = parse(text)
  if (fields === undefined) return undefined
  const { port, user } = fields
  const there = listeners.filter(({ settings }) => port !== 0 && settings.port === port)
  const candidates = there.length > 0 ? there : listeners
  const proving = candidates.filter(({ realm }) => realm.provesNames)
  if (user === undefined && proving.length > 0) return undefined
  const isNamed = user?.username !== undefined
  for (const listener of isNamed && proving.length > 0 ? proving : candidates) {
    const principal: Principal | undefined = listener.realm.recall(user?.username)
    if (principal !== undefined) return { principal, access: new CurrentAccess(listener, principal, clientId) }
  }
  return undefined
}

/** Whether it is a record of this kind, without its first character, whatever the rules say of whom it names. */
export function isForeignRecord(text: string): boolean {
  return parse(text) !== undefined
}

interface Fields {
  readonly port: number
  readonly user: ForeignUser | undefined
}

function parse(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (!Array.isArray(value)) return undefined
    const [port, username]: readonly unknown[] = value
    if (typeof port !== 'number') return undefined
    if (username === undefined) return { port, user: undefined }
    if (username === null) return { port, user: { username: undefined } }
    return typeof username === 'string' ? { port, user: { username } } : undefined
  } catch {
    return undefined
  }
}
