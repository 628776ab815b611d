import assert from 'node:assert/strict'
import test from 'node:test'
import { compareReports, formatComparison } from './compare.ts'
import { madeUpReport, rowInput } from './made-up-report.ts'

const of = (castellan: readonly number[], mosquitto: readonly number[]) =>
  madeUpReport([rowInput('castellan', castellan), rowInput('mosquitto', mosquitto)])

test('medians that differ by up to 15 % either way agree', () => {
  const rows = compareReports(of([1, 90, 100], [100]), of([115], [85]))
  assert.deepEqual(
    rows.map(({ broker, before, after, agrees }) => ({ broker, before, after, agrees })),
    [
      { broker: 'castellan', before: 90, after: 115, agrees: false },
      { broker: 'mosquitto', before: 100, after: 85, agrees: true },
    ],
  )
  assert.ok(compareReports(of([100], [100]), of([114.9], [85.1])).every(({ agrees }) => agrees))
})

test('one that differs by more is shown, and counted', () => {
  const [before, after] = [of([100], [100]), of([116], [84])]
  const rows = compareReports(before, after)
  assert.deepEqual(
    rows.map(({ agrees }) => agrees),
    [false, false],
  )
  const text = formatComparison(before, after, rows)
  assert.match(text, /castellan +cpuMicroseconds +100 +116 +\+16\.0 % DIFFERS$/m)
  assert.match(text, /mosquitto +cpuMicroseconds +100 +84 +−16\.0 % DIFFERS$/m)
  assert.match(text, /^2 of 2 medians differ by more than 15 %/m)
})

test('all that agree are said to', () => {
  const report = of([1], [2])
  assert.match(formatComparison(report, report, compareReports(report, report)), /\nall 2 medians agree within 15 %\n$/)
})

test('what one run has and the other has not differs', () => {
  for (const [before, after] of [
    [of([1], []), of([1], [2])],
    [of([1], [2]), of([1], [])],
    [of([1], [2]), madeUpReport([rowInput('castellan', [1])])],
  ] as const) {
    assert.deepEqual(
      compareReports(before, after).map(({ agrees }) => agrees),
      [true, false],
    )
  }
})

test('what neither run can measure is left out', () => {
  const report = madeUpReport([
    rowInput('castellan', [1]),
    rowInput('aedes', [], { unable: 'it has no shared subscriptions' }),
  ])
  assert.deepEqual(
    compareReports(report, report).map(({ broker }) => broker),
    ['castellan'],
  )
})

test('runs under different conditions are called that', () => {
  const [before, after] = [of([1], [2]), madeUpReport([rowInput('castellan', [1])], { rounds: 5 })]
  assert.match(formatComparison(before, after, []), /under different conditions: rounds$/m)
  assert.doesNotMatch(formatComparison(before, before, []), /conditions/)
})
