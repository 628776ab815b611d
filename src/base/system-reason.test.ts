import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { systemReason } from './system-reason.ts'

function reasonOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    return systemReason(error)
  }
  return 'nothing was thrown'
}

test('what the system refuses is told in its words, and by its code where it has none', () => {
  assert.equal(
    reasonOf(() => readFileSync('/nonexistent')),
    'no such file or directory',
  )
  assert.equal(
    reasonOf(() => readFileSync('/')),
    'illegal operation on a directory',
  )
  assert.equal(systemReason(Object.assign(new Error('x'), { code: 'ERR_TLS' })), 'ERR_TLS')
  assert.equal(systemReason(new Error('x')), 'unknown')
})
