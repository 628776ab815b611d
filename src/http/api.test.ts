import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type TestContext } from 'node:test'
import { silentLog } from '../base/log.ts'
import { answerApi } from './api.ts'

/** @returns the status that somebody gets whom the program lets in by a name of its own */
async function statusFor(t: TestContext, host: string, auth?: string): Promise<number | undefined> {
  const resources = new Map([['/api', () => ({ type: 'text/plain', body: 'x' })]])
  const deps = {
    log: silentLog,
    judge: async () => ({ isAnonymous: false, mayRead: () => true }),
    hostNames: () => [],
    resources,
    directory: () => undefined,
  }
  const server = createServer((request, response) => void answerApi(request, response, deps))
  server.listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const sent = get({ port, host: '127.0.0.1', path: '/api', headers: { host }, auth: auth ?? null })
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  response.resume()
  return response.statusCode
}

test('protocol http_api: who was let in without a password, by whatever says a name, has to ask by a name of ours', async t => {
  assert.equal(await statusFor(t, 'evil.example'), 421)
  assert.equal(await statusFor(t, 'localhost'), 200)
  assert.equal(await statusFor(t, 'evil.example', 'user:password'), 200)
})
