// `castellan audit`: reads the audit of a broker, running or not: its end, records that somebody looks for, and whether it is
// as it was written.

import { on, once } from 'node:events'
import { watch } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { auditKinds, auditOutcomes } from '../../audit/event.ts'
import { safeJson, safeJsonText } from '../../audit/present.ts'
import { AuditFollower, type AuditLine, auditLines, lastLines } from '../../audit/read.ts'
import { readRecord } from '../../audit/record.ts'
import { type AuditQuery, matches } from '../../audit/search.ts'
import { type AuditFault, type AuditVerdict, verifyAudit } from '../../audit/verify.ts'
import { escapeText } from '../../base/escape.ts'
import { now } from '../ca/context.ts'
import { type Action, duration, operands, parse, runAction, UsageError, wholeNumber } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { wantsJson } from '../output-format.ts'
import type { Io } from '../verbs.ts'
import { type ExportOutcome, type ExportRequest, exportAudit } from './export.ts'
import { auditHelp } from './help.ts'
import { lineOf } from './lines.ts'
import { exportFault, exportFormats, readProof } from './proof.ts'

/** `castellan audit ACTION …`. @returns the exit code */
export function audit(args: readonly string[], io: Io): Promise<number> {
  return runAction('audit', auditHelp.page, actions, args, io)
}

const actions: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['tail', { help: auditHelp.tail, run: tail }],
  ['search', { help: auditHelp.search, run: search }],
  ['export', { help: auditHelp.export, run: exportTo }],
  ['verify', { help: auditHelp.verify, run: verify }],
])

const output = { output: { type: 'string', short: 'o' } } as const
const tailOptions = {
  ...output,
  lines: { type: 'string', short: 'n' },
  follow: { type: 'boolean', short: 'f' },
} as const
const queryOptions = {
  user: { type: 'string' },
  client: { type: 'string' },
  address: { type: 'string' },
  kind: { type: 'string', multiple: true },
  outcome: { type: 'string' },
  command: { type: 'string' },
  since: { type: 'string' },
  until: { type: 'string' },
  text: { type: 'string' },
} as const
const searchOptions = { ...output, ...queryOptions } as const
const exportOptions = { ...queryOptions, to: { type: 'string' }, format: { type: 'string' } } as const
const verifyOptions = { ...output, expect: { type: 'string' }, proof: { type: 'string' } } as const

type QueryValues = ReturnType<typeof parse<typeof queryOptions>>['values']

async function tail(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, tailOptions)
  const [file] = operands(positionals, ['FILE'])
  const printer = new Printer(wantsJson(values.output), io)
  const most = wholeNumber(values.lines, 'lines') ?? 20
  if (values.follow !== true) {
    for (const line of lastLines(file, most)) await printer.show(line)
    return printer.exitCode
  }
  // Watched before the first look: what comes between the two is not missed.
  const watcher = watch(dirname(resolve(file)))
  const changes = on(watcher, 'change')
  const last = lastLines(file, Math.max(most, 1))
  const follower = new AuditFollower(file, last.at(-1))
  try {
    if (most > 0) for (const line of last) await printer.show(line)
    for (const line of follower.more()) await printer.show(line)
    for await (const _change of changes) for (const line of follower.more()) await printer.show(line)
    return printer.exitCode
  } finally {
    follower.close()
    watcher.close()
  }
}

async function search(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, searchOptions)
  const [file] = operands(positionals, ['FILE'])
  const printer = new Printer(wantsJson(values.output), io, queryOf(values))
  for (const line of auditLines(file)) if (line.isWhole) await printer.show(line)
  if (printer.exitCode === exitCode.ok && printer.shown === 0) return exitCode.notFound
  return printer.exitCode
}

/** @throws UsageError */
function queryOf(values: QueryValues): AuditQuery {
  return {
    username: values.user,
    clientId: values.client,
    address: values.address,
    kinds: values.kind?.map(word => wordOf(word, 'kind', auditKinds)),
    outcome: values.outcome && wordOf(values.outcome, 'outcome', auditOutcomes),
    command: values.command,
    since: timeOf(values.since, 'since'),
    until: timeOf(values.until, 'until'),
    text: values.text,
  }
}

async function exportTo(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, exportOptions)
  const [file] = operands(positionals, ['FILE'])
  const { to } = values
  if (to === undefined) throw new UsageError('--to FILE is missing: where the records go')
  const format = wordOf(values.format ?? 'jsonl', 'format', exportFormats)
  const outcome = exportOrConflict({ file, to, format, query: queryOf(values) })
  if (outcome === undefined) {
    const there = `'${escapeText(to, 4096)}' or its proof`
    io.stderr.write(`castellan audit export: ${there} is there already, and left as it is\n`)
    return exitCode.conflict
  }
  if (outcome.kind === 'nothing') return exitCode.notFound
  if (outcome.kind === 'fault') return complainOf(outcome.fault, 'export', io)
  const { export: held, audit: whole } = outcome.proof
  const [from, until] = [held.first.seq, held.last.seq]
  const gaps = held.isUnbroken ? '' : ', with others left out between them'
  io.stdout.write(
    `${held.records} records, from ${from} to ${until}${gaps}; sha256 ${held.sha256}\n` +
      `the audit is whole up to record ${whole.last.seq}, hash ${whole.last.hash}\n`,
  )
  return exitCode.ok
}

