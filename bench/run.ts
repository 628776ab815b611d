// A whole run: which brokers, in which order, and what is made of it.

import { wallClock } from '../src/base/clock.ts'
import type { Access } from './access.ts'
import type { RunArguments } from './arguments.ts'
import { BenchError } from './bench-error.ts'
import { aedes } from './brokers/aedes.ts'
import type { Broker } from './brokers/broker.ts'
import { castellan } from './brokers/castellan.ts'
import { mosquitto } from './brokers/mosquitto.ts'
import { other } from './brokers/other.ts'
import { figuresOf } from './figures.ts'
import type { Scenario as LoadScenario } from './load/request.ts'
import type { LoadResult } from './load/result.ts'
import { describeCommit, describeMachine } from './machine.ts'
import { type Bench, measure, prepareBench } from './measure.ts'
import { interleave } from './order.ts'
import { canPin } from './processor-cores.ts'
import {
  type BrokerEntry,
  comparedBrokers,
  type Report,
  type ReportRow,
  type RowInput,
  reportFormat,
  reportRows,
} from './report.ts'
import { type Row, type Scenario, saturating, scenarios } from './scenarios.ts'
import { median } from './statistics.ts'

/** Told after each measurement what came of it. */
export type Progress = (line: string) => void

/** Everything that was asked for, measured; what failed is a problem in its row, and no other suffers. */
export async function runBench(args: RunArguments, selected: readonly Scenario[], tell: Progress): Promise<Report> {
  const brokers = brokersOf(args)
  for (const { name, absent } of brokers) if (absent !== undefined) tell(`${name} is absent: ${absent}`)
  const { commit, unknown } = describeCommit()
  const date = `${new Date(wallClock()).toISOString().slice(0, 19)}Z`
  const run = new Run(args, brokers, await prepareBench(args.seconds), tell)
  return {
    format: reportFormat,
    date,
    commit,
    ...(unknown !== undefined && { commitUnknown: unknown }),
    machine: describeMachine(),
    pinned: canPin,
    rounds: args.rounds,
    otherRounds: args.otherRounds,
    seconds: args.seconds,
    quick: args.quick,
    brokers: brokers.map(entryOf),
    rows: await run.scenarios(selected),
  }
}

function brokersOf({ without, peers }: RunArguments): readonly Broker[] {
  const known = [mosquitto, aedes].filter(({ name }) => !without.includes(name)).map(broker => broker())
  return [castellan(), ...known, ...peers.map(other)]
}

function entryOf({ name, version, absent }: Broker): BrokerEntry {
  return { name, ...(version !== undefined && { version }), ...(absent !== undefined && { absent }) }
}

/** What came of one broker's rounds in one scenario. */
interface Outcome {
  readonly broker: Broker
  readonly results: LoadResult[]
  readonly problems: string[]
  readonly unable: string | undefined
}

class Run {
  readonly #args: RunArguments
  readonly #brokers: readonly Broker[]
  readonly #bench: Bench
  readonly #tell: Progress
  /** Messages a second that Mosquitto delivered in `pairs-q1`. */
  readonly #saturation = new Map<Access, number>()

  constructor(args: RunArguments, brokers: readonly Broker[], bench: Bench, tell: Progress) {
    this.#args = args
    this.#brokers = brokers
    this.#bench = bench
    this.#tell = tell
  }

  async scenarios(selected: readonly Scenario[]): Promise<ReportRow[]> {
    const rows: ReportRow[] = []
    for (const scenario of selected) {
      for (const access of scenario.access ? [scenario.access] : this.#args.accesses) {
        const outcomes = await this.#outcomes(scenario, access)
        for (const row of scenario.rows) {
          rows.push(...reportRows(outcomes.map(outcome => rowInput(scenario, row, access, outcome))))
        }
      }
    }
    return rows
  }

