// What the doctor says: rules, what they found and where, and how bad it is.

import { escapeText } from '../base/escape.ts'
import type { Endpoint } from './endpoint.ts'
import type { Facts } from './facts.ts'

export const severities = ['critical', 'high', 'medium', 'low', 'info'] as const
export type Severity = (typeof severities)[number]

export interface Place {
  /** A path, or the URL of a broker. */
  readonly file: string
  /** From 1. */
  readonly line?: number | undefined
}

/** One place where a rule is broken. */
export interface Observation {
  /** undefined where no file is at fault. */
  readonly place: Place | undefined
  /** What is there: escaped, bounded, and never a secret. */
  readonly evidence: string
  /** What to write instead, where it is more exact than the rule's own. */
  readonly fix?: string
  /** Where it is less bad than the rule usually is. */
  readonly severity?: Severity
}

export interface Rule {
  /** `D01`: stays as it is, scripts test for it. */
  readonly id: string
  readonly severity: Severity
  /** One line, lower case. */
  readonly title: string
  /** What can happen because of it. */
  readonly why: string
  /** What to do: words that can be followed, lines that can be pasted. */
  readonly fix: string
  /** @returns where files break it */
  check(facts: Facts): readonly Observation[]
  /** @returns where a running broker breaks it, for rules that can be asked from outside */
  probe?(endpoint: Endpoint): readonly Observation[]
}

export interface Finding {
  readonly id: string
  readonly severity: Severity
  readonly title: string
  readonly file: string | undefined
  /** From 1. */
  readonly line: number | undefined
  readonly evidence: string
  readonly why: string
  readonly fix: string
}

/** Something that keeps a file from being read or a broker from starting: told beside the findings, and not weighed. */
export interface Problem {
  readonly place: Place | undefined
  readonly message: string
}

/** Findings of one rule that are told; a file that is wrong throughout must not bury the others. */
export const mostFindingsOfRule = 20
/** Characters of one name or value in evidence. */
const longestShown = 120
/** Names of one list in evidence. */
const mostNames = 5

/** @returns what the rules find, the worst first, then by rule */
export function findingsOf(rules: readonly Rule[], observe: (rule: Rule) => readonly Observation[]): Finding[] {
  const found = rules.flatMap(rule => {
    const observations = observe(rule)
    return limited(observations).map(observation => findingOf(rule, observation))
  })
  return found.sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity) || compare(a.id, b.id))
}

function limited(observations: readonly Observation[]): readonly Observation[] {
  const more = observations.length - mostFindingsOfRule
  const last = observations[mostFindingsOfRule - 1]
  if (more <= 0 || last === undefined) return observations
  const told = observations.slice(0, mostFindingsOfRule - 1)
  return [...told, { ...last, evidence: `${last.evidence}, and ${more} more like it` }]
}

function findingOf(rule: Rule, { place, evidence, fix, severity }: Observation): Finding {
  return {
    id: rule.id,
    severity: severity ?? rule.severity,
    title: rule.title,
    file: place?.file,
    line: place?.line,
    evidence,
    why: rule.why,
    fix: fix ?? rule.fix,
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}

/** Untrusted text in quotes, safe to show. */
export function quoted(text: string): string {
  return `'${escapeText(text, longestShown)}'`
}

/** Text as a word of a command to be pasted: whoever wrote a strange file must not write commands of whoever reads the report. */
export function word(text: string, otherwise: string): string {
  return /^[A-Za-z0-9_@%+=:,./][A-Za-z0-9_@%+=:,./-]*$/.test(text) && text.length <= longestShown ? text : otherwise
}

/** A few of the names, and how many more there are. */
export function quotedList(names: readonly string[]): string {
  const told = names.slice(0, mostNames).map(quoted).join(', ')
  return names.length > mostNames ? `${told} and ${names.length - mostNames} more` : told
}
