// `protocol http_api` of the real program: what /api/v1 answers, whom it lets in, and the files of `http_dir`.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { request as secureRequest } from 'node:https'
import { connect } from 'node:net'
import test, { type TestContext } from 'node:test'
import { throwawayPki } from '../support/authority.ts'
import { type BrokerProcess, runBroker, startBroker } from '../support/broker-process.ts'
import { freePort } from '../support/free-port.ts'
import { passwordLines } from '../support/password-lines.ts'
import { join, subscribe } from '../support/wire-broker.ts'

interface Api {
  readonly broker: BrokerProcess
  readonly port: number
}

/** @param lines of the listener for HTTP, or of the whole broker */
async function start(t: TestContext, lines: string, files: Readonly<Record<string, string>> = {}): Promise<Api> {
  const port = await freePort()
  const config = (place: { port: number }) =>
    `listener ${place.port} 127.0.0.1\nlistener ${port} 127.0.0.1\nprotocol http_api\n${lines}\n`
  return { broker: await startBroker(t, { config, files }), port }
}

interface Asked {
  readonly method?: string
  readonly host?: string
  /** `user:password` */
  readonly auth?: string
  readonly ca?: string
}

interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

async function ask(
  { port }: Pick<Api, 'port'>,
  path: string,
  { method = 'GET', host, auth, ca }: Asked = {},
): Promise<Answer> {
  const headers = host === undefined ? {} : { host }
  const options = { port, path, host: '127.0.0.1', method, headers, auth: auth ?? null }
  const sent = ca === undefined ? request(options) : secureRequest({ ...options, ca, servername: 'localhost' })
  sent.end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const parts: Buffer[] = []
  for await (const part of response) parts.push(part as Buffer)
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts).toString() }
}

test('protocol http_api: /api/v1/version is the version as text', async t => {
  const api = await start(t, 'allow_anonymous true')
  const { status, body } = await ask(api, '/api/v1/version')
  assert.equal(status, 200)
  assert.match(body, /^\d+\.\d+\.\d+/)
})

test('protocol http_api: /api/v1/listeners names every listener, and what it asks for', async t => {
  const { broker, port } = await start(t, 'allow_anonymous true')
  const { headers, body } = await ask({ port }, '/api/v1/listeners')
  assert.equal(headers['content-type'], 'application/json')
  assert.deepEqual(JSON.parse(body), {
    listeners: [
      { port: broker.port, protocol: 'mqtt', tls: false, mtls: false, allow_anonymous: true },
      { port, protocol: 'httpapi', tls: false, mtls: false, allow_anonymous: true },
    ],
  })
})

test('protocol http_api: /api/v1/systree has the numbers of $SYS, the uptime in seconds, and no texts', async t => {
  const { broker, port } = await start(t, 'allow_anonymous true\nsys_interval 1')
  const client = await join(t, { port: broker.port, process: broker })
  await subscribe(client, '$SYS/broker/clients/connected')
  // What the subscriber is told, the other one is told too.
  for (let told = ''; told !== '1'; told = (await client.expectPublish()).payload);
  const figures = JSON.parse((await ask({ port }, '/api/v1/systree')).body) as Record<string, unknown>
  assert.equal(figures['$SYS/broker/clients/connected'], 1)
  assert.equal(typeof figures['$SYS/broker/uptime'], 'number')
  assert.ok(Object.values(figures).every(value => Number.isSafeInteger(value)))
})

test('protocol http_api: without $SYS there is no systree', async t => {
  const api = await start(t, 'allow_anonymous true\nsys_interval 0')
  assert.equal((await ask(api, '/api/v1/systree')).status, 404)
})

test('protocol http_api: GET and HEAD alone, and what is not there is not found', async t => {
  const api = await start(t, 'allow_anonymous true')
  const posted = await ask(api, '/api/v1/version', { method: 'POST' })
  assert.deepEqual([posted.status, posted.headers.allow], [405, 'GET, HEAD'])
  const head = await ask(api, '/api/v1/version', { method: 'HEAD' })
  assert.deepEqual([head.status, head.body], [200, ''])
  for (const path of ['/api/v1/nothing', '/api', '/', '/index.html', '/../etc/passwd']) {
    assert.equal((await ask(api, path)).status, 404, path)
  }
})

test('protocol http_api: a foreign name is answered only for a password, and metrics_host is none', async t => {
  const api = await start(t, 'allow_anonymous true\nmetrics_host broker.example')
  assert.equal((await ask(api, '/api/v1/version', { host: 'evil.example' })).status, 421)
  assert.equal((await ask(api, '/api/v1/version', { host: 'localhost:1' })).status, 200)
  assert.equal((await ask(api, '/api/v1/version', { host: 'broker.example' })).status, 200)
})

const passwords = { pw: passwordLines({ reader: 'secret', other: 'secret' }) }

test('protocol http_api: without allow_anonymous it asks for a password, as the listener does', async t => {
  const api = await start(t, 'password_file pw', passwords)
  const unasked = await ask(api, '/api/v1/version')
  assert.equal(unasked.status, 401)
  assert.match(unasked.headers['www-authenticate'] ?? '', /^Basic realm=/)
  assert.equal(unasked.body, 'Not authorised\n')
  assert.equal((await ask(api, '/api/v1/version', { auth: 'reader:wrong' })).status, 401)
  assert.equal((await ask(api, '/api/v1/version', { auth: 'nobody:secret' })).status, 401)
  await api.broker.waitForLine(/Refused a request of the http_api from 127\.0\.0\.1:\d+ as 'nobody': /)
  assert.equal((await ask(api, '/api/v1/version', { auth: 'reader:secret' })).status, 200)
  assert.equal((await ask(api, '/api/v1/version', { auth: 'reader:secret', host: 'proxy.example' })).status, 200)
})

