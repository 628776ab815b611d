// The report as SARIF 2.1.0 (OASIS), which code hosts and editors show beside the lines.

import { isAbsolute, relative, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Finding, Rule, Severity } from './finding.ts'

const levels: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = {
  critical: 'error',
  high: 'error',
  medium: 'warning',
  low: 'note',
  info: 'note',
}

/** What code hosts sort by: CVSS-like, from 0 to 10. */
const securitySeverities: Readonly<Record<Severity, string>> = {
  critical: '9.5',
  high: '8.0',
  medium: '5.5',
  low: '2.0',
  info: '0.0',
}

/**
 * @param base the directory that paths are told from; those outside are told whole
 * @returns a value for JSON
 */
export function sarifLog(rules: readonly Rule[], findings: readonly Finding[], version: string, base: string): object {
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'castellan doctor', version, rules: rules.map(describeRule) } },
        columnKind: 'utf16CodeUnits',
        results: findings.map(finding => resultOf(rules, finding, base)),
      },
    ],
  }
}

function describeRule({ id, title, why, fix, severity }: Rule): object {
  return {
    id,
    shortDescription: { text: title },
    fullDescription: { text: why },
    help: { text: fix },
    defaultConfiguration: { level: levels[severity] },
    properties: { 'security-severity': securitySeverities[severity] },
  }
}

function resultOf(rules: readonly Rule[], finding: Finding, base: string): object {
  const { id, severity, title, evidence, why, fix, file, line } = finding
  const region = line === undefined ? {} : { region: { startLine: line } }
  const place = { physicalLocation: { artifactLocation: { uri: uriOf(file ?? base, base) }, ...region } }
  return {
    ruleId: id,
    ruleIndex: rules.findIndex(rule => rule.id === id),
    level: levels[severity],
    message: { text: `${title}: ${evidence}. ${why} Fix: ${fix}` },
    locations: [place],
  }
}

/** A path below `base` is relative to it, as those who read the log expect of a checkout. */
function uriOf(file: string, base: string): string {
  if (/^mqtts?:\/\//.test(file)) return file
  const path = isAbsolute(file) ? relative(base, file) : file
  if (path === '' || path.startsWith('..') || isAbsolute(path)) return pathToFileURL(file).href
  return path.split(sep).map(encodeURIComponent).join('/')
}
