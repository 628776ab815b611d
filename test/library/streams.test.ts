// What a program hands over: sockets, TLS sockets and any Duplex, and servers of its own, WebSockets among them.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer, get } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { Duplex, duplexPair, PassThrough } from 'node:stream'
import test, { type TestContext } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import { connectAsync, MqttClient } from 'mqtt'
import { StreamError } from '../../src/library/index.ts'
import { Authority } from '../support/authority.ts'
import { hex } from '../support/bytes.ts'
import { embed, join, nextEvent, received } from '../support/embedded.ts'

const open = { allow_anonymous: true }

async function listening(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

/** Over a stream that is no socket. */
function clientOver(t: TestContext, stream: ReturnType<typeof duplexPair>[0], clientId: string): MqttClient {
  const client = new MqttClient(() => stream as never, { clientId, protocolVersion: 5, reconnectPeriod: 0 })
  client.on('error', () => {})
  t.after(() => client.end(true))
  return client
}

test('handle: a server of the program passes its sockets on, by `createServer(broker.handle)`', async t => {
  const { broker } = await embed(t, open)
  const port = await listening(t, createServer(broker.handle))
  const connected = nextEvent(broker, 'clientConnect')
  const client = await join(t, port, 'a')
  assert.equal((await connected).client.address, '127.0.0.1')
  const next = received(client)
  await client.subscribeAsync('t')
  await client.publishAsync('t', 'x')
  assert.equal(await next(), 't x')
})

test('handle: what is handed over is closed to strangers, as every listener is', async t => {
  const { broker } = await embed(t)
  const port = await listening(t, createServer(broker.handle))
  await assert.rejects(join(t, port, 'a'), { code: 0x87 })
})

test('given: streams that are handed over have options of their own', async t => {
  const { broker, port } = await embed(t, { given: { allow_anonymous: true, max_qos: 1 } })
  const own = await listening(t, createServer(broker.handle))
  const client = await join(t, own, 'a')
  const heard = await broker.subscribe('t', { qos: 2 })
  await client.publishAsync('t', 'x', { qos: 1 })
  assert.equal((await heard.next()).value?.qos, 1)
  await assert.rejects(join(t, port, 'b'), { code: 0x87 })
})

test('handle: any Duplex of bytes is a connection, and what the broker writes into it never changes afterwards', async t => {
  const { broker } = await embed(t, open)
  const [here, there] = duplexPair()
  broker.handle(there)
  const client = clientOver(t, here, 'a')
  await new Promise(resolve => client.once('connect', resolve))
  const next = received(client)
  await client.subscribeAsync('#', { qos: 1 })
  await Promise.all(Array.from({ length: 50 }, (_, n) => broker.publish(`t/${n}`, `x${n}`, { qos: 1 })))
  for (let n = 0; n < 50; n++) assert.equal(await next(), `t/${n} x${n}`)
  const gone = nextEvent(broker, 'clientDisconnect')
  here.destroy()
  there.destroy()
  await gone
})

test('handle: a stream that throws, or fails with no error, loses its own connection and nothing else', async t => {
  const { broker, port } = await embed(t, open)
  const witness = await join(t, port, 'witness')
  const next = received(witness)
  await witness.subscribeAsync('t')
  const throwing = new Duplex({
    read() {},
    write() {
      throw new Error('a write that throws')
    },
  })
  broker.handle(throwing)
  throwing.push(hex`10 0F 00 04 'MQTT' 04 02 00 00 00 03 'own'`)
  await new Promise(resolve => throwing.once('close', resolve))
  const [near, far] = duplexPair()
  broker.handle(near)
  const client = clientOver(t, far, 'far')
  const ended = nextEvent(broker, 'clientDisconnect')
  await new Promise<void>(resolve => client.once('connect', () => resolve()))
  near.emit('error', undefined)
  await ended
  await broker.publish('t', 'still here')
  assert.equal(await next(), 't still here')
})

test('handle: a stream of objects, and what is no stream, is refused', async t => {
  const { broker } = await embed(t, open)
  assert.throws(() => broker.handle(new PassThrough({ objectMode: true })), StreamError)
  assert.throws(() => broker.handle({} as PassThrough), StreamError)
  assert.throws(() => broker.attach({} as Server), StreamError)
})

test('attach: all connections of a net server, until it is detached; the server stays the program’s', async t => {
  const { broker } = await embed(t, open)
  const server = createServer()
  const detach = broker.attach(server)
  const port = await listening(t, server)
  await join(t, port, 'a')
  detach()
  assert.equal(server.listenerCount('connection'), 0)
  assert.equal(server.listening, true)
})

test('attach: WebSockets of an http server at one path; its pages, and other paths, stay the program’s', async t => {
  const { broker } = await embed(t, open)
  const server = createHttpServer((_, response) => response.end('a page'))
  broker.attach(server, { path: '/mqtt' })
  const port = await listening(t, server)
  const client = await connectAsync(`ws://127.0.0.1:${port}/mqtt?x=1`, { clientId: 'w', reconnectPeriod: 0 })
  t.after(() => client.end(true))
  const next = received(client)
  await client.subscribeAsync('t')
  await broker.publish('t', 'y'.repeat(100_000))
  assert.equal((await next()).length, 100_002)
  assert.equal(await page(port), 'a page')
  await assert.rejects(
    connectAsync(`ws://127.0.0.1:${port}/other`, { reconnectPeriod: 0, connectTimeout: 5000 }, false),
  )
})

test('attach: at a server of several brokers, what asks for none of their paths is closed; others that listen may answer it', async t => {
  const [{ broker: one }, { broker: other }] = [await embed(t, open), await embed(t, open)]
  const server = createHttpServer()
  one.attach(server, { path: '/one' })
  other.attach(server, { path: '/other' })
  const port = await listening(t, server)
  const ask = (path: string) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    t.after(() => socket.destroy())
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`)
    return socket.resume()
  }
  for (const path of ['one', 'other']) {
    const client = await connectAsync(`ws://127.0.0.1:${port}/${path}`, { clientId: path, reconnectPeriod: 0 })
    t.after(() => client.end(true))
  }
  assert.deepEqual(
    [one, other].map(({ clients }) => clients.map(({ clientId }) => clientId)),
    [['one'], ['other']],
  )
  await once(ask('/third'), 'close')
  server.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 418 Its own\r\n\r\n'))
  const [answer] = await once(ask('/third'), 'data')
  assert.match(String(answer), /418/)
})

