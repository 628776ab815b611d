// The results of a run, as they are kept: what was measured, on what, and what came of it.

import type { Access } from './access.ts'
import { type FigureName, type Figures, figureNames } from './figures.ts'
import type { Machine } from './machine.ts'
import type { Target } from './scenarios.ts'
import { ratio, type Summary, summarize } from './statistics.ts'

/** Rises when a field changes its meaning. */
export const reportFormat = 1

/** Those that targets and comparisons of runs are about: measured in every round. */
export const comparedBrokers: readonly string[] = ['castellan', 'mosquitto']

export interface BrokerEntry {
  readonly name: string
  /** As it tells itself; undefined when it does not, or is absent. */
  readonly version?: string
  /** Why it was not measured at all. */
  readonly absent?: string
}

export interface Report {
  readonly format: typeof reportFormat
  /** UTC, `YYYY-MM-DDThh:mm:ssZ`. */
  readonly date: string
  /** Short hash; `-dirty` behind it when the tree held other code than that. */
  readonly commit: string
  /** Why `commit` is `unknown`, where it is. */
  readonly commitUnknown?: string
  readonly machine: Machine
  /** Broker and load each on a core of their own. */
  readonly pinned: boolean
  readonly rounds: number
  /** Of brokers other than `comparedBrokers`; absent in reports from before there was a difference. */
  readonly otherRounds?: number
  readonly seconds: number
  readonly quick: boolean
  /** Castellan first. */
  readonly brokers: readonly BrokerEntry[]
  readonly rows: readonly ReportRow[]
}

/** One line of the table: one broker in one scenario. */
export interface ReportRow {
  /** With its part: `retained-1m load`. */
  readonly scenario: string
  readonly access: Access
  readonly broker: string
  readonly headline: FigureName
  readonly figures: { readonly [Name in FigureName]?: Summary }
  /** Our headline ÷ this broker's; absent for ourselves, and where one of them is missing. */
  readonly ratio?: number
  /** Beside Castellan's figure or beside the ratio to Mosquitto, whichever it is about. */
  readonly target?: Target
  /** Why there is no figure, or why a round is missing from it. */
  readonly problems: readonly string[]
  /** What it cannot do, so that there is nothing to measure; not a failure. */
  readonly unable?: string
}

/** What is known of one broker in one line, before it is compared. */
export interface RowInput {
  readonly scenario: string
  readonly access: Access
  readonly broker: string
  readonly headline: FigureName
  readonly target: Target | undefined
  readonly rounds: readonly Figures[]
  readonly problems: readonly string[]
  readonly unable: string | undefined
}

/** The lines of one scenario and access, with ratios. */
export function reportRows(inputs: readonly RowInput[]): ReportRow[] {
  const summed = inputs.map(input => ({ input, figures: sumUp(input.rounds) }))
  const ours = summed.find(({ input }) => input.broker === 'castellan')
  return summed.map(({ input, figures }) => {
    const { scenario, access, broker, headline, target, problems, unable } = input
    const compared =
      broker === 'castellan' ? undefined : ratio(ours?.figures[headline]?.median, figures[headline]?.median)
    return {
      scenario,
      access,
      broker,
      headline,
      figures,
      ...(compared !== undefined && { ratio: compared }),
      ...(target !== undefined && targetBroker(target) === broker && { target }),
      problems,
      ...(unable !== undefined && { unable }),
    }
  })
}

/** Whether what was to be reached was reached; undefined where nothing was asked, or nothing measured. @param rows all of the report */
export function targetReached(row: ReportRow, rows: readonly ReportRow[]): boolean | undefined {
  const { target } = row
  if (target === undefined) return undefined
  if ('ratio' in target) return row.ratio === undefined ? undefined : row.ratio <= target.ratio
  if ('times' in target) {
    const times = timesThan(row, target.than, rows)
    return times === undefined ? undefined : times >= target.times
  }
  const figure = row.figures[row.headline]
  return figure === undefined ? undefined : figure.median <= target.most
}

/** A row's figure ÷ Mosquitto's in another scenario; undefined where one of them is missing. */
export function timesThan(row: ReportRow, scenario: string, rows: readonly ReportRow[]): number | undefined {
  const { headline, access, figures } = row
  const other = rows.find(
    candidate => candidate.scenario === scenario && candidate.access === access && candidate.broker === 'mosquitto',
  )
  return ratio(figures[headline]?.median, other?.figures[headline]?.median)
}

/** Ratios are to Debian's Mosquitto. */
function targetBroker(target: Target): string {
  return 'ratio' in target ? 'mosquitto' : 'castellan'
}

function sumUp(rounds: readonly Figures[]): ReportRow['figures'] {
  const there = figureNames.flatMap(name => {
    const summary = summarize(rounds.flatMap(figures => figures[name] ?? []))
    return summary === undefined ? [] : [[name, summary] as const]
  })
  return Object.fromEntries(there)
}
