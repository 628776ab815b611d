// Who opened a session or retained a message, as the store keeps it: the principal, and the listener by whose rules it is judged.

import type { Principal } from '../auth/principal.ts'
import { principalFrom, recordPrincipal } from '../auth/principal-record.ts'
import type { SessionAccess } from '../session/session.ts'
import { CurrentAccess } from './current-access.ts'
import { isForeignRecord, restoreForeign } from './foreign-source.ts'
import type { ListenerContext } from './listener-context.ts'

/** What separates the two; no listener's name holds it. */
const separator = '\n'

/** @returns UTF-8 */
export function recordSource(listener: ListenerContext, principal: Principal): Uint8Array {
  return Buffer.from(`${listener.name}${separator}${recordPrincipal(principal)}`)
}

export interface RestoredSource {
  readonly principal: Principal
  readonly access: SessionAccess
}

/**
 * @param listeners those of this run
 * @returns undefined when the record is none; without its listener, access to nothing until the client proves itself again
 */
export function restoreSource(
  record: Uint8Array,
  clientId: string,
  listeners: readonly ListenerContext[],
): RestoredSource | undefined {
  const text = Buffer.from(record).toString()
  const end = text.indexOf(separator)
  if (end === 0) return restoreForeign(text.slice(1), clientId, listeners)
  const principal = principalFrom(text.slice(end + 1))
  if (end < 0 || principal === undefined) return undefined
  const listener = listeners.find(({ name }) => name === text.slice(0, end))
  return { principal, access: listener ? new CurrentAccess(listener, principal, clientId) : new NoAccess(record) }
}

/** Whether it says whose something was, be it of nobody that the rules let in. */
export function isSource(record: Uint8Array): boolean {
  const text = Buffer.from(record).toString()
  const end = text.indexOf(separator)
  return end === 0 ? isForeignRecord(text.slice(1)) : end > 0 && principalFrom(text.slice(end + 1)) !== undefined
}

/** Nobody knows whose it was; it is kept, and shown to nobody. */
export function ownerlessAccess(record: Uint8Array): SessionAccess {
  return new NoAccess(record)
}

/** The listener is gone, and its rules with it. */
class NoAccess implements SessionAccess {
  readonly standing = 'unproven'
  readonly roles = []
  readonly source: Uint8Array

  constructor(source: Uint8Array) {
    this.source = source
  }

  publish(): undefined {}

  receive(): boolean {
    return false
  }

  subscribe(): boolean {
    return false
  }

  unsubscribe(): boolean {
    return false
  }

  mayPublish(): boolean {
    return false
  }
}
