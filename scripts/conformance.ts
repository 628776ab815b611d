// Makes docs/reference/conformance.md from test names. A test that shows a normative statement begins its name with the
// statement's number, or with several:
//
//   test('[MQTT-3.1.0-2] a second CONNECT …')                                    MQTT 5.0
//   test('[v3.1.1 MQTT-3.1.0-2] a second CONNECT …')                             MQTT 3.1.1
//   test(`[MQTT-3.1.0-2] [v3.1.1 MQTT-3.1.0-2] … (version ${version})`)          both, once for each version
//
// Names are read from the source, not from a run: the first argument of `test(` or `it(` is a literal, and in a template
// the numbers stand before the first `${`.

import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mqtt311 } from '../test/conformance/mqtt-3.1.1.ts'
import { mqtt5 } from '../test/conformance/mqtt-5.0.ts'
import type { Statement } from '../test/conformance/statement.ts'
import { untestable } from '../test/conformance/untestable.ts'

const root = join(import.meta.dirname, '..')
export const conformancePath = join(root, 'docs/reference/conformance.md')

/** A test that names statements. `clauses` are spelled as in the name, without brackets: `v3.1.1 MQTT-3.1.0-2`. */
export interface NamedTest {
  readonly file: string
  readonly name: string
  readonly clauses: readonly string[]
}

/** One statement of one standard, with what shows it. */
export interface Coverage {
  readonly clause: string
  readonly statement: Statement
  readonly tests: readonly NamedTest[]
  /** Why no test is possible; `undefined` when none was given. */
  readonly reason: string | undefined
}

interface Standard {
  readonly title: string
  readonly prefix: string
  readonly statements: readonly Statement[]
}

const standards: readonly Standard[] = [
  { title: 'MQTT 5.0', prefix: '', statements: mqtt5 },
  { title: 'MQTT 3.1.1', prefix: 'v3.1.1 ', statements: mqtt311 },
]

const testCall = /(?<![\w.])(?:test|it)(?:\.\w+)?\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g
const leadingClauses = /^(?:\[[^\]]*\]\s*)+/
const clause = /\[((?:v3\.1\.1 )?MQTT-\d+\.\d+\.\d+-\d+)\]/g

/** Every test of the repository whose name begins with a statement's number. */
export function namedTests(): readonly NamedTest[] {
  const files = globSync(['test/**/*.test.ts', 'src/**/*.test.ts'], { cwd: root }).sort()
  return files.flatMap(file => testsIn(file, readFileSync(join(root, file), 'utf8')))
}

/** The tests of one file, from its text. */
export function testsIn(file: string, text: string): readonly NamedTest[] {
  return [...text.matchAll(testCall)].flatMap(([, , literal = '']) => {
    const name = literal.replace(/\$\{[^}]*\}/g, '…').replace(/\\(.)/g, '$1')
    const head = leadingClauses.exec(name)?.[0] ?? ''
    const clauses = [...head.matchAll(clause)].map(([, id = '']) => id)
    return clauses.length === 0 ? [] : [{ file, name: name.slice(head.length), clauses }]
  })
}

/** All statements of both standards, with their tests. */
export function coverage(tests: readonly NamedTest[]): readonly Coverage[] {
  return standards.flatMap(({ prefix, statements }) => coverageOf(prefix, statements, tests))
}

function coverageOf(
  prefix: string,
  statements: readonly Statement[],
  tests: readonly NamedTest[],
): readonly Coverage[] {
  return statements.map(statement => {
    const id = prefix + statement.id
    const showing = tests.filter(({ clauses }) => clauses.includes(id))
    return { clause: id, statement, tests: showing, reason: untestable[id] }
  })
}

/** Statements that bind a server and have neither a test nor a reason. */
export function missing(all: readonly Coverage[]): readonly string[] {
  const open = all.filter(
    ({ statement, tests, reason }) => statement.binds !== 'client' && tests.length === 0 && !reason,
  )
  return open.map(each => each.clause)
}

/** Numbers in test names or in the list of reasons that neither standard has. */
export function unknownClauses(tests: readonly NamedTest[]): readonly string[] {
  const known = new Set(standards.flatMap(({ prefix, statements }) => statements.map(({ id }) => prefix + id)))
  const named = tests.flatMap(({ file, clauses }) => clauses.map(id => ({ id, where: file })))
  const excused = Object.keys(untestable).map(id => ({ id, where: 'test/conformance/untestable.ts' }))
  return [...named, ...excused].filter(({ id }) => !known.has(id)).map(({ id, where }) => `${id} in ${where}`)
}

/** The text of docs/reference/conformance.md. */
export function conformanceDocument(tests: readonly NamedTest[]): string {
  const sections = standards.map(({ title, prefix, statements }) =>
    section(title, coverageOf(prefix, statements, tests)),
  )
  return `${head}\n${sections.join('\n')}`
}

const head = `# Conformance

Made by \`node scripts/conformance.ts\` from the names of tests; do not edit. Every numbered normative statement of the two
standards stands here, told in our own words. What binds a server has the tests that show it, or the reason why none is
possible.
`

function section(title: string, all: readonly Coverage[]): string {
  const binding = all.filter(({ statement }) => statement.binds !== 'client')
  const others = all.filter(({ statement }) => statement.binds === 'client')
  const shown = binding.filter(({ tests }) => tests.length > 0).length
  return `## ${title}

${all.length} statements; ${binding.length} bind a server: ${shown} shown by tests, ${binding.length - shown} not.

| statement | what it asks | shown by |
|---|---|---|
${binding.map(row).join('\n')}

### ${title}: what binds the client only

A test here shows what the server does about a client that breaks the rule.

| statement | what it asks | shown by |
|---|---|---|
${others.map(row).join('\n')}
`
}

function row({ statement, tests, reason }: Coverage): string {
  const shown = tests.map(({ file, name }) => `${cell(name)} ([${file}](../../${file}))`).join('<br>')
  const excuse = reason === undefined ? '' : `No test: ${cell(reason)}`
  return `| ${statement.id} | ${cell(statement.says)} | ${[shown, excuse].filter(Boolean).join('<br>') || '–'} |`
}

/** Test names are our own text, but a bar or an angle bracket in one would break the table. */
function cell(text: string): string {
  return text.replace(/\|/g, '\\|').replace(/</g, '&lt;')
}

if (import.meta.main) writeFileSync(conformancePath, conformanceDocument(namedTests()))
