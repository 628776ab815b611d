import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
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

test('an answer that would go on in another protocol is none, and ends the fetch at once', async t => {
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', () => socket.write('HTTP/1.1 101 x\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  await assert.rejects(fetchBytes(url, limits), /the answer is 101$/)
})
