// docs/README.md leads to every page.

import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { read, repository } from './source-files.ts'

test('docs/README.md links every page of docs, and the README links it', () => {
  const linked = [...read('docs/README.md').matchAll(/\]\(([^)#]+)/g)].map(([, path = '']) => join('docs', path))
  const pages = globSync('docs/**/*.md', { cwd: repository }).filter(path => path !== 'docs/README.md')
  const missing = pages.filter(path => !linked.includes(path) && !path.startsWith('docs/decisions/'))
  assert.deepEqual(missing, [])
  assert.ok(linked.includes('docs/decisions'))
  assert.match(read('README.md'), /\]\(docs\/README\.md\)/)
})
