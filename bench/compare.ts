// Two whole runs beside each other: whether what ought to be stable agrees.

import { comparedBrokers, type Report, type ReportRow } from './report.ts'
import { aligned, formatSignificant } from './table.ts'

/** Figures of two runs on one machine that differ by more than this are not the same. */
export const toleratedDifference = 0.15

export interface ComparedRow {
  readonly scenario: string
  readonly access: string
  readonly broker: string
  /** A figure's name, or `ours÷` for the ratio of Castellan's to this broker's. */
  readonly figure: string
  /** Medians, or ratios of them; undefined where a run has none. */
  readonly before: number | undefined
  readonly after: number | undefined
  /** (After − before) ÷ before; undefined unless both are there, and the first is not 0. */
  readonly difference: number | undefined
  readonly agrees: boolean
  /** Whether the verdict depends on it: not on wall-clock time, in which no two runs agree. */
  readonly counted: boolean
}

/**
 * What either run has of Castellan and Mosquitto, which have all rounds, in the first one's order: each median, and the
 * ratio of the two. What neither run can measure is left out.
 */
export function compareReports(before: Report, after: Report): ComparedRow[] {
  const [first, second] = [rowsByKey(before), rowsByKey(after)]
  return [...new Set([...first.keys(), ...second.keys()])].flatMap(key => compareRow(first.get(key), second.get(key)))
}

/** Whether there is something that counts, and all of it agrees. */
export function runsAgree(rows: readonly ComparedRow[]): boolean {
  const counted = rows.filter(row => row.counted)
  return counted.length > 0 && counted.every(({ agrees }) => agrees)
}

/** A table, and a last line that says whether all agree. */
export function formatComparison(before: Report, after: Report, rows: readonly ComparedRow[]): string {
  const head = ['scenario', 'config', 'broker', 'figure', 'first', 'second', 'difference']
  const lines = rows.map(row => [
    row.scenario,
    row.access,
    row.broker,
    row.figure,
    formatSignificant(row.before) || 'none',
    formatSignificant(row.after) || 'none',
    differenceText(row),
  ])
  return [
    `first: ${before.commit}, ${before.date}`,
    `second: ${after.commit}, ${after.date}`,
    ...conditions(before, after),
    '',
    ...aligned([head, ...lines], 4),
    '',
    ...verdict(rows),
  ]
    .join('\n')
    .concat('\n')
}

function rowsByKey({ rows }: Report): ReadonlyMap<string, ReportRow> {
  const compared = rows.filter(({ broker }) => comparedBrokers.includes(broker))
  return new Map(compared.map(row => [`${row.scenario}\n${row.access}\n${row.broker}`, row]))
}

function compareRow(before: ReportRow | undefined, after: ReportRow | undefined): ComparedRow[] {
  const row = before ?? after
  if (row === undefined || (cannot(before) && cannot(after))) return []
  const { scenario, access, broker, headline } = row
  const place = {
    scenario,
    access,
    broker,
    counted: headline === 'cpuMicroseconds' || headline === 'bytesPerConnection',
  }
  const median = { ...place, figure: headline, ...compared(headlineOf(before), headlineOf(after)) }
  if (before?.ratio === undefined && after?.ratio === undefined) return [median]
  return [median, { ...place, figure: 'ours÷', ...compared(before?.ratio, after?.ratio) }]
}

function compared(before: number | undefined, after: number | undefined) {
  const both = before !== undefined && after !== undefined
  return {
    before,
    after,
    difference: both && before !== 0 ? after / before - 1 : undefined,
    agrees: both && Math.abs(after - before) <= toleratedDifference * before,
  }
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
  return differing.length === 0 ? [] : [`the runs were made under different conditions: ${differing.join(', ')}`]
}

function differenceText({ difference, agrees, counted }: ComparedRow): string {
  const mark = !counted ? 'not counted' : agrees ? '' : 'DIFFERS'
  return [difference === undefined ? '' : percent(difference), mark].filter(text => text !== '').join(' ')
}

function verdict(rows: readonly ComparedRow[]): string[] {
  const counted = rows.filter(row => row.counted)
  const differing = counted.filter(({ agrees }) => !agrees).length
  const tolerated = `${toleratedDifference * 100} %`
  const lines =
    counted.length === rows.length
      ? []
      : [`${rows.length - counted.length} figures of wall-clock time are not counted: no two runs agree in them`]
  if (counted.length === 0) return [...lines, 'nothing to compare: no CPU time and no memory of Castellan or Mosquitto']
  if (differing === 0) return [...lines, `all ${counted.length} figures agree within ${tolerated}`]
  return [
    ...lines,
    `${differing} of ${counted.length} figures differ by more than ${tolerated}, or are missing from one run`,
  ]
}

function percent(difference: number): string {
  return `${difference < 0 ? '−' : '+'}${Math.abs(difference * 100).toFixed(1)} %`
}
