// Reports as files: written, kept beside the code, and read again.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { escapeText } from '../src/base/escape.ts'
import { BenchError } from './bench-error.ts'
import { type Report, reportFormat } from './report.ts'
import { formatMarkdown } from './table.ts'

const kept = join(import.meta.dirname, 'results')

export function formatJson(report: Report): string {
  return `${JSON.stringify(report, undefined, 2)}\n`
}

/** Writes `bench/results/DATE-COMMIT.json` and `.md`. @returns their common path, without the ending */
export function keepReport(report: Report): string {
  mkdirSync(kept, { recursive: true })
  const name = `${report.date.slice(0, 10)}-${report.commit}`
  writeFileSync(join(kept, `${name}.json`), formatJson(report))
  writeFileSync(join(kept, `${name}.md`), formatMarkdown(report))
  return `bench/results/${name}`
}

/** @throws BenchError for a file that cannot be read, or is no report of this format */
export function readReport(path: string): Report {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new BenchError(`cannot read '${escapeText(path)}'; expected a file written by --json or --keep`, { cause })
  }
  const format = (value as Partial<Report> | null)?.format
  if (format === reportFormat && Array.isArray((value as Report).rows)) return value as Report
  throw new BenchError(
    `'${escapeText(path)}' is no benchmark report of format ${reportFormat}; npm run bench -- --json writes one`,
  )
}
