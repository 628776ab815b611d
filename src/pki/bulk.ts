// Thousands of certificates from a table, in groups: killed at any moment and started again, it ends as if nothing had happened.

import { isUtf8 } from 'node:buffer'
import { hash } from 'node:crypto'
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { escapeText } from '../base/escape.ts'
import { type BundleFormat, bundleFiles, fileNameOf } from './bundle.ts'
import type { CertificateEngine, CertificateOrder, IssuedCertificate } from './engine.ts'
import { PkiConflictError, PkiError, PkiFileError } from './errors.ts'
import { writeWhole } from './files.ts'
import type { CertificateRecord } from './inventory.ts'

export interface BulkRow {
  readonly name: string
  readonly alternatives: readonly string[]
  readonly lifetimeDays?: number
}

export interface BulkJob {
  readonly rows: readonly BulkRow[]
  readonly profile: string
  readonly format: Exclude<BundleFormat, 'dir' | 'p12'>
  readonly directory: string
  readonly by: string
  now(): number
  /** With what an earlier run did. */
  onStart(done: number): void
  /** After each group. */
  onProgress(done: number): void
}

export interface BulkResult {
  readonly issued: number
  readonly there: number
}

/** How many certificates one write to the journal records: what a crash may cost is the work on these. */
export const groupSize = 50
export const maxRows = 1_000_000

const manifestHead = 'row,name,serial,fingerprint,file,sha256\n'

/**
 * A bundle and a line of manifest.csv for each row. Each group is staged in a hidden directory, recorded, and then moved to
 * its place: nothing that is not recorded is handed out, and nothing that is recorded is lost.
 *
 * @throws PkiConflictError when the directory is that of another table
 * @throws PkiFileError when others than who runs this could put files into it
 * @throws PkiError naming the row
 */
export async function issueBulk(engine: CertificateEngine, job: BulkJob): Promise<BulkResult> {
  refuseTwice(job.rows)
  const place = new BulkDirectory(job)
  const written = place.resume()
  job.onStart(written)
  for (let row = written; row < job.rows.length; row += groupSize) {
    await issueGroup(engine, job, place, row)
    job.onProgress(Math.min(row + groupSize, job.rows.length))
  }
  place.finish()
  return { issued: job.rows.length - written, there: written }
}

async function issueGroup(engine: CertificateEngine, job: BulkJob, place: BulkDirectory, from: number): Promise<void> {
  const group = job.rows.slice(from, from + groupSize)
  const recorded = group.map((row, index) => place.staged(row, from + index, engine))
  const missing = group.flatMap((row, index) => (recorded[index] === undefined ? [{ row, number: from + index }] : []))
  await place.revokeLost(engine, missing)
  const orders = missing.map(({ row, number }) => orderOf(job, place.name, row, number))
  if (orders.length > 0) {
    const issued = await engine.issueMany(orders, async all => {
      for (const one of all) await place.stage(one)
    })
    for (const [index, { record }] of issued.entries()) recorded[missing[index]!.number - from] = record
  }
  place.publish(recorded as CertificateRecord[], from)
}

function orderOf(
  job: BulkJob,
  jobName: string,
  { name, alternatives, lifetimeDays }: BulkRow,
  number: number,
): CertificateOrder {
  return {
    profile: job.profile,
    subject: { name, alternatives },
    proof: { kind: 'generate' },
    options: {
      now: job.now(),
      by: `${job.by} ${jobName}:${number}`,
      ...(lifetimeDays === undefined ? {} : { lifetimeDays }),
    },
  }
}

/** The same table for the same profile is the same job. */
function nameOf({ rows, profile }: BulkJob): string {
  return `bulk-${hash('sha256', JSON.stringify([profile, rows]), 'hex').slice(0, 16)}`
}

class BulkDirectory {
  readonly #job: BulkJob
  readonly name: string
  readonly #staging: string
  readonly #manifest: string
  readonly #mark: string

