// How the actions of a verb print what they list: the formats of `-o`, and columns for each.

import { escapeText } from '../base/escape.ts'
import { UsageError } from './command.ts'

export const formats = ['table', 'json', 'tsv', 'name'] as const
export type Format = (typeof formats)[number]

/** @param allowed what this action prints @throws UsageError */
export function outputFormat<const F extends readonly Format[] = typeof formats>(
  word: string | undefined,
  allowed: F = formats as unknown as F,
): F[number] {
  const format = allowed.find(known => known === (word ?? 'table'))
  if (format !== undefined) return format
  if (word === 'yaml') throw new UsageError('-o yaml is not written here; -o json is, and YAML 1.2 reads that as it is')
  throw new UsageError(`-o '${escapeText(word ?? '', 40)}' is none of ${allowed.join(', ')}`)
}

/** Whether an action that prints lines or JSON is to print JSON. @throws UsageError */
export function wantsJson(word: string | undefined): boolean {
  return outputFormat(word, ['table', 'json']) === 'json'
}

/** Columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return rows.map(row => `${line(row)}\n`).join('')
}

/** A line for each row, cells apart by tabs: for cut(1) and spreadsheets. Cells are escaped text, without a tab. */
export function tsv(rows: readonly (readonly string[])[]): string {
  return rows.map(row => `${row.join('\t')}\n`).join('')
}

/** `2026-11-22 10:03` in UTC. */
export function shortTime(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ')
}
