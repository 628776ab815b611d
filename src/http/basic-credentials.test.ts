import assert from 'node:assert/strict'
import { test } from 'node:test'
import { basicCredentials } from './basic-credentials.ts'

const encoded = (text: string | Uint8Array) => `Basic ${Buffer.from(text).toString('base64')}`

test('RFC 7617 §2: user name and password are taken apart at the first colon', () => {
  const credentials = basicCredentials(encoded('alice:p:w'))
  assert.equal(credentials?.username, 'alice')
  assert.deepEqual(Buffer.from(credentials?.password ?? []).toString(), 'p:w')
  assert.equal(basicCredentials(encoded('bärbel:ü'))?.username, 'bärbel')
  assert.equal(basicCredentials(encoded('alice:'))?.password.length, 0)
  assert.equal(basicCredentials('bASIC YTpi')?.username, 'a')
})

test('RFC 7617 §2: what is no such field is no credential', () => {
  const none = [
    undefined,
    '',
    'Bearer YTpi',
    'Basic',
    'Basic !!!!',
    'Basic YTpi YTpi',
    encoded('nobody'),
    encoded(':password'),
    encoded('a\0b:c'),
    encoded(Uint8Array.of(0xff, 0x3a, 0x61)),
  ]
  for (const field of none) assert.equal(basicCredentials(field), undefined, field)
})
