// What `castellan doctor` prints: lines for people, JSON, SARIF.

import { safeJson } from '../../audit/present.ts'
import { escapeText } from '../../base/escape.ts'
import { version } from '../../base/version.ts'
import type { Report } from '../../doctor/examine.ts'
import { type Finding, type Place, severities } from '../../doctor/finding.ts'
import { rules } from '../../doctor/rules.ts'
import { sarifLog } from '../../doctor/sarif.ts'

/** @returns the whole output, ending in a newline */
export function print(report: Report, format: 'table' | 'json' | 'sarif'): string {
  switch (format) {
    case 'json':
      return `${safeJson(jsonOf(report), 2)}\n`
    case 'sarif':
      return `${safeJson(sarifLog(rules, report.findings, version(), process.cwd()), 2)}\n`
    default:
      return `${linesOf(report).join('\n')}\n`
  }
}

function jsonOf({ target, score, grade, findings, problems, seen }: Report): object {
  return {
    version: 1,
    target,
    score,
    grade,
    counts: countsOf(findings),
    findings,
    problems: problems.map(({ place, message }) => ({ file: place?.file, line: place?.line, message })),
    ...(seen.length > 0 && { seen: Object.fromEntries(seen) }),
  }
}

function countsOf(findings: readonly Finding[]): Readonly<Record<string, number>> {
  return Object.fromEntries(
    severities.map(severity => [severity, findings.filter(finding => finding.severity === severity).length]),
  )
}

function linesOf({ target, score, grade, findings, problems, seen }: Report): readonly string[] {
  const counts = Object.entries(countsOf(findings)).filter(([, count]) => count > 0)
  const told = counts.map(([severity, count]) => `${count} ${severity}`).join(', ') || 'nothing found'
  return [
    `${escapeText(target, 4096)}: ${score} of 100, grade ${grade} (${told})`,
    ...(seen.length === 0 ? [] : ['', ...seen.map(([what, value]) => `  ${what}: ${value}`)]),
    ...byRule(findings).flatMap(ruleLines),
    ...(problems.length === 0 ? [] : ['', 'Not looked at, or refused by a broker:']),
    ...problems.map(({ place, message }) => `  ${placeText(place)}${message}`),
  ]
}

/** What one rule found, together: its reason once, and the way out once where it is the same. */
function ruleLines(findings: readonly Finding[]): readonly string[] {
  const [first] = findings
  if (first === undefined) return []
  const fixes = new Set(findings.map(({ fix }) => fix))
  const places = findings.flatMap(({ file, line, evidence, fix }) => [
    `  ${placeText(file === undefined ? undefined : { file, line })}${evidence}`,
    ...(fixes.size > 1 ? [`    fix: ${fix}`] : []),
  ])
  const heading = `${first.severity.toUpperCase()}  ${first.id}  ${first.title}`
  return ['', heading, ...places, `  why: ${first.why}`, ...(fixes.size > 1 ? [] : [`  fix: ${first.fix}`])]
}

/** The findings stand in the order of severity, then of rules. */
function byRule(findings: readonly Finding[]): readonly (readonly Finding[])[] {
  return [...Map.groupBy(findings, ({ id, severity }) => `${severity} ${id}`).values()]
}

function placeText(place: Place | undefined): string {
  if (place === undefined) return ''
  return `${escapeText(place.file, 4096)}${place.line === undefined ? '' : `:${place.line}`}: `
}
