import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import type { ServerLimits } from '../base/limited-server.ts'
import { silentLog } from '../base/log.ts'
import { plainText } from './answer.ts'
import { HttpListenError } from './errors.ts'
import { type HttpDeps, type HttpListener, httpLimits, openHttpListener } from './listener.ts'

const run = promisify(execFile)

const quick: ServerLimits = { connections: 2, connectionsPerAddress: 2, headerBytes: 1024, requestMs: 300, checkMs: 50 }

async function open(t: TestContext, deps: Partial<HttpDeps> = {}): Promise<HttpListener> {
  const routes = new Map([['/x', () => ({ status: 200, type: plainText, body: 'here\n' }) as const]])
  const listener = await openHttpListener(
    { port: 0, address: '127.0.0.1' },
    { log: silentLog, routes, hostNames: () => ['metrics.example'], ...deps },
  )
  t.after(() => listener.close())
  return listener
}

/** A connection that waits for what the test writes. */
async function dial(t: TestContext, { port }: HttpListener, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Everything that comes until the other side ends. */
async function readAll(socket: Socket): Promise<string> {
  let text = ''
  socket.setEncoding('latin1').on('data', (part: string) => {
    text += part
  })
  await once(socket, 'close')
  return text
}

async function ask(t: TestContext, listener: HttpListener, request: string): Promise<string> {
  const socket = await dial(t, listener)
  socket.write(request)
  return readAll(socket)
}

const get = 'GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n'

function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1])
}

test('http: GET is answered, and the connection closed behind it', async t => {
  const answer = await ask(t, await open(t), get)
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
  assert.match(answer, /\r\n\r\nhere\n$/)
  for (const header of [
    'Connection: close',
    'Content-Length: 5',
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
  ]) {
    assert.ok(answer.includes(`\r\n${header}\r\n`), header)
  }
})

test('http: HEAD is answered as GET is, without the body', async t => {
  const listener = await open(t)
  const head = await ask(t, listener, get.replace('GET', 'HEAD'))
  assert.equal(statusOf(head), 200)
  assert.match(head, /\r\nContent-Length: 5\r\n(.+\r\n)*\r\n$/)
})

test('http: a query behind the path changes nothing', async t => {
  assert.equal(statusOf(await ask(t, await open(t), get.replace('/x', '/x?verbose'))), 200)
})

for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE']) {
  test(`http: ${method} is refused with 405, and told what is allowed`, async t => {
    const answer = await ask(t, await open(t), get.replace('GET', method))
    assert.equal(statusOf(answer), 405)
    assert.match(answer, /\r\nAllow: GET, HEAD\r\n/)
  })
}

test('http: other paths are not found, whatever they are names of elsewhere', async t => {
  const listener = await open(t)
  for (const path of ['/', '/xx', '/X', '/x/', '//x', '/../x', '/__proto__', '/constructor', '*']) {
    assert.equal(statusOf(await ask(t, listener, get.replace('/x', path))), 404, path)
  }
})

test('metrics_host: asked by its own address, localhost or a name in an option, it answers', async t => {
  const listener = await open(t)
  for (const host of ['localhost', `localhost:${listener.port}`, `127.0.0.1:${listener.port}`, 'Metrics.Example']) {
    assert.equal(statusOf(await ask(t, listener, get.replace('localhost', host))), 200, host)
  }
})

test('metrics_host: asked by any other name, by none, or by two, it tells nothing', async t => {
  const listener = await open(t)
  const refused = await ask(t, listener, get.replace('localhost', 'evil.example'))
  assert.equal(statusOf(refused), 421)
  assert.doesNotMatch(refused, /here|evil/)
  assert.equal(statusOf(await ask(t, listener, 'GET /x HTTP/1.1\r\n\r\n')), 400)
  assert.equal(statusOf(await ask(t, listener, 'GET /x HTTP/1.0\r\n\r\n')), 421)
  const two = get.replace('\r\n\r\n', '\r\nHost: evil.example\r\n\r\n')
  assert.ok([400, 421].includes(statusOf(await ask(t, listener, two))))
})

test('metrics_host: a name is refused also where path and method would be', async t => {
  const listener = await open(t)
  const request = 'POST /nothing HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\n\r\n'
  assert.equal(statusOf(await ask(t, listener, request)), 421)
})

test('http: one request per connection: what is sent behind the first is not answered', async t => {
  const answer = await ask(t, await open(t), get + get)
  assert.equal(answer.match(/HTTP\/1\.1/g)?.length, 1)
})

test('http: a body is not waited for', async t => {
  const answer = await ask(t, await open(t), get.replace('\r\n\r\n', '\r\nContent-Length: 1000000000\r\n\r\n'))
  assert.equal(statusOf(answer), 200)
})

