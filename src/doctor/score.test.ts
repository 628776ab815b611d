// cli section 6: weights, caps and grades.

import assert from 'node:assert/strict'
import test from 'node:test'
import { type Finding, findingsOf, mostFindingsOfRule, type Rule, type Severity } from './finding.ts'
import { scoreOf } from './score.ts'

function found(...each: readonly (readonly [id: string, severity: Severity])[]): readonly Finding[] {
  const rest = { title: '', file: undefined, line: undefined, evidence: '', why: '', fix: '' }
  return each.map(([id, severity]) => ({ id, severity, ...rest }))
}

const cases: readonly (readonly [what: string, findings: readonly Finding[], score: number, grade: string])[] = [
  ['nothing', [], 100, 'A'],
  ['what is only told', found(['D45', 'info'], ['D45', 'info']), 100, 'A'],
  ['one of each', found(['D01', 'critical'], ['D07', 'high'], ['D25', 'medium'], ['D41', 'low']), 60, 'D'],
  ['a critical one alone', found(['D01', 'critical']), 75, 'D'],
  ['one high one', found(['D07', 'high']), 90, 'A'],
  ['two of one rule', found(['D07', 'high'], ['D07', 'high']), 80, 'B'],
  ['ten of one rule', found(...Array.from({ length: 10 }, () => ['D07', 'high'] as const)), 80, 'B'],
  ['the dearest of one rule', found(['D05', 'high'], ['D05', 'high'], ['D05', 'critical']), 65, 'D'],
  ['three high ones', found(['D07', 'high'], ['D08', 'high'], ['D09', 'high'], ['D10', 'high']), 60, 'C'],
  ['all that is bad', found(...['1', '2', '3', '4', '5'].map(id => [id, 'critical'] as const)), 0, 'F'],
]

for (const [what, findings, score, grade] of cases) {
  test(`cli section 6: ${what} makes ${score}, grade ${grade}`, () => {
    assert.deepEqual(scoreOf(findings), { score, grade })
  })
}

test('cli section 6: the worst comes first, and a rule that finds everywhere is cut short', () => {
  const rule = (id: string, severity: Severity): Rule => ({
    id,
    severity,
    title: '',
    why: '',
    fix: 'usual',
    check: () => [],
  })
  const rules = [rule('D25', 'medium'), rule('D07', 'high'), rule('D05', 'critical')]
  const findings = findingsOf(rules, ({ id }) => {
    if (id === 'D07') return [{ place: undefined, evidence: '', fix: 'special' }]
    const many = id === 'D25' ? mostFindingsOfRule + 5 : 1
    return Array.from({ length: many }, () => ({ place: { file: 'x', line: 1 }, evidence: 'it' }))
  })
  assert.deepEqual([...new Set(findings.map(({ id }) => id))], ['D05', 'D07', 'D25'])
  assert.deepEqual(
    findings.slice(0, 2).map(({ fix }) => fix),
    ['usual', 'special'],
  )
  assert.equal(findings.length, mostFindingsOfRule + 2)
  assert.equal(findings.at(-1)?.evidence, 'it, and 5 more like it')
})
