// Two whole runs beside each other: whether their medians agree.

import type { Report, ReportRow } from './report.ts'
import { aligned, formatSignificant } from './table.ts'

/** Medians of two runs on one machine that differ by more than this are not the same. */
export const toleratedDifference = 0.15

export interface ComparedRow {
  readonly scenario: string
  readonly access: string
  readonly broker: string
  readonly headline: string
  /** Medians; undefined where a run has none. */
  readonly before: number | undefined
  readonly after: number | undefined
  /** (After − before) ÷ before; undefined unless both are there, and the first is not 0. */
  readonly difference: number | undefined
  readonly agrees: boolean
}

/** Every line of either run, in the first one's order. What neither run can measure is left out. */
export function compareReports(before: Report, after: Report): ComparedRow[] {
  const second = new Map(after.rows.map(row => [keyOf(row), row]))
  const first = new Map(before.rows.map(row => [keyOf(row), row]))
  return [...new Set([...first.keys(), ...second.keys()])].flatMap(key => compareRow(first.get(key), second.get(key)))
}

/** A table, and a last line that says whether all agree. */
export function formatComparison(before: Report, after: Report, rows: readonly ComparedRow[]): string {
  const head = ['scenario', 'config', 'broker', 'figure', before.commit, after.commit, 'difference']
  const lines = rows.map(row => [
    row.scenario,
    row.access,
    row.broker,
    row.headline,
    formatSignificant(row.before) || 'none',
    formatSignificant(row.after) || 'none',
    row.difference === undefined ? 'DIFFERS' : `${percent(row.difference)}${row.agrees ? '' : ' DIFFERS'}`,
  ])
  const differing = rows.filter(({ agrees }) => !agrees).length
  const tolerated = `${toleratedDifference * 100} %`
  const verdict =
    differing === 0
      ? `all ${rows.length} medians agree within ${tolerated}`
      : `${differing} of ${rows.length} medians differ by more than ${tolerated}, or are missing from one run`
  return [...conditions(before, after), ...aligned([head, ...lines], 4), '', verdict].join('\n').concat('\n')
}

function compareRow(before: ReportRow | undefined, after: ReportRow | undefined): ComparedRow[] {
  const row = before ?? after
  if (row === undefined || (cannot(before) && cannot(after))) return []
  const [first, second] = [headlineOf(before), headlineOf(after)]
  const both = first !== undefined && second !== undefined
  return [
    {
      scenario: row.scenario,
      access: row.access,
      broker: row.broker,
      headline: row.headline,
      before: first,
      after: second,
      difference: both && first !== 0 ? second / first - 1 : undefined,
      agrees: both && Math.abs(second - first) <= toleratedDifference * first,
    },
  ]
}

function keyOf({ scenario, access, broker }: ReportRow): string {
  return `${scenario}\n${access}\n${broker}`
}

function headlineOf(row: ReportRow | undefined): number | undefined {
  return row?.figures[row.headline]?.median
}

function cannot(row: ReportRow | undefined): boolean {
  return row === undefined || row.unable !== undefined
}

/** What makes two runs hard to compare. */
function conditions(before: Report, after: Report): string[] {
  const differing = (['machine', 'pinned', 'rounds', 'seconds', 'quick'] as const).filter(
    name => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  )
  return differing.length === 0 ? [] : [`the runs were made under different conditions: ${differing.join(', ')}`, '']
}

function percent(difference: number): string {
  return `${difference < 0 ? '−' : '+'}${Math.abs(difference * 100).toFixed(1)} %`
}
