import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { optionsPage } from '../../scripts/options-page.ts'
import { options } from '../../src/server/options.ts'

test('docs/reference/options.md is what `npm run docs` writes', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/reference/options.md'), 'utf8')
  assert.ok(page === optionsPage(), 'out of step with the tables: run `npm run docs`')
})

test('every option has a sentence of documentation and the form of its value', () => {
  for (const [name, { doc, value }] of Object.entries(options)) {
    assert.match(doc, /^[A-Z].*[.]$/s, name)
    assert.notEqual(value.syntax, '', name)
  }
})
