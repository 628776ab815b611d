// `castellan audit export`: the records that somebody asks for, in a file of their own with a proof beside it.

import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { basename } from 'node:path'
import { type AuditLine, auditLines } from '../../audit/read.ts'
import { type AuditRecord, type ChainEnd, followsFrom, readRecord } from '../../audit/record.ts'
import { type AuditQuery, matches } from '../../audit/search.ts'
import { type AuditFault, verifyAudit } from '../../audit/verify.ts'
import { wallClock } from '../../base/clock.ts'
import { version } from '../../base/version.ts'
import { csvHeading, csvRow } from './csv.ts'
import { addLine, type ExportedRecords, type ExportFormat, type ExportProof, Held, proofPath } from './proof.ts'

export interface ExportRequest {
  readonly file: string
  /** Neither it nor its proof may be there. */
  readonly to: string
  readonly format: ExportFormat
  readonly query: AuditQuery
}

/** Made of an audit that is whole; otherwise nothing is written. */
export type ExportOutcome =
  | { readonly kind: 'done'; readonly proof: ExportProof }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'fault'; readonly fault: AuditFault }

/**
 * @throws AuditReadError
 * @throws the operating system's error when a file is there already, or cannot be written
 */
export function exportAudit(request: ExportRequest): ExportOutcome {
  const { file, to } = request
  const { fault, first, last } = verifyAudit(file)
  if (fault !== undefined) return { kind: 'fault', fault }
  if (first === undefined || last === undefined) return { kind: 'nothing' }
  const descriptor = openSync(to, 'wx', 0o600)
  let isKept = false
  try {
    const written = writeRecords(descriptor, request, last)
    if (written === undefined) return { kind: 'nothing' }
    if ('why' in written) return { kind: 'fault', fault: written }
    fsyncSync(descriptor)
    const proof = { export: written, audit: { first, last } }
    writeFileSync(proofPath(to), proofText(request, proof), { mode: 0o600, flag: 'wx', flush: true })
    isKept = true
    return { kind: 'done', proof }
  } finally {
    closeSync(descriptor)
    if (!isKept) rmSync(to)
  }
}

/** @param end of the chain that was found whole: what has come since is left out */
function writeRecords(
  descriptor: number,
  { file, format, query }: ExportRequest,
  end: ChainEnd,
): ExportedRecords | AuditFault | undefined {
  const digest = createHash('sha256')
  const held = new Held()
  const write = (line: Buffer) => {
    addLine(digest, line)
    writeSync(descriptor, Buffer.concat([line, newline]))
  }
  if (format === 'csv') write(Buffer.from(csvHeading))
  let before: ChainEnd | undefined
  for (const line of auditLines(file)) {
    const record = recordBehind(before, line)
    if (typeof record === 'string') return { file: line.file, line: line.number, why: record }
    before = record
    if (matches(record, line.bytes.toString(), query)) {
      held.take(line.bytes)
      write(format === 'csv' ? Buffer.from(csvRow(record)) : line.bytes)
    }
    if (record.seq >= end.seq) break
  }
  if (before?.hash !== end.hash) return { file, line: undefined, why: 'it has changed while it was read' }
  const { first, last, records, isUnbroken } = held
  if (first === undefined || last === undefined) return undefined
  return { format, records, first, last, isUnbroken, sha256: digest.digest('hex') }
}

const newline = Buffer.from('\n')

/** Looked at once more: between the two passes somebody could have written. */
function recordBehind(before: ChainEnd | undefined, { bytes }: AuditLine): AuditRecord | string {
  const record = readRecord(bytes)
  if (typeof record === 'string' || before === undefined) return record
  return followsFrom(record, before) ?? record
}

function proofText({ file, to, query }: ExportRequest, proof: ExportProof): string {
  const { since, until, ...asked } = query
  const content = {
    version: 1,
    by: `castellan ${version()}`,
    made: new Date(wallClock()).toISOString(),
    asked: { ...asked, since: timeText(since), until: timeText(until) },
    export: { name: basename(to), ...proof.export },
    audit: { name: basename(file), ...proof.audit },
  }
  return `${JSON.stringify(content, undefined, 2)}\n`
}

function timeText(time: number | undefined): string | undefined {
  return time === undefined ? undefined : new Date(time).toISOString()
}
