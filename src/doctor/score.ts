// How findings become a number and a letter.

import type { Finding, Severity } from './finding.ts'

/** Points that one finding costs. */
export const weights: Readonly<Record<Severity, number>> = { critical: 25, high: 10, medium: 4, low: 1, info: 0 }

/** One rule costs at most as much as this many of its findings: ten listeners with one mistake are not ten mistakes. */
export const mostWeighed = 2

export const grades = ['A', 'B', 'C', 'D', 'F'] as const
export type Grade = (typeof grades)[number]

/** The least score of each grade but the last. */
export const leastScores: readonly (readonly [Grade, number])[] = [
  ['A', 90],
  ['B', 75],
  ['C', 60],
  ['D', 40],
]

export interface Score {
  /** From 0 to 100. */
  readonly score: number
  readonly grade: Grade
}

/** Any critical finding keeps the grade at D, however good the rest is. */
export function scoreOf(findings: readonly Finding[]): Score {
  const costs = new Map<string, number[]>()
  for (const { id, severity } of findings) costs.set(id, [...(costs.get(id) ?? []), weights[severity]])
  const lost = [...costs.values()].flatMap(each => each.sort((a, b) => b - a).slice(0, mostWeighed))
  const score = Math.max(0, 100 - lost.reduce((sum, cost) => sum + cost, 0))
  const grade = leastScores.find(([, least]) => score >= least)?.[0] ?? 'F'
  const isCapped =
    findings.some(({ severity }) => severity === 'critical') && grades.indexOf(grade) < grades.indexOf('D')
  return { score, grade: isCapped ? 'D' : grade }
}
