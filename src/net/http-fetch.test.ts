import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FetchError, fetchBytes, isHttpUrl } from './http-fetch.ts'

const limits = { timeoutMs: 10_000, maxBytes: 1 }

test('only http is fetched, and nobody is told a name or a password', async () => {
  assert.equal(isHttpUrl('http://lists.example/devices.crl'), true)
  for (const url of [
    'https://lists.example/',
    'ldap://lists.example/',
    'lists.example',
    'http://a:b@lists.example/',
    'http://%zz@lists.example/',
  ]) {
    assert.equal(isHttpUrl(url), false, url)
    await assert.rejects(fetchBytes(url, limits), FetchError, url)
  }
})
