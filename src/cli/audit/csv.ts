// Records of the audit as rows of CSV (RFC 4180), for spreadsheets: no text of a client becomes a formula or a line of its own there.

import { safeJson } from '../../audit/present.ts'
import type { AuditRecord } from '../../audit/record.ts'
import { escapeText } from '../../base/escape.ts'

type Facts = Readonly<Record<string, unknown>> | undefined

const columns: Readonly<Record<string, (record: AuditRecord) => unknown>> = {
  seq: ({ seq }) => seq,
  time: ({ time }) => time,
  kind: ({ kind }) => kind,
  outcome: ({ outcome }) => outcome,
  username: ({ who }) => who?.['username'],
  clientid: ({ who }) => who?.['clientid'],
  proven: ({ who }) => who && who['proven'] !== false,
  certificate: ({ who }) => who?.['certificate'],
  address: ({ from }) => from?.['address'],
  port: ({ from }) => from?.['port'],
  listener: ({ from }) => from?.['listener'],
  what: ({ what }) => what,
  before: ({ before }) => before,
  after: ({ after }) => after,
  prev: ({ prev }) => prev,
  hash: ({ hash }) => hash,
}

/** Names of the columns; without the newline, as each row. */
export const csvHeading = row(Object.keys(columns))

export function csvRow(record: AuditRecord): string {
  return row(Object.values(columns).map(column => textOf(column(record))))
}

function row(cells: readonly string[]): string {
  return `${cells.map(quoted).join(',')}\r`
}

function textOf(value: unknown): string {
  if (value === undefined) return ''
  return typeof value === 'object' ? safeJson(value as Facts) : escapeText(String(value), 65_535)
}

/** A cell that begins like a formula is none behind an apostrophe. */
function quoted(text: string): string {
  const harmless = /^[=+\-@]/.test(text) ? `'${text}` : text
  return /[",]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
