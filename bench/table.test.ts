import assert from 'node:assert/strict'
import test from 'node:test'
import { madeUpReport, rowInput } from './made-up-report.ts'
import { formatMarkdown, formatSignificant, formatText } from './table.ts'

const inputs = [
  rowInput('castellan', [0.41, 0.42, 0.43]),
  rowInput('mosquitto', [6, 8, 7]),
  rowInput('aedes', [], { problems: ['round 2: 3 messages were lost'], unable: undefined }),
]

test('the table shows median, spread, rate, ratio and target, the name of the scenario once', () => {
  const lines = formatText(madeUpReport(inputs)).split('\n')
  const at = lines.findIndex(line => line.startsWith('scenario'))
  assert.deepEqual(
    lines.slice(at, at + 4).map(line => line.trim().split(/ {2,}/)),
    [
      [
        'scenario',
        'config',
        'broker',
        'CPU µs',
        'core×',
        '±',
        'per second',
        'p50 µs',
        'p99 µs',
        'p99.9 µs',
        'B/conn',
        'ours÷',
        'target',
      ],
      ['pairs-q0', 'acl', 'castellan', '0.42', '5 %', '2,380,952'],
      ['mosquitto', '7', '29 %', '142,857', '0.06', '≤ 0.05 MISSED'],
      ['aedes', 'FAILED'],
    ],
  )
  assert.ok(lines.includes('FAILED: pairs-q0, acl, aedes: round 2: 3 messages were lost'))
})

test('a broker that is absent or unable is named with the reason', () => {
  const brokers = [
    { name: 'castellan', version: '0.1.0' },
    { name: 'mosquitto', absent: 'it is not installed' },
  ]
  const rows = [rowInput('castellan', [1]), rowInput('mosquitto', [], { unable: 'it is not installed' })]
  const text = formatText(madeUpReport(rows, { brokers }))
  assert.match(text, /castellan 0\.1\.0; mosquitto is ABSENT: it is not installed/)
  assert.match(text, /^ +mosquitto +n\/a +≤ 0\.05$/m)
  assert.match(text, /^n\/a: pairs-q0, acl, mosquitto: it is not installed$/m)
})

test('a rate that the load generator set is marked, another is not', () => {
  const text = (generatorPercent: number) =>
    formatText(
      madeUpReport([rowInput('castellan', [1], { rounds: [{ cpuMicroseconds: 1, perSecond: 5, generatorPercent }] })]),
    )
  assert.match(text(97), / 5\*\n/)
  assert.match(text(97), /^\* the load generator was at its own limit/m)
  assert.doesNotMatch(text(94), /\*/)
})

test('what a quick run or an unpinned one shows cannot be taken for more', () => {
  const text = formatText(madeUpReport(inputs, { quick: true, pinned: false }))
  assert.match(text, /NO figures to quote/)
  assert.match(text, /NOT pinned to cores/)
  assert.doesNotMatch(formatText(madeUpReport(inputs)), /\bNOT?\b/)
})

test('a quick run has targets and no verdict, and one round has no spread', () => {
  const one = [rowInput('castellan', [1]), rowInput('mosquitto', [2])]
  const verdict = (quick: boolean) => formatText(madeUpReport(one, { quick }))
  assert.match(verdict(true), /^ +mosquitto +2 +500,000 +0\.5 +≤ 0\.05$/m)
  assert.match(verdict(false), /^ +mosquitto +2 +500,000 +0\.5 +≤ 0\.05 MISSED$/m)
})

test('the head tells who had fewer rounds, and why the commit is unknown', () => {
  const brokers = [{ name: 'castellan' }, { name: 'mosquitto' }, { name: 'aedes' }]
  const fewer = formatText(
    madeUpReport(inputs, { brokers, otherRounds: 1, commit: 'unknown', commitUnknown: 'no clone' }),
  )
  assert.match(fewer, /^3 rounds \(aedes: 1\) of 3 s, median/m)
  assert.match(fewer, /^Benchmark of unknown \(no clone\), 2026-/m)
  assert.match(formatText(madeUpReport(inputs, { brokers, otherRounds: 3 })), /^3 rounds of 3 s, median/m)
})

test('Markdown has the same cells', () => {
  const text = formatMarkdown(madeUpReport(inputs))
  assert.match(text, /^# Benchmark of abc1234, 2026-01-02T03:04:05Z$/m)
  assert.match(text, /^\| pairs-q0 \| acl \| castellan \| 0\.42 \| {2}\| 5 % \| 2,380,952 \|/m)
  assert.match(text, /^\| --- \| --- \| --- \| ---: \|/m)
})

test('figures have three digits that count, large ones separators', () => {
  assert.deepEqual([0.04567, 1.2, 12.345, 100.4, 1234567].map(formatSignificant), [
    '0.0457',
    '1.2',
    '12.3',
    '100',
    '1,234,567',
  ])
  assert.equal(formatSignificant(undefined), '')
})
