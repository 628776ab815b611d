// Holds docs/reference/sys-tree.md to the table of the `$SYS` tree, and the table to what is published.

import assert from 'node:assert/strict'
import test from 'node:test'
import { absentTopics, sysTopics, sysTreePage } from '../../scripts/sys-tree-page.ts'
import { Counters, type Gauges } from '../../src/observe/counters.ts'
import { SysTree, sysFigures, sysLoads, sysPrefix } from '../../src/observe/sys-tree.ts'
import { read } from './source-files.ts'

test('docs/reference/sys-tree.md is what `npm run docs` writes', () => {
  assert.ok(read('docs/reference/sys-tree.md') === sysTreePage(), 'out of step with the table: run `npm run docs`')
})

test('the page has every topic that is published, and no other', () => {
  const gauges = new Proxy({} as Gauges, { get: () => 0 })
  const published = new SysTree(new Counters(), 0, 'x').update(0, gauges).map(([topic]) => topic)
  const documented = sysTopics().map(([topic]) => topic)
  assert.deepEqual(documented.toSorted(), published.toSorted())
  assert.equal(new Set(documented).size, documented.length)
  const page = read('docs/reference/sys-tree.md')
  for (const topic of documented) assert(page.includes(topic.replace(/\d+min$/, '')), topic)
})

test('no topic is both published and said to be missing, and each has a sentence', () => {
  const published = new Set(sysTopics().map(([topic]) => topic))
  for (const [name, reason] of Object.entries(absentTopics)) {
    assert(!published.has(sysPrefix + name), name)
    assert.match(reason, /^[A-Z].*[.]$/, name)
  }
  for (const { doc } of [...Object.values(sysFigures), ...Object.values(sysLoads)]) assert.match(doc, /^[A-Z].*[.]$/)
})