  constructor(job: BulkJob) {
    this.#job = job
    this.name = nameOf(job)
    this.#staging = join(job.directory, '.staging')
    this.#manifest = join(job.directory, 'manifest.csv')
    this.#mark = join(job.directory, '.job')
  }

  /** @returns how many rows are done */
  resume(): number {
    const { directory } = this.#job
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    refuseForeign(directory)
    if (!existsSync(this.#mark)) {
      if (readdirSync(directory).length > 0) throw this.#other('is not empty')
      writeFileSync(this.#mark, this.name, { flush: true })
    }
    if (readFileSync(this.#mark, 'utf8') !== this.name) throw this.#other('belongs to another table or profile')
    mkdirSync(this.#staging, { recursive: true, mode: 0o700 })
    for (const path of [this.#mark, this.#staging, this.#manifest]) refuseLink(path)
    if (!existsSync(this.#manifest)) writeWhole(this.#manifest, manifestHead, 0o600)
    return this.#wholeLines()
  }

  /** What was recorded for a row by an earlier run that could not publish it; undefined when its bundle is not there. */
  staged(row: BulkRow, number: number, engine: CertificateEngine): CertificateRecord | undefined {
    const record = this.#recordOf(row, number, engine)
    if (record === undefined) return undefined
    const isThere = existsSync(this.#stagedPath(record)) || existsSync(this.#finalPath(record))
    return isThere ? record : undefined
  }

  /** A power failure can lose the key of what was recorded: nobody has it, and nobody shall. */
  async revokeLost(engine: CertificateEngine, rows: readonly { row: BulkRow; number: number }[]): Promise<void> {
    const lost = rows.flatMap(({ row, number }) => this.#recordOf(row, number, engine) ?? [])
    if (lost.length > 0) await engine.revoke(lost, 'superseded', this.#job.now())
  }

  async stage(issued: IssuedCertificate): Promise<void> {
    const [file] = await bundleFiles(issued, this.#job.format, { at: issued.record.notBefore })
    writeFileSync(this.#stagedPath(issued.record), file!.content, { mode: 0o400 })
  }

  /** Moves the bundles of consecutive rows to their place, and only then says in the manifest that they are there. */
  publish(records: readonly CertificateRecord[], from: number): void {
    let lines = ''
    for (const [index, record] of records.entries()) {
      const [staged, final] = [this.#stagedPath(record), this.#finalPath(record)]
      if (existsSync(staged)) renameSync(staged, final)
      const { name, serial, fingerprint } = record
      const sha256 = hash('sha256', readFileSync(final), 'hex')
      lines += `${from + index + 1},${csvCell(name)},${serial},${fingerprint},${csvCell(this.#fileName(record))},${sha256}\n`
    }
    appendFileSync(this.#manifest, lines, { flush: true })
  }

  finish(): void {
    rmSync(this.#staging, { recursive: true, force: true })
  }

  /** A line that was cut short is cut off. */
  #wholeLines(): number {
    const text = readFileSync(this.#manifest, 'utf8')
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    if (whole !== text) writeWhole(this.#manifest, whole, 0o600)
    return whole.split('\n').length - 2
  }

  #recordOf({ name }: BulkRow, number: number, { inventory }: CertificateEngine): CertificateRecord | undefined {
    const mark = ` ${this.name}:${number}`
    for (const record of inventory.lookingLike(name)) {
      if (record.revocation === undefined && record.by.endsWith(mark)) return record
    }
    return undefined
  }

  #stagedPath({ serial }: CertificateRecord): string {
    return join(this.#staging, serial)
  }

  #finalPath(record: CertificateRecord): string {
    return join(this.#job.directory, this.#fileName(record))
  }

  #fileName({ name }: CertificateRecord): string {
    const { format } = this.#job
    return `${fileNameOf(name)}.${format === 'header' ? 'h' : format}`
  }

  #other(what: string): PkiConflictError {
    return new PkiConflictError(
      `'${escapeText(this.#job.directory, 4096)}' ${what}; choose another directory with --out`,
    )
  }
}

/** Private keys go there: whoever could write to it could have them written elsewhere, or replaced. */
function refuseForeign(directory: string): void {
  refuseLink(directory)
  const { uid, mode } = lstatSync(directory)
  const shown = `'${escapeText(directory, 4096)}'`
  if (uid !== process.getuid?.())
    throw new PkiFileError(`${shown} belongs to user ${uid}; choose a directory of your own with --out`)
  if ((mode & 0o022) !== 0)
    throw new PkiFileError(`${shown} can be written by others (mode ${(mode & 0o777).toString(8)}); it must be 0700`)
}

function refuseLink(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true)
    throw new PkiFileError(`'${escapeText(path, 4096)}' is a symbolic link; name the directory itself with --out`)
}

/** What a spreadsheet would run as a formula begins with an apostrophe: it is read as text then (CWE-1236). */
function csvCell(text: string): string {
  const cell = /^[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(text) ? `'${text}` : text
  return /[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}

function refuseTwice(rows: readonly BulkRow[]): void {
  const seen = new Map<string, number>()
  for (const [index, { name }] of rows.entries()) {
    const file = fileNameOf(name)
    const before = seen.get(file)
    if (before !== undefined) {
      throw new PkiError(
        `rows ${before + 1} and ${index + 1} are both '${escapeText(file, 80)}'; each needs a name of its own`,
      )
    }
    seen.set(file, index)
  }
}

/**
 * The rows of a table: RFC 4180, its first row the names of columns `name`, `san`, `days`.
 *
 * @param table UTF-8; in any other encoding its names would be certified as what they are not
 * @throws PkiError naming the line
 */
export function parseBulkTable(table: Uint8Array): BulkRow[] {
  if (!isUtf8(table)) throw new PkiError('the table is not UTF-8; save it as such')
  const [head = [], ...lines] = parseCsv(Buffer.from(table).toString())
  const column = (name: string) => head.findIndex(cell => cell.trim().toLowerCase() === name)
  const [name, san, days] = [column('name'), column('san'), column('days')]
  if (name < 0) throw new PkiError("the first row must name the columns, one of them 'name'")
  if (lines.length > maxRows) throw new PkiError(`the table has ${lines.length} rows, at most ${maxRows} are taken`)
  return lines.map((cells, index) => {
    const own = cells[name]?.trim() ?? ''
    if (own === '') throw new PkiError(`row ${index + 1} has no name`)
    const lifetime = (days < 0 ? '' : (cells[days]?.trim() ?? '')) || undefined
    if (lifetime !== undefined && !/^\d{1,5}$/.test(lifetime))
      throw new PkiError(`row ${index + 1}: days is no whole number`)
    const alternatives = (san < 0 ? '' : (cells[san] ?? '')).split(/\s+/).filter(word => word !== '')
    return { name: own, alternatives, ...(lifetime === undefined ? {} : { lifetimeDays: Number(lifetime) }) }
  })
}

function parseCsv(text: string): string[][] {
  const rows: string[][] = []
  // A cell of 64 Ki characters is no name; one of millions takes the expression's stack.
  const cell = /("(?:[^"]|""){0,65536}"|[^",\r\n]{0,65536})(,|\r?\n|$)/gy
  let row: string[] = []
  const body = text.replace(/^\ufeff/, '')
  while (cell.lastIndex < body.length) {
    const match = cell.exec(body)
    if (match === null) throw new PkiError(`row ${rows.length} has a quote in the wrong place, or far too long a cell`)
    const [, raw = '', end] = match
    row.push(raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw)
    if (end === ',') continue
    if (row.some(value => value.trim() !== '')) rows.push(row)
    row = []
  }
  // The last line may end behind a comma.
  return row.length > 0 ? [...rows, row] : rows
}
