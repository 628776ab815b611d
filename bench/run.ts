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
import { figuresOf, probedCost } from './figures.ts'
import type { Scenario as LoadScenario } from './load/request.ts'
import type { LoadResult } from './load/result.ts'
import { describeCommit, describeMachine } from './machine.ts'
import { type Bench, measure, prepareBench } from './measure.ts'
import { counting, interleave } from './order.ts'
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

/** A scenario with a configuration, and its rounds: in each the brokers in their order. */
interface Entry {
  readonly scenario: Scenario
  readonly access: Access
  readonly outcomes: readonly Outcome[]
  readonly rounds: readonly (readonly Outcome[])[]
  /** How many of its rounds one pass over all entries takes. */
  readonly roundsEach: number
  /** Undefined until its first round, and where it has none. */
  load: LoadScenario | undefined
}

class Run {
  readonly #args: RunArguments
  readonly #brokers: readonly Broker[]
  readonly #bench: Bench
  readonly #tell: Progress
  /** Messages a second, each by itself, that keep the core of Mosquitto busy. */
  readonly #saturation = new Map<Access, number>()

  constructor(args: RunArguments, brokers: readonly Broker[], bench: Bench, tell: Progress) {
    this.#args = args
    this.#brokers = brokers
    this.#bench = bench
    this.#tell = tell
  }

  /**
   * In passes over all scenarios, a round of each: what the machine's neighbours do for some minutes falls on a round of
   * many scenarios, which their medians bear, and not on all rounds of a few.
   */
  async scenarios(selected: readonly Scenario[]): Promise<ReportRow[]> {
    const entries = selected.flatMap(scenario =>
      (scenario.access ? [scenario.access] : this.#args.accesses).map(access => this.#entry(scenario, access)),
    )
    for (let pass = 0; entries.some(entry => pass * entry.roundsEach < entry.rounds.length); pass += 1) {
      for (const entry of entries) await this.#pass(entry, pass)
    }
    for (let pass = 0; pass < repeatPasses; pass += 1) {
      const undisturbed = leastCost(entries)
      for (const entry of entries) await this.#repeat(entry, undisturbed)
    }
    this.#bench.probe?.stop()
    const undisturbed = leastCost(entries)
    return entries.flatMap(entry => rowsOf(entry, this.#args.rounds, undisturbed))
  }

  /** One more round of whatever counts a disturbed one. */
  async #repeat(entry: Entry, undisturbed: number | undefined): Promise<void> {
    const { load, outcomes } = entry
    if (this.#args.quick || load === undefined || undisturbed === undefined) return
    for (const outcome of outcomes) {
      if (!comparedBrokers.includes(outcome.broker.name)) continue
      const disturbed = counting(outcome.results, this.#args.rounds).some(
        result => (probedCost(result) ?? 0) > undisturbed * toleratedSlowness,
      )
      if (disturbed) await this.#measure(entry, load, outcome, outcome.results.length + outcome.problems.length + 1)
    }
  }

  #entry(scenario: Scenario, access: Access): Entry {
    const outcomes = this.#brokers.map(
      (broker): Outcome => ({ broker, results: [], problems: [], unable: broker.absent ?? broker.unable(scenario) }),
    )
    const able = outcomes.filter(({ unable }) => unable === undefined)
    const rounds = interleave(able, ({ broker }) => this.#roundsOf(scenario, broker))
    const roundsEach = this.#args.quick ? 1 : (scenario.roundsTimes ?? 1)
    return { scenario, access, outcomes, rounds, roundsEach, load: undefined }
  }

  #roundsOf({ roundsTimes = 1 }: Scenario, { name }: Broker): number {
    const { quick, rounds, otherRounds } = this.#args
    return comparedBrokers.includes(name) ? rounds * (quick ? 1 : roundsTimes) : otherRounds
  }

  async #pass(entry: Entry, pass: number): Promise<void> {
    const { scenario, access, outcomes, rounds, roundsEach } = entry
    const first = pass * roundsEach
    const turns = rounds.slice(first, first + roundsEach)
    if (turns.length === 0) return
    try {
      entry.load ??= await scenario.load({ quick: this.#args.quick, saturation: () => this.#saturationRate(access) })
    } catch (error) {
      if (pass > 0) return
      for (const { problems, unable } of outcomes) if (unable === undefined) problems.push(reasonOf(error))
      return
    }
    for (const [index, turn] of turns.entries()) {
      for (const outcome of turn) await this.#measure(entry, entry.load, outcome, first + index + 1)
    }
  }

  async #measure({ scenario, access }: Entry, load: LoadScenario, outcome: Outcome, round: number): Promise<void> {
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

  /**
   * Measured once a run, so that all its rounds offer the same. From CPU time: here the generator does as many system calls
   * as the broker, and is at its limit first.
   */
  async #saturationRate(access: Access): Promise<number> {
    const known = this.#saturation.get(access)
    if (known !== undefined) return known
    const broker = this.#brokers.find(({ name }) => name === 'mosquitto')
    const scenario = scenarios.find(({ name }) => name === saturatedScenario)
    if (broker === undefined || broker.absent !== undefined || scenario === undefined) {
      throw new BenchError('there is no Mosquitto, and half of its rate is what this scenario offers')
    }
    const costs: number[] = []
    for (let round = 0; round < saturationRounds; round += 1) {
      const { cpuMicrosecondsPerMessage } = await measure(this.#bench, { broker, scenario, access, load: saturating })
      if (cpuMicrosecondsPerMessage !== null) costs.push(cpuMicrosecondsPerMessage)
    }
    const cost = median(costs)
    if (cost === undefined)
      throw new BenchError('there is no CPU time of Mosquitto, and half of its rate is offered here')
    const rate = 1e6 / cost
    this.#tell(`mosquitto ${access}, each message by itself: ${cost.toPrecision(3)} µs, ${Math.round(rate)}/s at most`)
    this.#saturation.set(access, rate)
    return rate
  }
}

const saturatedScenario = 'latency-half'
const saturationRounds = 3
/** Rounds on a core that was slower than this are measured again where possible. */
const toleratedSlowness = 1.1
const repeatPasses = 4

/** What a piece of the probe's work cost in the least disturbed measurement of the run. */
function leastCost(entries: readonly Entry[]): number | undefined {
  const costs = entries.flatMap(({ outcomes }) =>
    outcomes.flatMap(({ results }) => results.flatMap(result => probedCost(result) ?? [])),
  )
  return costs.length === 0 ? undefined : Math.min(...costs)
}

function rowsOf({ scenario, access, outcomes }: Entry, rounds: number, undisturbed: number | undefined): ReportRow[] {
  return scenario.rows.flatMap(row =>
    reportRows(
      outcomes.map(outcome => {
        const results = [...counting(outcome.results, rounds * (scenario.roundsTimes ?? 1))]
        return rowInput(scenario, row, access, { ...outcome, results }, undisturbed)
      }),
    ),
  )
}

function rowInput(
  scenario: Scenario,
  row: Row,
  access: Access,
  outcome: Outcome,
  undisturbed: number | undefined,
): RowInput {
  return {
    scenario: scenario.name + row.part,
    access,
    broker: outcome.broker.name,
    headline: row.headline,
    target: row.target,
    rounds: outcome.results.map(result => figuresOf(result, row.part, undisturbed)),
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
