// Shows a report: one table, what was missing from it, and on what it was made; as text for a terminal and as Markdown.

import type { FigureName } from './figures.ts'
import { comparedBrokers, type Report, type ReportRow, targetReached, timesThan } from './report.ts'
import type { Target } from './scenarios.ts'

/** For a terminal: aligned columns. */
export function formatText(report: Report): string {
  return [...preamble(report), '', ...aligned([columns, ...rowsOf(report)]), ...notes(report)].join('\n').concat('\n')
}

/** The same as Markdown, for a file. */
export function formatMarkdown(report: Report): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = columns.map((_, index) => (index < textColumns ? '---' : '---:'))
  const table = [columns, rule, ...rowsOf(report)].map(line)
  const [title = '', ...rest] = preamble(report)
  const listed = [...rest, ...notes(report)].filter(text => text !== '').map(text => `- ${text}`)
  return [`# ${title}`, '', ...table, '', ...listed].join('\n').concat('\n')
}

const columns = [
  'scenario',
  'config',
  'broker',
  'CPU µs',
  'core×',
  '±',
  'per second',
  'p50 µs',
  'p99 µs',
  'p99.9 µs',
  'B/conn',
  'ours÷',
  'target',
] as const
/** The first ones are words. */
const textColumns = 3
/** From here on the generator, not the broker, sets the pace. */
const generatorLimitPercent = 95

function preamble(report: Report): string[] {
  const { date, commit, commitUnknown, machine, pinned, quick, brokers } = report
  const names = brokers.map(({ name, version, absent }) =>
    absent === undefined ? `${name} ${version ?? '(version unknown)'}` : `${name} is ABSENT: ${absent}`,
  )
  const cores = pinned ? 'broker on core 0, load on core 1' : 'NOT pinned to cores: fewer than two, or no taskset'
  return [
    `Benchmark of ${commit}${commitUnknown === undefined ? '' : ` (${commitUnknown})`}, ${date}${quick ? ' (--quick: NO figures to quote)' : ''}`,
    `${machine.processor}, ${machine.cores} cores, ${machine.kernel}, Node ${machine.node}; ${cores}`,
    `${roundsText(report)}, median, ± (largest − smallest) ÷ median of the figure that ratios are made of`,
    names.join('; '),
  ]
}

function roundsText({ rounds, otherRounds = rounds, seconds, brokers }: Report): string {
  const others = brokers.filter(({ name, absent }) => !comparedBrokers.includes(name) && absent === undefined)
  const fewer =
    others.length === 0 || otherRounds === rounds
      ? ''
      : ` (${others.map(({ name }) => name).join(', ')}: ${otherRounds})`
  return `${rounds} ${rounds === 1 ? 'round' : 'rounds'}${fewer} of ${seconds} s`
}

function rowsOf({ rows, quick }: Report): string[][] {
  return rows.map((row, index) => {
    const before = rows[index - 1]
    const repeated = before?.scenario === row.scenario && before.access === row.access
    return [repeated ? '' : row.scenario, repeated ? '' : row.access, row.broker, ...cells(row, rows, quick)]
  })
}

function cells(row: ReportRow, rows: readonly ReportRow[], quick: boolean): string[] {
  const headline = row.figures[row.headline]
  const none = row.unable !== undefined ? 'n/a' : headline === undefined ? 'FAILED' : undefined
  const limited = (row.figures.generatorPercent?.median ?? 0) >= generatorLimitPercent
  const whole = (name: FigureName) => formatWhole(row.figures[name]?.median)
  return [
    none ?? formatSignificant(row.figures.cpuMicroseconds?.median),
    formatSignificant(row.figures.coreSlowness?.median),
    headline === undefined || headline.values.length < 2 ? '' : `${Math.round(headline.spread * 100)} %`,
    whole('perSecond') + (limited ? '*' : ''),
    whole('p50'),
    whole('p99'),
    whole('p999'),
    whole('bytesPerConnection'),
    formatSignificant(row.ratio),
    targetText(row, rows, quick),
  ]
}

function boundText(row: ReportRow, target: Target, rows: readonly ReportRow[]): string {
  if ('times' in target) {
    const times = formatSignificant(timesThan(row, target.than, rows)) || '?'
    return `${times} × ${target.than}, ≥ ${target.times}`
  }
  return `≤ ${'ratio' in target ? target.ratio : target.most}`
}

/** No verdict on a quick run: it is short, and its ten thousand connections are a thousand. */
function targetText(row: ReportRow, rows: readonly ReportRow[], quick: boolean): string {
  if (row.target === undefined) return ''
  const reached = quick ? undefined : targetReached(row, rows)
  return `${boundText(row, row.target, rows)}${reached === undefined ? '' : reached ? ' met' : ' MISSED'}`
}

function notes({ rows }: Report): string[] {
  const lines = ['']
  const limited = rows.some(({ figures }) => (figures.generatorPercent?.median ?? 0) >= generatorLimitPercent)
  if (limited) lines.push('* the load generator was at its own limit: the broker could deliver more a second')
  for (const row of rows) {
    const title = `${row.scenario}, ${row.access}, ${row.broker}`
    if (row.unable !== undefined) lines.push(`n/a: ${title}: ${row.unable}`)
    for (const problem of row.problems) lines.push(`FAILED: ${title}: ${problem}`)
  }
  return lines.length === 1 ? [] : [...new Set(lines)]
}

/** Three digits that count, without exponents. */
export function formatSignificant(value: number | undefined): string {
  if (value === undefined) return ''
  return value >= 100 ? formatWhole(value) : String(Number(value.toPrecision(3)))
}

/** `1,234,567`. */
export function formatWhole(value: number | undefined): string {
  return value === undefined ? '' : Math.round(value).toLocaleString('en-US')
}

/** Words to the left, figures to the right. */
export function aligned(lines: readonly (readonly string[])[], words = textColumns): string[] {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map(line => line[column]?.length ?? 0)))
  return lines.map(line =>
    line
      .map((cell, column) => (column < words ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}
