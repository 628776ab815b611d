// Holds docs/reference/pkits.md to the table of differences; whether the table is right is for test/judges/pkits.test.ts.

import assert from 'node:assert/strict'
import test from 'node:test'
import { pkitsPage } from '../../scripts/pkits-page.ts'
import { read } from './source-files.ts'

test('docs/reference/pkits.md is what `npm run docs` writes', () => {
  assert.ok(read('docs/reference/pkits.md') === pkitsPage(), 'out of step with the table: run `npm run docs`')
})