/** @returns undefined where a file is in the way */
function exportOrConflict(request: ExportRequest): ExportOutcome | undefined {
  try {
    return exportAudit(request)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined
    throw error
  }
}

async function verify(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, verifyOptions)
  const [file] = operands(positionals, ['FILE'])
  const asJson = wantsJson(values.output)
  const { expect } = values
  if (expect !== undefined && !/^[0-9a-f]{64}$/i.test(expect)) {
    throw new UsageError(`--expect '${escapeText(expect, 80)}' is no hash: it has 64 hexadecimal digits`)
  }
  if (values.proof !== undefined) return verifyExport(file, values.proof, expect?.toLowerCase(), io)
  const verdict = verifyAudit(file, expect?.toLowerCase())
  const { fault } = verdict
  if (asJson) io.stdout.write(`${safeJson({ version: 1, isWhole: fault === undefined, ...verdict })}\n`)
  else io.stdout.write(`${verdictLines(verdict)}\n`)
  return fault === undefined ? exitCode.ok : complainOf(fault, 'verify', io)
}

/** An export with the proof that was written beside it. */
function verifyExport(file: string, proofFile: string, expected: string | undefined, io: Io): number {
  const proof = readProof(proofFile)
  if (proof === undefined) {
    return complainOf({ file: proofFile, line: undefined, why: 'it is no proof of an export' }, 'verify', io)
  }
  const fault = exportFault(file, proof, expected)
  if (fault !== undefined) return complainOf({ file, line: fault.line, why: fault.why }, 'verify', io)
  const { export: held, audit: whole } = proof
  io.stdout.write(
    `as it was exported: ${held.records} records, from ${held.first.seq} to ${held.last.seq}\n` +
      `the audit was whole up to record ${whole.last.seq}, hash ${whole.last.hash}\n`,
  )
  return exitCode.ok
}

function complainOf({ file, line, why }: AuditFault, action: string, io: Io): number {
  const place = `${escapeText(file, 4096)}${line === undefined ? '' : `:${line}`}`
  io.stderr.write(`castellan audit ${action}: ${place}: ${escapeText(why, 4096)}\n`)
  return exitCode.invalid
}

function verdictLines({ files, records, first, last, head, expectedAt, isTorn, fault }: AuditVerdict): string {
  const span = first === undefined || last === undefined ? '' : `, from ${first} to ${last.seq}`
  const behind = fault === undefined ? 'whole' : 'whole up to here'
  return [
    `${behind}: ${records} records${span}, files: ${files}`,
    ...(last === undefined ? [] : [`last hash: ${last.hash}`]),
    head === undefined
      ? 'no head beside the file: whether its end was cut off cannot be told without --expect'
      : `head: record ${head.seq} was made safe; whether later ones were cut off cannot be told`,
    ...(expectedAt === undefined ? [] : [`expected hash: that of record ${expectedAt}`]),
    ...(isTorn ? ['behind the last record stands a part of another: it is being written, or a crash cut it off'] : []),
  ].join('\n')
}

/** @throws UsageError */
function wordOf<const W extends string>(word: string, option: string, words: readonly W[]): W {
  const known = words.find(one => one === word)
  if (known !== undefined) return known
  throw new UsageError(`--${option} '${escapeText(word, 40)}' is none of ${words.join(', ')}`)
}

/** Milliseconds since the epoch; a duration is one before now. @throws UsageError */
function timeOf(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined
  const ago = /^\d{1,6}[smhd]$/.test(text) ? duration(text, option) : undefined
  if (ago !== undefined) return now() - ago
  const time = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
    ? Date.parse(text)
    : Number.NaN
  if (!Number.isNaN(time)) return time
  throw new UsageError(`--${option} '${escapeText(text, 40)}' is not like 2026-11-22T15:30:00Z or 24h`)
}

/** Shows records, as fast as they are taken. */
class Printer {
  shown = 0
  exitCode: number = exitCode.ok
  readonly #asJson: boolean
  readonly #io: Io
  readonly #query: AuditQuery

  constructor(asJson: boolean, io: Io, query: AuditQuery = {}) {
    this.#asJson = asJson
    this.#io = io
    this.#query = query
  }

  async show({ file, number, bytes }: AuditLine): Promise<void> {
    const record = readRecord(bytes)
    if (typeof record === 'string') {
      this.exitCode = exitCode.invalid
      this.#io.stderr.write(`castellan audit: ${escapeText(file, 4096)}:${number}: ${record}\n`)
      return
    }
    const line = bytes.toString()
    if (!matches(record, line, this.#query)) return
    this.shown++
    const text = this.#asJson ? safeJsonText(line) : lineOf(record)
    if (!this.#io.stdout.write(`${text}\n`)) await once(this.#io.stdout, 'drain')
  }
}