test('http: headers beyond the limit are refused with 431, and within it taken', async t => {
  const listener = await open(t, { limits: quick })
  const padded = (bytes: number) => get.replace('\r\n\r\n', `\r\nX-Padding: ${'x'.repeat(bytes)}\r\n\r\n`)
  assert.equal(statusOf(await ask(t, listener, padded(800))), 200)
  assert.equal(statusOf(await ask(t, listener, padded(1100))), 431)
})

test('http: what is no HTTP is refused with 400, without a word of how it was found out', async t => {
  const answer = await ask(t, await open(t), '\x10\x0c\0\x04MQTT\x05\x02\0\x3c\0\0\r\n\r\n')
  assert.equal(statusOf(answer), 400)
  assert.doesNotMatch(answer, /Error|Parse|\.ts|\.js/)
})

test('http: whoever says nothing, or does not come to an end, is cut off', async t => {
  const listener = await open(t, { limits: quick })
  const silent = await readAll(await dial(t, listener))
  assert.ok(silent === '' || statusOf(silent) === 408, silent)
  const slow = await dial(t, listener)
  slow.write('GET /x HTTP/1.1\r\nHost: localhost\r\n')
  const answer = await readAll(slow)
  assert.ok(answer === '' || statusOf(answer) === 408, answer)
})

test('http: whoever trickles a request is cut off as well: it is the whole that has a time limit', async t => {
  const listener = await open(t, { limits: quick })
  const socket = await dial(t, listener)
  socket.write('GET /x HTTP/1.1\r\nHost: localhost\r\n')
  const trickle = setInterval(() => socket.write('X: y\r\n'), 50)
  t.after(() => clearInterval(trickle))
  socket.on('error', () => {})
  const answer = await readAll(socket)
  assert.ok(answer === '' || statusOf(answer) === 408, answer)
})

test('http: connections beyond the limit are closed at once, and there is room again when others have gone', async t => {
  const listener = await open(t, { limits: { ...quick, requestMs: 60_000 } })
  const [first] = [await dial(t, listener), await dial(t, listener)]
  assert.equal(await ask(t, listener, get).catch(() => ''), '')
  first.end(get)
  assert.equal(statusOf(await readAll(first)), 200)
  assert.equal(statusOf(await ask(t, listener, get)), 200)
})

test('http: one address cannot keep another out, and has room again when its own have gone', async t => {
  const listener = await open(t, { limits: { ...quick, connections: 10, requestMs: 60_000 } })
  const [first] = [await dial(t, listener), await dial(t, listener)]
  assert.equal(await ask(t, listener, get).catch(() => ''), '')
  const other = await dial(t, listener, '127.0.0.2')
  other.write(get)
  assert.equal(statusOf(await readAll(other)), 200)
  first.end(get)
  assert.equal(statusOf(await readAll(first)), 200)
  assert.equal(statusOf(await ask(t, listener, get)), 200)
})

test('http: every limit is finite', () => {
  for (const [name, limit] of Object.entries(httpLimits)) assert.ok(limit > 0 && Number.isFinite(limit), name)
})

test('http: what goes wrong inside is for the log; the answer is 500 without a reason, and the next is as before', async t => {
  const lines: string[] = []
  const broken = () => {
    throw new Error('the secret of /etc/passwd\n')
  }
  const routes = new Map([
    ['/broken', broken],
    ['/x', () => ({ status: 200, type: plainText, body: 'here\n' }) as const],
  ])
  const log = { enabled: () => true, write: (type: string, line: string) => void lines.push(`${type}: ${line}`) }
  const listener = await open(t, { routes, log })
  const answer = await ask(t, listener, get.replace('/x', '/broken'))
  assert.equal(statusOf(answer), 500)
  assert.match(answer, /\r\n\r\ninternal error\n$/)
  assert.doesNotMatch(answer, /secret|passwd|\.ts/)
  assert.deepEqual(lines.slice(1), ['error: Error: Unable to answer /broken: the secret of /etc/passwd\\x0a.'])
  assert.equal(statusOf(await ask(t, listener, get)), 200)
})

test('metrics_listener: a port that is taken is refused with what to do about it', async t => {
  const { port } = await open(t)
  const second = openHttpListener(
    { port, address: '127.0.0.1' },
    { log: silentLog, routes: new Map(), hostNames: () => [] },
  )
  await assert.rejects(
    second,
    error => error instanceof HttpListenError && error.code === 'ERR_HTTP_LISTEN' && /ss -lntp/.test(error.hint),
  )
})

test('metrics_listener: closed, it cuts off who is there and listens no more', async t => {
  const listener = await open(t)
  const socket = await dial(t, listener)
  listener.close()
  await once(socket.resume(), 'close')
  await assert.rejects(ask(t, listener, get), { code: 'ECONNREFUSED' })
})

test('http: curl gets along with it', async t => {
  const { port } = await open(t)
  const { stdout } = await run('curl', ['-sS', '-w', '%{http_code}', `http://localhost:${port}/x`])
  assert.equal(stdout, 'here\n200')
})
