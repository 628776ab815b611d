import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditOptions } from './options.ts'

test('audit_exclude: gathers kinds, `none` forgets them; what is no kind is refused, and so is what the audit tells of itself', () => {
  const { value } = auditOptions.audit_exclude
  const read = (text: string, previous?: ReturnType<typeof value.parse>) =>
    value.parse(text, 'audit_exclude', previous, () => {})
  assert.deepEqual(read('login', read('stop')), ['stop', 'login'])
  assert.deepEqual(read('login', read('login')), ['login'])
  assert.deepEqual(read('none', read('login')), [])
  for (const word of ['logins', 'audit', 'all']) {
    assert.throws(() => read(word), {
      code: 'ERR_CONFIG_VALUE',
      message: `Error: Invalid 'audit_exclude' value (${word}).`,
    })
  }
  assert.throws(() => read(''), { message: "Error: Empty 'audit_exclude' value in configuration." })
})