test('attach: servers with TLS of the program’s own, for MQTT and for WebSockets', async t => {
  const { broker } = await embed(t, open)
  const authority = await Authority.create()
  const { cert, key } = await authority.issue({ subject: 'localhost', extensions: ['subjectAltName=IP:127.0.0.1'] })
  const [files, ca] = [{ cert: readFileSync(cert), key: readFileSync(key) }, readFileSync(authority.ca.cert)]
  const [secure, web] = [createTlsServer(files), createHttpsServer(files)]
  broker.attach(secure)
  broker.attach(web)
  const urls = [`mqtts://127.0.0.1:${await listening(t, secure)}`, `wss://127.0.0.1:${await listening(t, web)}`]
  for (const url of urls) {
    const client = await connectAsync(url, { ca, reconnectPeriod: 0 }, false)
    const next = received(client)
    await client.subscribeAsync('t')
    await broker.publish('t', url)
    assert.equal(await next(), `t ${url}`)
    await client.endAsync()
  }
})

test('attach: websockets_origin of `given` holds for WebSockets of the program’s server', async t => {
  const { broker } = await embed(t, { given: { allow_anonymous: true, websockets_origin: 'https://example.com' } })
  const server = createHttpServer()
  broker.attach(server)
  const port = await listening(t, server)
  const connect = (origin: string) =>
    connectAsync(`ws://127.0.0.1:${port}/`, { reconnectPeriod: 0, wsOptions: { origin }, connectTimeout: 5000 }, false)
  await assert.rejects(connect('https://elsewhere.example'))
  const client = await connect('https://example.com')
  await client.endAsync()
})

test('what is handed over counts against max_connections, as what comes in does', async t => {
  const { broker } = await embed(t, { given: { allow_anonymous: true, max_connections: 1 } })
  const port = await listening(t, createServer(broker.handle))
  await join(t, port, 'a')
  await assert.rejects(join(t, port, 'b', { connectTimeout: 5000 }))
})

function page(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/' }, response => {
      let text = ''
      response.on('data', chunk => {
        text += chunk
      })
      response.on('end', () => resolve(text))
    }).on('error', reject)
  })
}
