import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import test from 'node:test'
import { storeDirectory } from '../../test/support/store-directory.ts'
import { clearRunMark, setRunMark } from './run-mark.ts'

test('faults: a mark that was not cleared is found by the next run, and by the one after it; a cleared one is not', t => {
  const directory = storeDirectory(t)
  mkdirSync(directory)
  assert.equal(setRunMark(directory), false)
  assert.equal(setRunMark(directory), true)
  assert.equal(setRunMark(directory), true)
  clearRunMark(directory)
  assert.equal(setRunMark(directory), false)
  clearRunMark(directory)
  clearRunMark(directory)
})

test('faults: a mark that cannot be made is an error of the system, not an earlier run', t => {
  assert.throws(() => setRunMark(storeDirectory(t)), { code: 'ENOENT' })
})
