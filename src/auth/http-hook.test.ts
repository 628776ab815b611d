import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type TestContext } from 'node:test'
import { deviceCertificate } from '../../test/support/realms.ts'
import type { ExternalQuestion, ExternalService } from './external-service.ts'
import { mostAnswerBytes } from './http-exchange.ts'
import { createHttpHook, hookQuestion } from './http-hook.ts'

const question: ExternalQuestion = {
  action: 'connect',
  username: 'alice',
  clientId: 'c',
  password: 'geheim ß',
  address: '192.0.2.1',
  certificate: undefined,
}

async function hook(
  t: TestContext,
  answer: RequestListener,
  more: { readonly timeoutMs?: number; readonly secret?: string } = {},
): Promise<ExternalService> {
  const server = createServer(answer)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
  return createHttpHook({ url, ca: undefined, secret: undefined, timeoutMs: 60_000, connections: 2, ...more })
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

test('features K6: hook: what is asked is JSON, by POST, with the secret of the broker', async t => {
  const seen: unknown[] = []
  const service = await hook(
    t,
    async (request, response) => {
      const { method, url, headers } = request
      seen.push(method, url, headers['content-type'], headers.authorization, JSON.parse(await bodyOf(request)))
      response.end('{"result":"allow"}')
    },
    { secret: 's'.repeat(16) },
  )
  assert.equal((await service.ask(question)).kind, 'allow')
  assert.deepEqual(seen, [
    'POST',
    '/hook',
    'application/json',
    `Bearer ${'s'.repeat(16)}`,
    {
      action: 'connect',
      username: 'alice',
      clientId: 'c',
      password: 'geheim ß',
      address: '192.0.2.1',
      certificate: null,
    },
  ])
})

test('features K6: hook: what there is not is null, and of a certificate is told what names it', () => {
  const { subject, issuer, serialNumber, fingerprint } = deviceCertificate
  const asked = hookQuestion({
    ...question,
    action: 'renew',
    password: undefined,
    address: '',
    certificate: deviceCertificate,
  })
  assert.deepEqual(JSON.parse(asked), {
    action: 'renew',
    username: 'alice',
    clientId: 'c',
    password: null,
    address: null,
    certificate: { subject, issuer, serialNumber, fingerprint },
  })
})

const wrong: readonly (readonly [what: string, answer: (response: ServerResponse) => unknown, fault: RegExp])[] = [
  [
    'a redirect',
    response => response.writeHead(307, { location: '/elsewhere' }).end('{"result":"allow"}'),
    /^Error: the answer is 307$/,
  ],
  [
    'a refusal of the server',
    response => response.writeHead(401).end('{"result":"allow"}'),
    /^Error: the answer is 401$/,
  ],
  ['no content', response => response.writeHead(204).end(), /^Error: the answer is 204$/],
  [
    'an error of the server',
    response => response.writeHead(500).end('{"result":"allow"}'),
    /^Error: the answer is 500$/,
  ],
  ['something else', response => response.end('<html>'), /^Error: the answer is no JSON$/],
  [
    'an answer without end',
    response => response.end(`{"result":"allow"}${' '.repeat(mostAnswerBytes)}`),
    /more than 16384 bytes/,
  ],
  ['an answer that is cut short', cutShort, /aborted|cut short|hang up|ECONNRESET/],
  ['a connection that ends', response => response.socket?.destroy(), /hang up|ECONNRESET/],
]

function cutShort(response: ServerResponse): void {
  response.writeHead(200, { 'content-length': 100 })
  response.write('{"result":"allow"}', () => response.socket?.destroy())
}

for (const [what, answer, fault] of wrong) {
  test(`features K6: hook: ${what} lets nobody in`, async t => {
    const service = await hook(t, (_, response) => void answer(response))
    await assert.rejects(service.ask(question), fault)
  })
}

test('features K6: hook: an answer has its time, also one that comes byte by byte', async t => {
  for (const answer of [() => {}, (response: ServerResponse) => response.write('{')]) {
    const service = await hook(t, (_, response) => void answer(response), { timeoutMs: 50 })
    await assert.rejects(service.ask(question), /^Error: no answer within 50 ms$/)
  }
})

test('features K6: hook: nobody listens: nobody is let in', async () => {
  const url = 'http://127.0.0.1:1/'
  const service = createHttpHook({ url, ca: undefined, secret: undefined, timeoutMs: 60_000, connections: 2 })
  await assert.rejects(service.ask(question), /ECONNREFUSED/)
})
