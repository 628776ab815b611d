// Configuration files and what comes of them: `config/*.txt` hold cases of a sentence (`===`), files (`@@` begins one
// beside mosquitto.conf), `----`, and the outcome. Run this file with `--rewrite` to write the outcomes anew; then read
// the difference.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { outcomeOf, readCases, writeCases } from './config-case.ts'

const directory = join(import.meta.dirname, 'config')

for (const name of readdirSync(directory).sort()) {
  const path = join(directory, name)
  const cases = readCases(readFileSync(path, 'utf8'))
  if (process.argv.includes('--rewrite')) {
    writeFileSync(path, writeCases(cases.map(one => ({ ...one, outcome: outcomeOf(one.files) }))))
    continue
  }
  for (const { sentence, files, outcome } of cases) {
    test(sentence, () => assert.equal(outcomeOf(files), outcome))
  }
}
