// Which records somebody looks for.

import type { AuditRecord } from './record.ts'

/** What is left out does not matter. */
export interface AuditQuery {
  readonly username?: string | undefined
  readonly clientId?: string | undefined
  readonly address?: string | undefined
  readonly kinds?: readonly string[] | undefined
  readonly outcome?: string | undefined
  /** Of `$CONTROL`; compared without regard to case. */
  readonly command?: string | undefined
  /** Milliseconds since the epoch; the second one is not included. */
  readonly since?: number | undefined
  readonly until?: number | undefined
  /** Somewhere in the line, as it stands there. */
  readonly text?: string | undefined
}

/** @param line what the record was read from */
export function matches(record: AuditRecord, line: string, query: AuditQuery): boolean {
  const { kinds, outcome, command, text } = query
  const { who, from, what } = record
  return (
    isOrAny(query.username, who?.['username']) &&
    isOrAny(query.clientId, who?.['clientid']) &&
    (query.address === undefined || [from?.['address'], what?.['address']].includes(query.address)) &&
    (kinds === undefined || kinds.includes(record.kind)) &&
    isOrAny(outcome, record.outcome) &&
    isOrAny(command?.toLowerCase(), String(what?.['command'] ?? '').toLowerCase()) &&
    isWithin(Date.parse(record.time), query) &&
    (text === undefined || line.includes(text))
  )
}

function isOrAny(wanted: string | undefined, is: unknown): boolean {
  return wanted === undefined || wanted === is
}

function isWithin(time: number, { since, until }: AuditQuery): boolean {
  return (since === undefined || time >= since) && (until === undefined || time < until)
}
