// Holds the codes of errors to their pattern, and docs/reference/errors.md to the codes.

import assert from 'node:assert/strict'
import test from 'node:test'
import { errorCodes, errorsPage } from '../../scripts/errors-page.ts'
import { read, sourceFiles, withoutComments } from './source-files.ts'

/** A code of our own; a comparison with one of Node's is none. */
const ownCode = /(?<!(?:=== |startsWith\())'(ERR_[A-Z0-9_]+)'/g

const raised = sourceFiles().flatMap(path =>
  [...withoutComments(read(path)).matchAll(ownCode)].map(([, code = '']) => ({ path, code })),
)

test('every error code begins with the room that raises it', () => {
  assert.deepEqual(
    raised.filter(({ path, code }) => !code.startsWith(`ERR_${path.split('/')[1]?.toUpperCase()}_`)),
    [],
  )
})

test('the table of error codes has those of the program, each with a sentence, and no other', () => {
  assert.deepEqual(Object.keys(errorCodes), [...new Set(raised.map(({ code }) => code))].sort())
  for (const [code, sentence] of Object.entries(errorCodes)) assert.match(sentence, /^[A-Z`].*[.]$/, code)
})

test('docs/reference/errors.md is what `npm run docs` writes', () => {
  assert.ok(read('docs/reference/errors.md') === errorsPage(), 'out of step with the table: run `npm run docs`')
})
