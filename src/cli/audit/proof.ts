// What goes with an export of the audit: a file that says what was asked for, what the export holds, and where the chain of the whole
// audit stood then; and the check of an export against it.

import { createHash, type Hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { auditLines } from '../../audit/read.ts'
import { type ChainEnd, followsFrom, readRecord } from '../../audit/record.ts'
import { isObject, type JsonObject, objectOf } from '../../dynsec/json.ts'

export const exportFormats = ['jsonl', 'csv'] as const
export type ExportFormat = (typeof exportFormats)[number]

/** What an export holds. */
export interface ExportedRecords {
  readonly format: ExportFormat
  readonly records: number
  readonly first: ChainEnd
  readonly last: ChainEnd
  /** Whether no record between the first and the last was left out. */
  readonly isUnbroken: boolean
  /** Of the whole file, lower-case hex. */
  readonly sha256: string
}

export interface ExportProof {
  readonly export: ExportedRecords
  /** The chain of the whole audit, which was looked through from its first record to its last. */
  readonly audit: { readonly first: number; readonly last: ChainEnd }
}

/** Where the proof of an export is. */
export function proofPath(path: string): string {
  return `${path}.proof`
}

/**
 * @returns undefined for a file that is no proof
 * @throws the operating system's error
 */
export function readProof(path: string): ExportProof | undefined {
  try {
    const proof: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return isObject(proof) && isProof(proof) ? (proof as unknown as ExportProof) : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function isProof(proof: JsonObject): boolean {
  const [held, audit] = [objectOf(proof, 'export'), objectOf(proof, 'audit')]
  const isKnown = exportFormats.some(format => format === held['format'])
  return isKnown && [held['first'], held['last'], audit['last']].every(isEnd)
}

function isEnd(value: unknown): boolean {
  return isObject(value) && Number.isSafeInteger(value['seq']) && typeof value['hash'] === 'string'
}

/** What is not as it was exported; without a line it is the file as a whole. */
export interface ExportFault {
  readonly line?: number
  readonly why: string
}

/**
 * Compares an export with its proof: every byte, and of JSON Lines each record with its own hash and with the one before it.
 *
 * @param expected a hash that the audit ended with, or that some record of the export has, lower-case hex
 * @throws AuditReadError
 */
export function exportFault(path: string, proof: ExportProof, expected?: string): ExportFault | undefined {
  const digest = createHash('sha256')
  const held = new Held()
  let isExpected = expected === undefined || expected === proof.audit.last.hash
  for (const { number, bytes, isWhole } of auditLines(path)) {
    addLine(digest, bytes, isWhole)
    if (proof.export.format === 'csv') continue
    const why = held.take(bytes)
    if (why !== undefined) return { line: number, why }
    if (held.last?.hash === expected) isExpected = true
  }
  if (digest.digest('hex') !== proof.export.sha256) return { why: 'the file is not the one that was exported' }
  const why = proof.export.format === 'csv' ? undefined : held.differsFrom(proof.export)
  if (why !== undefined) return { why }
  return isExpected ? undefined : { why: 'neither the audit ended with the expected hash, nor has a record here' }
}

/** A line that stands in an export, with its end. */
export function addLine(digest: Hash, bytes: Uint8Array, isWhole = true): void {
  digest.update(bytes)
  if (isWhole) digest.update('\n')
}

/** The records of an export as they are gone through. */
export class Held {
  first: ChainEnd | undefined = undefined
  last: ChainEnd | undefined = undefined
  records = 0
  isUnbroken = true

  /** @returns why it cannot stand there, as a text */
  take(bytes: Buffer): string | undefined {
    const record = readRecord(bytes)
    if (typeof record === 'string') return record
    const { seq, hash } = record
    if (this.last !== undefined && seq <= this.last.seq) return `it has the number ${seq} behind ${this.last.seq}`
    const isNext = this.last !== undefined && seq === this.last.seq + 1
    const why = isNext && this.last !== undefined ? followsFrom(record, this.last) : undefined
    if (why !== undefined) return why
    if (this.last !== undefined && !isNext) this.isUnbroken = false
    this.first ??= { seq, hash }
    this.last = { seq, hash }
    this.records++
    return undefined
  }

  differsFrom({ records, first, last, isUnbroken }: ExportedRecords): string | undefined {
    const isSame =
      records === this.records &&
      first.hash === this.first?.hash &&
      last.hash === this.last?.hash &&
      isUnbroken === this.isUnbroken
    return isSame ? undefined : 'it does not hold the records that its proof names'
  }
}