  async #outcomes(scenario: Scenario, access: Access): Promise<readonly Outcome[]> {
    const outcomes = this.#brokers.map(
      (broker): Outcome => ({ broker, results: [], problems: [], unable: broker.absent ?? broker.unable(scenario) }),
    )
    const able = outcomes.filter(({ unable }) => unable === undefined)
    try {
      const load = await scenario.load({ quick: this.#args.quick, saturation: () => this.#saturationRate(access) })
      for (const [index, round] of interleave(able, ({ broker }) => this.#roundsOf(scenario, broker)).entries()) {
        for (const outcome of round) await this.#measure(scenario, access, load, outcome, index + 1)
      }
    } catch (error) {
      for (const { problems } of able) problems.push(reasonOf(error))
    }
    this.#remember(scenario, access, outcomes)
    return outcomes
  }

  #roundsOf({ roundsTimes = 1 }: Scenario, { name }: Broker): number {
    const { quick, rounds, otherRounds } = this.#args
    return comparedBrokers.includes(name) ? rounds * (quick ? 1 : roundsTimes) : otherRounds
  }

  async #measure(
    scenario: Scenario,
    access: Access,
    load: LoadScenario,
    outcome: Outcome,
    round: number,
  ): Promise<void> {
    const title = `${scenario.name} ${access} ${outcome.broker.name}, round ${round}`
    try {
      const result = await measure(this.#bench, { broker: outcome.broker, scenario, access, load })
      const missing = scenario.rows.find(({ part, headline }) => figuresOf(result, part)[headline] === undefined)
      if (missing !== undefined)
        throw new BenchError(
          `it has no figure for ${missing.headline}${missing.part}, after ${result.delivered} delivered messages`,
        )
      outcome.results.push(result)
      this.#tell(`${title}: ${brief(scenario, result)}`)
    } catch (error) {
      outcome.problems.push(`round ${round}: ${reasonOf(error)}`)
      this.#tell(`${title} failed: ${reasonOf(error)}`)
    }
  }

  #remember({ name }: Scenario, access: Access, outcomes: readonly Outcome[]): void {
    if (name !== saturatingScenario) return
    const rates = outcomes.find(({ broker }) => broker.name === 'mosquitto')?.results.map(rateOf)
    const rate = median(rates ?? [])
    if (rate !== undefined) this.#saturation.set(access, rate)
  }

  /** From `pairs-q1` when this run had it, else from a single measurement. */
  async #saturationRate(access: Access): Promise<number> {
    const known = this.#saturation.get(access)
    if (known !== undefined) return known
    const broker = this.#brokers.find(({ name }) => name === 'mosquitto')
    const scenario = scenarios.find(({ name }) => name === saturatingScenario)
    if (broker === undefined || broker.absent !== undefined || scenario === undefined) {
      throw new BenchError('there is no Mosquitto, and half of its rate is what this scenario offers')
    }
    const rate = rateOf(await measure(this.#bench, { broker, scenario, access, load: saturating }))
    this.#tell(`${saturatingScenario} ${access} mosquitto, to know its rate: ${Math.round(rate)}/s`)
    this.#saturation.set(access, rate)
    return rate
  }
}

const saturatingScenario = 'pairs-q1'

function rateOf(result: LoadResult): number {
  return result.messagesPerSecond
}

function rowInput(scenario: Scenario, row: Row, access: Access, outcome: Outcome): RowInput {
  return {
    scenario: scenario.name + row.part,
    access,
    broker: outcome.broker.name,
    headline: row.headline,
    target: row.target,
    rounds: outcome.results.map(result => figuresOf(result, row.part)),
    problems: outcome.problems,
    unable: outcome.unable,
  }
}

function brief(scenario: Scenario, result: LoadResult): string {
  return scenario.rows
    .map(({ part, headline }) => {
      const value = figuresOf(result, part)[headline]
      return `${headline}${part} ${value === undefined ? 'unknown' : value.toPrecision(3)}`
    })
    .join(', ')
}

/** Bugs are not reasons. */
function reasonOf(error: unknown): string {
  if (error instanceof BenchError) return error.message
  throw error
}
