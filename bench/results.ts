// Reports as files: written, kept beside the code, and read again.

import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { escapeText } from '../src/base/escape.ts'
import { BenchError } from './bench-error.ts'
import { type Report, reportFormat } from './report.ts'
import { formatMarkdown } from './table.ts'

const kept = join(import.meta.dirname, 'results')

export function formatJson(report: Report): string {
  return `${JSON.stringify(report, undefined, 2)}\n`
}

/**
 * Whether the results of a run can be written when it is over. No file is left behind, an earlier one is not touched.
 *
 * @param json the file of --json; undefined for none
 * @param keep whether they are kept in `bench/results/` too
 * @throws BenchError with the path, and what is needed
 */
export function checkWritable(json: string | undefined, keep: boolean): void {
  if (json !== undefined) check('--json', json, () => tryFile(json))
  if (keep) {
    check('--keep', kept, () => {
      mkdirSync(kept, { recursive: true })
      tryFile(join(kept, `.trial-${process.pid}`))
    })
  }
}

/** @throws BenchError when it cannot be written */
export function writeReport(path: string, text: string): void {
  try {
    writeFileSync(path, text)
  } catch (cause) {
    throw new BenchError(`cannot write '${escapeText(path)}': ${codeOf(cause)}`, { cause })
  }
}

/**
 * Writes `DATE-TIME-COMMIT.json` and `.md`, UTC; never over an earlier result.
 *
 * @param directory `bench/results/`, unless told
 * @returns their common name, without the ending
 * @throws BenchError when they cannot be written
 */
export function keepReport(report: Report, directory = kept): string {
  const name = unusedName(report, directory)
  writeReport(join(directory, `${name}.json`), formatJson(report))
  writeReport(join(directory, `${name}.md`), formatMarkdown(report))
  return name
}

function unusedName({ date, commit }: Report, directory: string): string {
  const name = `${date.slice(0, 10)}-${date.slice(11, 13)}${date.slice(14, 16)}-${commit}`
  let free = name
  for (let copy = 2; existsSync(join(directory, `${free}.json`)); copy++) free = `${name}-${copy}`
  return free
}

function check(option: string, path: string, trial: () => void): void {
  try {
    trial()
  } catch (cause) {
    throw new BenchError(
      `${option} cannot write '${escapeText(path)}': ${codeOf(cause)}; it needs a place that exists and that this user may write to`,
      { cause },
    )
  }
}

/** What is there is not touched; what is not is made and removed. */
function tryFile(path: string): void {
  if (!existsSync(path)) {
    writeFileSync(path, '', { flag: 'wx' })
    rmSync(path)
  } else if (statSync(path).isDirectory()) {
    throw new BenchError('it is a directory')
  } else {
    accessSync(path, constants.W_OK)
  }
}

function codeOf(error: unknown): string {
  if (error instanceof BenchError) return error.message
  return (error as NodeJS.ErrnoException).code ?? 'unknown error'
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
