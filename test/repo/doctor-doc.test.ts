// Holds docs/reference/doctor.md to the rules, and the rules to their form.

import assert from 'node:assert/strict'
import test from 'node:test'
import { doctorPage } from '../../scripts/doctor-page.ts'
import { rules } from '../../src/doctor/rules.ts'
import { read } from './source-files.ts'

test('docs/reference/doctor.md is what `npm run docs` writes', () => {
  assert.ok(read('docs/reference/doctor.md') === doctorPage(), 'out of step with the rules: run `npm run docs`')
})

for (const { id, title, why, fix } of rules) {
  test(`${id} says in one line what it finds, in a sentence why, and what to write instead`, () => {
    assert.match(title, /^[^.\n]+$/)
    assert.match(why, /^[A-Z].*\.$/)
    assert.match(fix, /^[^\n]+[^.\n]$/)
  })
}
