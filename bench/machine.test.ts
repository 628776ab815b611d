import assert from 'node:assert/strict'
import test from 'node:test'
import { refusal } from './machine.ts'

test('what git says is told without the path that stands in it', () => {
  const said = (message: string) => refusal(`fatal: ${message}\n`)
  assert.match(
    said("detected dubious ownership in repository at '/srv/a/b'"),
    /^git refuses .* safe\.directory allows it$/,
  )
  assert.equal(said('not a git repository (or any of the parent directories): .git'), 'this is no clone')
  assert.equal(said("cannot change to '/srv/a/b'"), 'git does not tell')
})
