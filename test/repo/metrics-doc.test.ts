// Holds docs/reference/metrics.md to the table of metrics, and the table to Prometheus' habits.

import assert from 'node:assert/strict'
import test from 'node:test'
import { metricsPage } from '../../scripts/metrics-page.ts'
import { metrics, metricTables } from '../../src/observe/metrics.ts'
import { read } from './source-files.ts'

test('docs/reference/metrics.md is what `npm run docs` writes', () => {
  assert.ok(read('docs/reference/metrics.md') === metricsPage(), 'out of step with the table: run `npm run docs`')
})

test('no name of a metric is in two parts of the table', () => {
  const names = Object.values(metricTables).flatMap(table => Object.keys(table))
  assert.deepEqual(names.toSorted(), Object.keys(metrics).toSorted())
})

for (const [name, { type, help, labels = [] }] of Object.entries(metrics)) {
  test(`${name} is named after its room, its base unit and its type, and says in a sentence what it counts`, () => {
    assert.match(name, /^(castellan|process)(_[a-z]+)+$/)
    assert.equal(name.endsWith('_total'), type === 'counter', 'counters, and only they, end in _total')
    assert.doesNotMatch(name, /_(ms|millis\w*|kb|mb|kilobytes|minutes|percent)(_|$)/)
    assert.match(help, /^[A-Z1].*[.]$/)
    for (const label of labels) {
      assert.match(label, /^[a-z]+$/)
      assert.doesNotMatch(
        label,
        /^(client|clientid|user|username|topic|address|ip)$/,
        'a value that peers could choose',
      )
    }
  })
}
