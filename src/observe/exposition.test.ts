import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseExposition } from '../../test/support/exposition-parser.ts'
import { formatMetrics, type Metric, type Reading } from './exposition.ts'

function one(reading: Reading, metric: Partial<Metric<undefined>> = {}): string {
  return formatMetrics({ x_total: { type: 'counter', help: 'Things.', ...metric, read: () => reading } }, undefined)
}

test('metrics: a family is HELP, TYPE and its value', () => {
  assert.equal(one(7), '# HELP x_total Things.\n# TYPE x_total counter\nx_total 7\n')
})

test('metrics: samples carry their labels in order', () => {
  const samples = [
    [['a', 'b'], 1],
    [['c', 'd'], 0.5],
  ] as const
  assert.equal(
    one(samples, { type: 'gauge', labels: ['l', 'm'] }),
    '# HELP x_total Things.\n# TYPE x_total gauge\nx_total{l="a",m="b"} 1\nx_total{l="c",m="d"} 0.5\n',
  )
})

test('metrics: what would end a label value or a line is escaped', () => {
  const text = one(
    [[['quote " slash \\ line \n']], [['x']]].map(([values]) => [values as string[], 1]),
    {
      labels: ['l'],
      help: 'Slash \\ line \n.',
    },
  )
  assert.match(text, /^# HELP x_total Slash \\\\ line \\n\.$/m)
  assert.match(text, /^x_total\{l="quote \\" slash \\\\ line \\n"\} 1$/m)
  assert.equal(parseExposition(text).get('x_total')?.samples.size, 2)
})

test('metrics: a metric without samples is named all the same; one that cannot be read is left out', () => {
  assert.equal(one([], { labels: ['l'] }), '# HELP x_total Things.\n# TYPE x_total counter\n')
  assert.equal(one(undefined), '')
})

const broken = {
  'no HELP': '# TYPE x counter\nx 1\n',
  'no TYPE': '# HELP x Things.\nx 1\n',
  'a family in two pieces': '# HELP x X.\n# TYPE x gauge\n# HELP y Y.\n# TYPE y gauge\nx 1\n',
  'a sample twice': '# HELP x X.\n# TYPE x gauge\nx{a="1"} 1\nx{a="1"} 2\n',
  'a quote that is not escaped': '# HELP x X.\n# TYPE x gauge\nx{a="""} 1\n',
  'a label twice': '# HELP x X.\n# TYPE x gauge\nx{a="1",a="2"} 1\n',
  'no number': '# HELP x X.\n# TYPE x gauge\nx undefined\n',
  'no end of line': '# HELP x X.\n# TYPE x gauge\nx 1',
}

for (const [fault, text] of Object.entries(broken)) {
  test(`metrics: the parser of the tests refuses ${fault}`, () => {
    assert.throws(() => parseExposition(text), { name: 'AssertionError' })
  })
}
