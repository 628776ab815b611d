// From what is to be examined to what is wrong with it.

import type { OptionTable } from '../config/option.ts'
import { gatherFacts, type Surroundings } from './facts.ts'
import { type Finding, findingsOf, type Problem } from './finding.ts'
import { type ProbeTarget, probeBroker } from './probe.ts'
import { rules } from './rules.ts'
import { type Score, scoreOf } from './score.ts'

export interface Report extends Score {
  /** The file, or the URL. */
  readonly target: string
  /** The worst first. */
  readonly findings: readonly Finding[]
  /** What keeps a broker from starting, or the doctor from looking. */
  readonly problems: readonly Problem[]
  /** What was seen of a running broker, and is neither good nor bad. */
  readonly seen: readonly (readonly [what: string, value: string])[]
}

/**
 * Examines a configuration and all that it names; changes nothing.
 *
 * @param table every option that is known, by name
 * @throws DoctorError for a file that cannot be read, or is something else
 */
export async function examineFile(file: string, table: OptionTable, surroundings?: Surroundings): Promise<Report> {
  const facts = await gatherFacts(file, table, surroundings)
  const findings = findingsOf(rules, rule => rule.check(facts))
  return { target: file, findings, problems: facts.problems, seen: [], ...scoreOf(findings) }
}

/**
 * Asks a running broker; publishes nothing.
 *
 * @throws UnreachableError when no connection comes about
 */
export async function examineBroker(target: ProbeTarget): Promise<Report> {
  const { endpoint, seen, problems } = await probeBroker(target)
  const findings = findingsOf(rules, rule => rule.probe?.(endpoint) ?? [])
  return { target: target.url, findings, problems, seen, ...scoreOf(findings) }
}
