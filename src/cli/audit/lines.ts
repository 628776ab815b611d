// A record of the audit as a line for a person.

import { safeJson } from '../../audit/present.ts'
import type { AuditRecord } from '../../audit/record.ts'
import { escapeText } from '../../base/escape.ts'

/** A line of a terminal, and no more: characters of one part of a record. */
const longestPart = 2000

/** Without a newline; whatever peers have sent is escaped, and in quotes where it could be taken for more than one thing. */
export function lineOf({ seq, time, kind, outcome, who, from, what, before, after }: AuditRecord): string {
  const parts = [
    `${shown(time)} #${seq} ${shown(kind)} ${shown(outcome)}`,
    who === undefined ? '' : whoOf(who),
    from === undefined ? '' : `from ${textOf(from['address'])}:${textOf(from['port'])} on ${textOf(from['listener'])}`,
    ...Object.entries(what ?? {}).map(([name, value]) => `${shown(name)}=${textOf(value)}`),
    before === undefined ? '' : `before=${textOf(before)}`,
    after === undefined ? '' : `after=${textOf(after)}`,
  ]
  return parts.filter(part => part !== '').join(' ')
}

/** As in the log: client id and user name. */
function whoOf({ clientid, username, certificate, proven }: Readonly<Record<string, unknown>>): string {
  const names = `${nameOf(clientid)}/${nameOf(username)}`
  const serial = isObject(certificate) ? ` certificate=${textOf(certificate['serial'])}` : ''
  return `${names}${proven === false ? ' (claimed)' : ''}${serial}`
}

function nameOf(value: unknown): string {
  return typeof value === 'string' && value.includes('/') ? quoted(value) : textOf(value ?? '')
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') return shown(safeJson(value))
  return /[\s="]/.test(value) ? quoted(value) : shown(value)
}

function quoted(text: string): string {
  return `"${shown(text).replaceAll('"', '\\x22')}"`
}

function shown(text: string): string {
  return escapeText(text, longestPart)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
