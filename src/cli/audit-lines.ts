// A record of the audit as a line for a person.

import { safeJson } from '../audit/present.ts'
import type { AuditRecord } from '../audit/record.ts'
import { escapeText } from '../base/escape.ts'

/** A line of a terminal, and no more: characters of one part of a record. */
const longestPart = 2000

/** Without a newline; whatever peers have sent is escaped. */
export function lineOf({ seq, time, kind, outcome, who, from, what, before, after }: AuditRecord): string {
  const parts = [
    `${time} #${seq} ${kind} ${outcome}`,
    who === undefined ? '' : whoOf(who),
    from === undefined ? '' : `from ${textOf(from['address'])}:${textOf(from['port'])} on ${textOf(from['listener'])}`,
    ...Object.entries(what ?? {}).map(([name, value]) => `${name}=${textOf(value)}`),
    before === undefined ? '' : `before=${textOf(before)}`,
    after === undefined ? '' : `after=${textOf(after)}`,
  ]
  return parts
    .filter(part => part !== '')
    .map(part => escapeText(part, longestPart))
    .join(' ')
}

/** As in the log: client id and user name. */
function whoOf({ clientid, username, certificate, proven }: Readonly<Record<string, unknown>>): string {
  const names = `${textOf(clientid ?? '')}/${textOf(username ?? '')}`
  const serial = isObject(certificate) ? ` certificate=${textOf(certificate['serial'])}` : ''
  return `${names}${proven === false ? ' (claimed)' : ''}${serial}`
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : safeJson(value)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
