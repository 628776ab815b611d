// What `castellan acl test` prints: TAP 14, or the XML that is called after JUnit.

import { escapeText } from '../../base/escape.ts'
import type { JsonObject } from '../../dynsec/json.ts'
import { decisionLine, listenersOf } from './lines.ts'
import type { Expectation } from './table.ts'

export interface Outcome {
  readonly row: Expectation
  readonly answers: readonly JsonObject[]
  readonly holds: boolean
}

/** @returns the whole document */
export function tapReport(outcomes: readonly Outcome[]): string {
  const points = outcomes.flatMap(({ row, answers, holds }, index) => {
    const point = `${holds ? 'ok' : 'not ok'} ${index + 1} - ${tapText(titleOf(row))}`
    if (holds) return [point]
    const decided = decisionsOf(answers).map(line => `    - ${JSON.stringify(line)}`)
    return [point, '  ---', `  line: ${row.line}`, `  expected: ${expectedBy(row)}`, '  decided:', ...decided, '  ...']
  })
  return `${['TAP version 14', `1..${outcomes.length}`, ...points].join('\n')}\n`
}

/** @param file what the suite is called @returns the whole document */
export function junitReport(outcomes: readonly Outcome[], file: string): string {
  const failures = outcomes.filter(({ holds }) => !holds).length
  const counts = `tests="${outcomes.length}" failures="${failures}" errors="0"`
  const name = xmlText(escapeText(file, 4096))
  const cases = outcomes.flatMap(outcome => caseLines(outcome, name))
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts}>`,
    `  <testsuite name="${name}" ${counts}>`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
  ]
  return `${lines.join('\n')}\n`
}

function caseLines({ row, answers, holds }: Outcome, file: string): readonly string[] {
  const attributes = `classname="${file}" name="${xmlText(titleOf(row))}"`
  if (holds) return [`    <testcase ${attributes}/>`]
  const [first = '', ...rest] = decisionsOf(answers)
  const message = xmlText(`expected ${expectedBy(row)}, got ${first}`)
  return [
    `    <testcase ${attributes}>`,
    `      <failure message="${message}">${xmlText([first, ...rest].join('\n'))}</failure>`,
    '    </testcase>',
  ]
}

function titleOf({ line, text }: Expectation): string {
  return `line ${line}: ${escapeText(text, 4096)}`
}

function expectedBy({ allows }: Expectation): string {
  return allows ? 'ALLOW' : 'DENY'
}

/** By listener, where they differ. */
function decisionsOf(answers: readonly JsonObject[]): readonly string[] {
  if (answers.length === 1) return answers.map(decisionLine)
  return answers.map(answer => `${listenersOf(answer)}: ${decisionLine(answer)}`)
}

/** A `#` begins a directive. The backslash is escaped text's own, doubled once more. */
function tapText(text: string): string {
  return text.replace(/[\\#]/g, character => `\\${character}`)
}

const xmlNames: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
}

function xmlText(text: string): string {
  return text.replace(/[&<>"\n]/g, character => xmlNames[character] ?? '')
}
