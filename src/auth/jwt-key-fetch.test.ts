import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type TestContext } from 'node:test'
import { fetchKeySet, isKeySetUrl, keySetLimits } from './jwt-key-fetch.ts'

async function serve(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`
}

test('features K5: key sets come over https, over http from this machine alone, and no password is in their address', () => {
  const good = ['https://issuer.example/keys', 'http://127.0.0.1:8080/k', 'http://[::1]/k', 'http://localhost/k']
  for (const url of good) assert.equal(isKeySetUrl(url), true, url)
  const bad = [
    'http://issuer.example/keys',
    'http://127.0.0.1.example/',
    'file:///etc/keys',
    'https://u:p@issuer.example/',
    '',
  ]
  for (const url of bad) assert.equal(isKeySetUrl(url), false, url)
})

test('features K5: what a server answers is fetched; nothing else is asked', async t => {
  const url = await serve(t, (_, response) => response.end('{"keys": []}'))
  assert.equal(await fetchKeySet(url), '{"keys": []}')
  await assert.rejects(fetchKeySet('http://issuer.example/keys'), /only https is fetched/)
})

test('features K5: an answer that is no 200, leads elsewhere or is too long is none', async t => {
  const missing = await serve(t, (_, response) => response.writeHead(404).end('{"keys": []}'))
  await assert.rejects(fetchKeySet(missing), /the answer is 404/)
  const elsewhere = await serve(t, (_, response) => response.writeHead(302, { location: missing }).end())
  await assert.rejects(fetchKeySet(elsewhere))
  const long = await serve(t, (_, response) => response.end(Buffer.alloc(keySetLimits.maximumBytes + 1)))
  await assert.rejects(fetchKeySet(long), /more than 262144 bytes/)
})
