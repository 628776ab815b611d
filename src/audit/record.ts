// One line of the audit: a JSON object that carries the hash of the line before it, and its own. The hash is over the bytes
// as they stand, so that nothing of a line can be changed, not even a blank.

import { createHash, hash } from 'node:crypto'
import type { AuditEvent } from './event.ts'
import { presentJson } from './present.ts'

/** The hash that the first line of all follows. */
export const genesis = '0'.repeat(64)

/** A line of ours has less: texts and their number are bounded. */
export const longestLine = 4 * 1024 * 1024

/** Where a chain has come to. */
export interface ChainEnd {
  readonly seq: number
  readonly hash: string
}

/** A line as it was read. */
export interface AuditRecord extends ChainEnd {
  readonly time: string
  readonly kind: string
  readonly outcome: string
  readonly prev: string
  readonly who?: Readonly<Record<string, unknown>>
  readonly from?: Readonly<Record<string, unknown>>
  readonly what?: Readonly<Record<string, unknown>>
  readonly before?: Readonly<Record<string, unknown>>
  readonly after?: Readonly<Record<string, unknown>>
}

/**
 * An event as it waits for its place in the chain: the members between `seq` and `prev`, as JSON.
 *
 * @param now milliseconds since the epoch, by the wall clock
 */
export function presentEvent(event: AuditEvent, now: number): string {
  const { kind, outcome, who, from, what, before, after } = event
  const time = new Date(now).toISOString()
  return presentJson({ time, kind, outcome, who, from, what, before, after }).slice(1, -1)
}

/**
 * Gives an event its place.
 *
 * @param presented by `presentEvent`
 * @returns its line, with the newline, and where the chain has come to
 */
export function seal(
  presented: string,
  { seq, hash: prev }: ChainEnd,
): { readonly line: string; readonly end: ChainEnd } {
  const content = `{"seq":${seq + 1},${presented},"prev":"${prev}"}`
  const own = hash('sha256', content, 'hex')
  return { line: `${content.slice(0, -1)},"hash":"${own}"}\n`, end: { seq: seq + 1, hash: own } }
}

/**
 * Reads one line and checks it against its own hash.
 *
 * @param line without the newline
 * @returns what is wrong with it, as a text, when it is not as it was written
 */
export function readRecord(line: Buffer): AuditRecord | string {
  const at = line.length - sealLength
  const own = sealed.exec(line.toString('latin1', Math.max(at, 0)))?.[1]
  if (own === undefined) return 'it is not a line of an audit'
  const digest = createHash('sha256').update(line.subarray(0, at)).update('}').digest('hex')
  if (digest !== own) return 'its content does not have the hash that it carries'
  let record: unknown
  try {
    record = JSON.parse(line.toString())
  } catch {
    return 'it is not JSON'
  }
  return isRecord(record) ? record : 'it has the form of no record of an audit'
}

/** Anybody can give a line a hash: what is read is not what was written until the chain says so. */
function isRecord(value: unknown): value is AuditRecord {
  if (!isObject(value)) return false
  const { seq, time, kind, outcome, prev, who, from, what, before, after } = value
  return (
    Number.isSafeInteger(seq) &&
    [time, kind, outcome, prev].every(text => typeof text === 'string') &&
    [who, from, what, before, after].every(part => part === undefined || isObject(part))
  )
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Whether a record follows from the one before it.
 *
 * @returns what is wrong, as a text; undefined when nothing is
 */
export function followsFrom({ seq, prev }: AuditRecord, before: ChainEnd): string | undefined {
  if (seq !== before.seq + 1) return `it has the number ${seq}, and ${before.seq + 1} is next`
  return prev === before.hash ? undefined : 'it does not carry the hash of the record before it'
}

const sealed = /^,"hash":"([0-9a-f]{64})"\}$/
/** What `seal` adds to the content, but for the newline. */
const sealLength = ',"hash":""}'.length + 64
