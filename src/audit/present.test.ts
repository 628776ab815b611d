import assert from 'node:assert/strict'
import { test } from 'node:test'
import { masked, presentJson, safeJson } from './present.ts'

const present = (value: unknown) => JSON.parse(presentJson(value))

test('audit: secrets are masked wherever they stand and whatever they are, what only sounds alike is not', () => {
  const given = {
    password: 'hunter2',
    PassWord: ['a'],
    nested: [{ token: { a: 1 }, encoded_password: 'x', salt: 'y', key: 'z', passphrase: 1, apiSecret: 's' }],
    password_file: '/etc/mosquitto/pw',
    keyfile: 'k',
    username: 'u',
    keepalive: 60,
  }
  assert.deepEqual(present(given), {
    password: masked,
    PassWord: masked,
    nested: [
      { token: masked, encoded_password: masked, salt: masked, key: masked, passphrase: masked, apiSecret: masked },
    ],
    password_file: '/etc/mosquitto/pw',
    keyfile: 'k',
    username: 'u',
    keepalive: 60,
  })
  assert.doesNotMatch(presentJson(given), /hunter2/)
  assert.deepEqual(present({ password: null }), { password: null })
})

test('audit: text of peers steers no terminal and means the same to a program', () => {
  const hostile = 'a\u001b[31m\u202e\u0085\u2028\u200b\\"\n\u{e0041}é漢'
  const json = safeJson({ hostile })
  assert.match(json, /^[\x20-\x7eé漢]+$/)
  assert.deepEqual(JSON.parse(json), { hostile })
})

test('audit: texts, lists, members, depth and the whole are bounded, and say that they were cut', () => {
  assert.equal(present('x'.repeat(5000)), `${'x'.repeat(1024)}…`)
  const list = present(Array.from({ length: 300 }, (_, i) => i))
  assert.deepEqual([list.length, list.at(-1)], [101, '… 200 more'])
  const object = present(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`n${i}`, i])))
  assert.deepEqual([Object.keys(object).length, object['…']], [65, '36 more'])
  let deep: unknown = 'end'
  for (let i = 0; i < 50; i++) deep = { deep }
  assert.ok(presentJson(deep).length < 200)
  const wide = Array.from({ length: 100 }, () => Array.from({ length: 100 }, () => 'x'.repeat(2000)))
  assert.ok(presentJson(wide).length < 1_000_000)
  assert.deepEqual(present({ a: undefined, b: 1 }), { b: 1 })
})
