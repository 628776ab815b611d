// docs/architecture.md tells in which order a CONNECT is judged; the list in the code is the truth.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { connectSteps } from '../../src/broker/connect.ts'

test('docs: architecture.md names the steps of a CONNECT as they are, in their order', () => {
  const text = readFileSync(new URL('../../docs/architecture.md', import.meta.url), 'utf8')
  const [, told = ''] = /`connectSteps`, a list to be read top-down: ([^.]*)\./.exec(text) ?? []
  const names = [...told.matchAll(/`(\w+)`/g)].map(([, name]) => name)
  assert.deepEqual(
    names,
    connectSteps.map(({ name }) => name),
  )
})