test('protocol http_api: the rules decide about a path as about a topic that is read', async t => {
  const acl = 'user reader\ntopic read /api/v1/version\nuser other\ntopic write #\n'
  const api = await start(t, 'password_file pw\nacl_file acl', { ...passwords, acl })
  assert.equal((await ask(api, '/api/v1/version', { auth: 'reader:secret' })).status, 200)
  assert.equal((await ask(api, '/api/v1/listeners', { auth: 'reader:secret' })).status, 401)
  assert.equal((await ask(api, '/api/v1/version', { auth: 'other:secret' })).status, 401)
})

test('protocol http_api: after wrong passwords nobody is judged for a while, however often somebody asks', async t => {
  const api = await start(t, 'password_file pw\nmax_authentication_failures 2', passwords)
  let refused = await ask(api, '/api/v1/version', { auth: 'reader:wrong' })
  // Each one doubles the time, so that it is longer than a request takes here, sooner or later.
  while (refused.status === 401) refused = await ask(api, '/api/v1/version', { auth: 'reader:wrong' })
  assert.equal(refused.status, 429)
  assert.match(refused.headers['retry-after'] ?? '', /^\d+$/)
})

test('http_dir: its files are served, and nothing beside or hidden in it', async t => {
  const files = { 'www/index.html': '<h1>', 'www/.secret': 'x', 'www/a/b.txt': 'b', outside: 'x' }
  const api = await start(t, 'allow_anonymous true\nhttp_dir www', files)
  const index = await ask(api, '/')
  assert.deepEqual([index.status, index.body, index.headers['content-type']], [200, '<h1>', 'text/html; charset=utf-8'])
  assert.equal((await ask(api, '/a/b.txt')).body, 'b')
  const head = await ask(api, '/a/b.txt', { method: 'HEAD' })
  assert.deepEqual([head.headers['content-length'], head.body], ['1', ''])
  for (const path of ['/a', '/a/', '/.secret', '/../outside', '/%2e%2e/outside', '/a/..%2f..%2foutside', '/none']) {
    assert.equal((await ask(api, path)).status, 404, path)
  }
  assert.equal((await ask(api, '/api/v1/version')).status, 200)
})

test('http_dir: a rule against index.html holds for its directory, too, and the other way round', async t => {
  const rules = 'topic read /a/#\ntopic deny /a/index.html\ntopic read /b/#\ntopic deny /b/\ntopic read /c/#\n'
  const files = { 'www/a/index.html': 'a', 'www/b/index.html': 'b', 'www/c/index.html': 'c', acl: rules }
  const api = await start(t, 'allow_anonymous true\nhttp_dir www\nacl_file acl', files)
  for (const path of ['/a/', '/a/index.html', '/b/']) assert.equal((await ask(api, path)).status, 401, path)
  for (const path of ['/b/index.html', '/c/', '/c/index.html']) assert.equal((await ask(api, path)).status, 200, path)
})

test('http_dir: what is no directory ends the start, and --test-config says it', async t => {
  const config = ({ port }: { port: number }) => `listener ${port} 127.0.0.1\nprotocol http_api\nhttp_dir nothing\n`
  const started = await runBroker(t, 'castellan', { config })
  assert.match(started.report(), /Error: Unable to use http_dir "nothing": it is no directory\./)
  assert.equal(started.ended?.code, 1)
  const tested = await runBroker(t, 'castellan', { config, args: ['--test-config'] })
  assert.match(tested.report(), /Unable to use http_dir/)
  assert.equal(tested.ended?.code, 3)
})

test('protocol http_api: with certfile and keyfile it speaks TLS', async t => {
  const { authority, server } = await throwawayPki()
  const api = await start(t, `allow_anonymous true\ncertfile ${server.cert}\nkeyfile ${server.key}`)
  const ca = await readFile(authority.ca.cert, 'utf8')
  assert.equal((await ask(api, '/api/v1/version', { ca })).status, 200)
  await assert.rejects(ask(api, '/api/v1/version'))
})

test('protocol http_api: a reload takes other rules, and its end is not held up by somebody who says nothing', async t => {
  const { broker, port } = await start(t, 'allow_anonymous true', passwords)
  assert.equal((await ask({ port }, '/api/v1/version')).status, 200)
  await broker.writeConfig(
    place => `listener ${place.port} 127.0.0.1\nlistener ${port} 127.0.0.1\nprotocol http_api\npassword_file pw\n`,
  )
  await broker.reload(/Configuration reloaded/)
  assert.equal((await ask({ port }, '/api/v1/version')).status, 401)
  assert.equal((await ask({ port }, '/api/v1/version', { auth: 'reader:secret' })).status, 200)
  const silent = connect(port, '127.0.0.1')
  await once(silent, 'connect')
  silent.on('error', () => {})
  assert.equal((await broker.stop()).code, 0)
})

for (const line of ['psk_hint x', 'require_certificate true', 'request_certificate true', 'enable_proxy_protocol 1']) {
  test(`protocol http_api: \`${line}\` is refused beside it`, async t => {
    const config = ({ port }: { port: number }) => `listener ${port} 127.0.0.1\nprotocol http_api\n${line}\n`
    const program = await runBroker(t, 'castellan', { config })
    const [name] = line.split(' ')
    assert.match(program.report(), new RegExp(`Error: ${name} cannot be used with .protocol http_api.;`))
    assert.equal(program.ended?.code, 3)
  })
}
