import assert from 'node:assert/strict'
import test from 'node:test'
import { compareReports, formatComparison, runsAgree } from './compare.ts'
import { madeUpReport, rowInput } from './made-up-report.ts'
import { reportRows } from './report.ts'

const of = (castellan: readonly number[], mosquitto: readonly number[]) =>
  madeUpReport([rowInput('castellan', castellan), rowInput('mosquitto', mosquitto)])

const latency = (castellan: number, mosquitto: number) => {
  const row = (broker: string, p99: number) =>
    rowInput(broker, [], { scenario: 'latency-10k', headline: 'p99', rounds: [{ p99 }] })
  return [row('castellan', castellan), row('mosquitto', mosquitto)]
}

test('medians and their ratio that differ by up to 15 % either way agree', () => {
  const rows = compareReports(of([1, 90, 100], [100]), of([115], [85]))
  assert.deepEqual(
    rows.map(({ broker, figure, before, after, agrees }) => ({ broker, figure, before, after, agrees })),
    [
      { broker: 'castellan', figure: 'cpuMicroseconds', before: 90, after: 115, agrees: false },
      { broker: 'mosquitto', figure: 'cpuMicroseconds', before: 100, after: 85, agrees: true },
      { broker: 'mosquitto', figure: 'ours÷', before: 0.9, after: 115 / 85, agrees: false },
    ],
  )
  assert.ok(runsAgree(compareReports(of([100], [100]), of([114.9], [114.9]))))
  assert.ok(runsAgree(compareReports(of([100], [100]), of([85.1], [85.1]))))
})

test('medians that agree and a ratio that does not are no agreement', () => {
  const rows = compareReports(of([100], [100]), of([110], [90]))
  assert.deepEqual(
    rows.map(({ agrees }) => agrees),
    [true, true, false],
  )
  assert.equal(runsAgree(rows), false)
})

test('one that differs by more is shown, and counted', () => {
  const [before, after] = [of([100], [100]), of([116], [84])]
  const rows = compareReports(before, after)
  const text = formatComparison(before, after, rows)
  assert.match(text, /castellan +cpuMicroseconds +100 +116 +\+16\.0 % DIFFERS$/m)
  assert.match(text, /mosquitto +cpuMicroseconds +100 +84 +−16\.0 % DIFFERS$/m)
  assert.match(text, /mosquitto +ours÷ +1 +1\.38 +\+38\.1 % DIFFERS$/m)
  assert.match(text, /^3 of 3 figures differ by more than 15 %/m)
})

test('all that agree are said to', () => {
  const report = of([1], [2])
  const text = formatComparison(report, report, compareReports(report, report))
  assert.match(text, /\n\nall 3 figures agree within 15 %\n$/)
})

test('latency is shown, marked, and changes no verdict', () => {
  const with99 = (ours: number) => madeUpReport([], { rows: [...reportRows(latency(ours, 100)), ...of([1], [2]).rows] })
  const [before, after] = [with99(100), with99(900)]
  const rows = compareReports(before, after)
  assert.ok(runsAgree(rows))
  const text = formatComparison(before, after, rows)
  assert.match(text, /castellan +p99 +100 +900 +\+800\.0 % not counted$/m)
  assert.match(text, /mosquitto +ours÷ +1 +9 +\+800\.0 % not counted$/m)
  assert.match(text, /\n3 figures of wall-clock time are not counted.*\nall 3 figures agree within 15 %\n$/)
})

test('runs that have nothing in common that counts do not agree', () => {
  const report = madeUpReport(latency(1, 1))
  const rows = compareReports(report, report)
  assert.equal(runsAgree(rows), false)
  assert.match(formatComparison(report, report, rows), /\nnothing to compare: /)
})

test('brokers that have fewer rounds are left out, with their ratios', () => {
  const rowsOf = (aedes: number) => madeUpReport([rowInput('castellan', [1]), rowInput('aedes', [aedes])])
  const rows = compareReports(rowsOf(1), rowsOf(9))
  assert.deepEqual(
    rows.map(({ broker, figure }) => [broker, figure]),
    [['castellan', 'cpuMicroseconds']],
  )
})

test('what one run has and the other has not differs', () => {
  for (const [before, after] of [
    [of([1], []), of([1], [2])],
    [of([1], [2]), of([1], [])],
    [of([1], [2]), madeUpReport([rowInput('castellan', [1])])],
  ] as const) {
    assert.deepEqual(
      compareReports(before, after).map(({ agrees }) => agrees),
      [true, false, false],
    )
  }
})

test('what neither run can measure is left out', () => {
  const report = madeUpReport([
    rowInput('castellan', [1]),
    rowInput('mosquitto', [], { unable: 'it is not installed' }),
  ])
  assert.deepEqual(
    compareReports(report, report).map(({ broker }) => broker),
    ['castellan'],
  )
})

test('two runs of one commit are told apart by their time', () => {
  const text = formatComparison(of([1], [2]), { ...of([1], [2]), date: '2026-01-02T04:05:06Z' }, [])
  assert.match(text, /^first: abc1234, 2026-01-02T03:04:05Z\nsecond: abc1234, 2026-01-02T04:05:06Z\n/)
  assert.match(text, /figure +first +second +difference$/m)
})

test('runs under different conditions are called that', () => {
  const [before, after] = [of([1], [2]), madeUpReport([rowInput('castellan', [1])], { rounds: 5 })]
  assert.match(formatComparison(before, after, []), /under different conditions: rounds$/m)
  assert.doesNotMatch(formatComparison(before, before, []), /conditions/)
})
