// `npm run bench`: measures Castellan and its peers, or compares what was measured. --help tells how.

import { AppError } from '../src/base/errors.ts'
import { type BenchArguments, benchHelp, parseBenchArguments, type RunArguments, selectNames } from './arguments.ts'
import { compareReports, formatComparison, runsAgree } from './compare.ts'
import { checkWritable, formatJson, keepReport, readReport, writeReport } from './results.ts'
import { runBench } from './run.ts'
import { type Scenario, scenarios } from './scenarios.ts'
import { aligned, formatText } from './table.ts'

const exitCode = { ok: 0, failed: 1, usage: 2 } as const

/** @returns the exit code */
async function main(args: BenchArguments): Promise<number> {
  switch (args.action) {
    case 'help':
      process.stdout.write(benchHelp)
      return exitCode.ok
    case 'list':
      process.stdout.write(list())
      return exitCode.ok
    case 'compare': {
      const [before, after] = [readReport(args.before), readReport(args.after)]
      const rows = compareReports(before, after)
      process.stdout.write(formatComparison(before, after, rows))
      return runsAgree(rows) ? exitCode.ok : exitCode.failed
    }
    case 'run':
      return run(args, select(args.only))
  }
}

async function run(args: RunArguments, selected: readonly Scenario[]): Promise<number> {
  const report = await runBench(args, selected, line => process.stderr.write(`${line}\n`))
  const toOutput = args.json === '-'
  process[toOutput ? 'stderr' : 'stdout'].write(`\n${formatText(report)}`)
  if (toOutput) process.stdout.write(formatJson(report))
  else if (args.json !== undefined) writeReport(args.json, formatJson(report))
  if (args.keep) process.stderr.write(`\nkept as bench/results/${keepReport(report)}.json and .md\n`)
  return report.rows.some(({ problems }) => problems.length > 0) ? exitCode.failed : exitCode.ok
}

/** Scenarios by their own name, or by that of their family. */
function select(only: readonly string[] | undefined): readonly Scenario[] {
  const names = scenarios.flatMap(({ name, family }) => [name, ...(family === undefined ? [] : [family])])
  const wanted = selectNames(only, [...new Set(names)])
  return scenarios.filter(
    ({ name, family }) => wanted.includes(name) || (family !== undefined && wanted.includes(family)),
  )
}

function list(): string {
  const lines = scenarios.map(({ name, what, rows }) => [name, what, rows.map(targetOf).join('')])
  return aligned([['scenario', 'what', 'target'], ...lines], 3)
    .join('\n')
    .concat('\n')
}

function targetOf({ target }: Scenario['rows'][number]): string {
  if (target === undefined) return ''
  if ('times' in target) return `≥ ${target.times} × Mosquitto's in ${target.than}`
  return 'ratio' in target ? `≤ ${target.ratio} of Mosquitto's` : `≤ ${target.most} bytes`
}

/** What is wrong with the command line, or with where results are to go, before anything is started. */
function readArguments(): BenchArguments {
  const args = parseBenchArguments(process.argv.slice(2))
  if (args.action === 'run') {
    select(args.only)
    checkWritable(args.json === '-' ? undefined : args.json, args.keep)
  }
  return args
}

function complain(error: unknown, code: number): number {
  if (!(error instanceof AppError)) throw error
  process.stderr.write(`bench: ${error.message}\n`)
  return code
}

let args: BenchArguments | undefined
try {
  args = readArguments()
} catch (error) {
  process.exitCode = complain(error, exitCode.usage)
}
if (args !== undefined) process.exitCode = await main(args).catch(error => complain(error, exitCode.failed))
