// docs/reference/conformance.md is true: complete, up to date, and naming only statements that exist.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import {
  conformanceDocument,
  conformancePath,
  coverage,
  missing,
  namedTests,
  testsIn,
  unknownClauses,
} from '../../scripts/conformance.ts'
import { mqtt311 } from '../conformance/mqtt-3.1.1.ts'
import { mqtt5 } from '../conformance/mqtt-5.0.ts'

const tests = namedTests()

test('the tables hold every statement of both Appendices B, once', () => {
  assert.equal(new Set(mqtt5.map(({ id }) => id)).size, 251)
  assert.equal(mqtt5.length, 251)
  assert.equal(new Set(mqtt311.map(({ id }) => id)).size, 141)
  assert.equal(mqtt311.length, 141)
})

test('every statement that binds a server has a test or a reason why none is possible', () => {
  assert.deepEqual(missing(coverage(tests)), [])
})

test('a statement that has a test needs no reason why none is possible', () => {
  const both = coverage(tests).filter(each => each.tests.length > 0 && each.reason !== undefined)
  assert.deepEqual(
    both.map(({ clause }) => clause),
    [],
  )
})

test('no test names a statement that does not exist', () => {
  assert.deepEqual(unknownClauses(tests), [])
  const wrong = testsIn('x.test.ts', declaration(`'[MQTT-9.9.9-9] nothing'`))
  assert.deepEqual(unknownClauses(wrong), ['MQTT-9.9.9-9 in x.test.ts'])
})

test('docs/reference/conformance.md is up to date: run `node scripts/conformance.ts`', () => {
  assert.equal(readFileSync(conformancePath, 'utf8'), conformanceDocument(tests))
})

test('test names are read as they are written: quotes, line breaks, templates, several numbers', () => {
  const placeholder = '$' + '{version}'
  const source = [
    declaration(`'[MQTT-3.1.0-1] it\\'s plain'`),
    declaration(`\n  \`[MQTT-3.1.0-2] [v3.1.1 MQTT-3.1.0-2] made for ${placeholder}\`,\n  `),
    declaration(`'no number [MQTT-3.1.0-1] at the beginning'`),
  ]
  assert.deepEqual(testsIn('x.test.ts', source.join('\n')), [
    { file: 'x.test.ts', name: "it's plain", clauses: ['MQTT-3.1.0-1'] },
    { file: 'x.test.ts', name: 'made for …', clauses: ['MQTT-3.1.0-2', 'v3.1.1 MQTT-3.1.0-2'] },
  ])
})

/** A test's source in parts, so that this file's own samples are not taken for tests. */
function declaration(name: string): string {
  return `${'test'}(${name}, () => {})`
}
