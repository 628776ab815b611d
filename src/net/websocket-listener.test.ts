// A listener with `protocol websockets` alone, with the client of `ws` and with frames by hand.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { type ClientOptions, WebSocket } from 'ws'
import { throwawayPki } from '../../test/support/authority.ts'
import { hex } from '../../test/support/bytes.ts'
import { startListener, type TestListener } from '../../test/support/net-listener.ts'
import type { ListenerSettings, NetSettings } from './options.ts'

const connectPacket = hex`10 0D 00 04 'MQTT' 04 02 00 3C 00 01 'a'`
const pingreq = hex`C0 00`

const start = (t: TestContext, settings: Partial<ListenerSettings> = {}, net: Partial<NetSettings> = {}) =>
  startListener(t, { protocol: 'websockets', ...settings }, net)

function dial(
  t: TestContext,
  server: TestListener,
  protocols: readonly string[] = ['mqtt'],
  options: ClientOptions = {},
) {
  const scheme = options.ca === undefined ? 'ws' : 'wss'
  const client = new WebSocket(`${scheme}://127.0.0.1:${server.listener.port}/any/path`, [...protocols], options)
  client.on('error', () => {})
  t.after(() => client.terminate())
  return client
}

async function open(t: TestContext, server: TestListener, options?: ClientOptions) {
  const client = dial(t, server, ['mqtt'], options)
  await once(client, 'open')
  return { client, ...(await server.waitForAccepted()) }
}

/** Whether by a reset or not. */
const closed = (socket: Socket | WebSocket) => new Promise(resolve => socket.once('close', resolve))

const key = 'dGhlIHNhbXBsZSBub25jZQ=='
const request = (more: readonly string[] = [], first = 'GET /mqtt HTTP/1.1') =>
  [
    first,
    'Host: broker',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Protocol: mqtt',
    ...more,
    '\r\n',
  ].join('\r\n')

/** A masked frame of a client; the mask is 0. */
function frame(opcode: number, payload: Uint8Array, announced = payload.length): Buffer {
  const length = Buffer.from([0xfe, announced >> 8, announced & 0xff])
  return Buffer.concat([Buffer.from([opcode]), length.subarray(0, 3), Buffer.alloc(4), payload])
}

/** By hand, past the handshake. */
async function openRaw(t: TestContext, server: TestListener): Promise<Socket> {
  const socket = await server.connect(t)
  socket.write(request())
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.match(answer.toString('latin1'), /^HTTP\/1\.1 101 .*Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/s)
  return socket
}

async function answerTo(t: TestContext, server: TestListener, text: string | Uint8Array): Promise<string> {
  const socket = await server.connect(t)
  let answer = ''
  socket.on('data', chunk => {
    answer += chunk.toString('latin1')
  })
  socket.write(text)
  await once(socket, 'close')
  return answer
}

test('[MQTT-6.0.0-4] [v3.1.1 MQTT-6.0.0-4] the subprotocol mqtt is selected, mqttv3.1 for who offers only that; MQTT goes both ways in binary messages', async t => {
  const server = await start(t)
  const { client, transport, handler, peer } = await open(t, server)
  assert.equal(client.protocol, 'mqtt')
  assert.equal(client.extensions, '')
  assert.equal(peer.address, '127.0.0.1')
  client.send(connectPacket)
  await handler.waitForPackets(1)
  transport.send(hex`20 02 00 00`)
  const [answer, isBinary] = (await once(client, 'message')) as [Buffer, boolean]
  assert.equal(answer.toString('hex'), '20020000')
  assert.equal(isBinary, true)
  const old = dial(t, server, ['other', 'mqttv3.1'])
  await once(old, 'open')
  assert.equal(old.protocol, 'mqttv3.1')
})

for (const [what, protocols] of [
  ['none', []],
  ['another', ['chat', 'mqttv5']],
] as const) {
  test(`[MQTT-6.0.0-3] a client that offers ${what} of the subprotocols is refused with status 400`, async t => {
    const server = await start(t)
    const client = dial(t, server, protocols)
    const [, response] = await once(client, 'unexpected-response')
    assert.equal(response.statusCode, 400)
    await server.waitForLine(/refused: it does not offer the subprotocol 'mqtt' \[MQTT-6\.0\.0-3\]\.$/)
    assert.equal(server.accepted.length, 0)
  })
}

test('[MQTT-6.0.0-1] [v3.1.1 MQTT-6.0.0-1] a text message ends the connection with code 1003', async t => {
  const server = await start(t)
  const { client, handler } = await open(t, server)
  client.send('text')
  const [code] = await once(client, 'close')
  assert.equal(code, 1003)
  assert.deepEqual(await handler.waitForEnd(), { kind: 'failed', message: 'text frame [MQTT-6.0.0-1]' })
})

test('[MQTT-6.0.0-2] [v3.1.1 MQTT-6.0.0-2] packets and messages need not begin and end together', async t => {
  const server = await start(t)
  const { client, handler } = await open(t, server)
  client.send(Buffer.concat([connectPacket, pingreq, pingreq.subarray(0, 1)]))
  await handler.waitForPackets(2)
  client.send(Buffer.alloc(0))
  client.send(pingreq.subarray(1), { fin: false })
  client.send(pingreq.subarray(0, 1), { fin: false })
  client.send(pingreq.subarray(1), { fin: true })
  await handler.waitForPackets(4)
})

test('what came before the Close frame is taken and answered before ours', async t => {
  const server = await start(t)
  const { client, transport, handler } = await open(t, server)
  const answers: string[] = []
  client.on('message', (data: Buffer) => answers.push(data.toString('hex')))
  const receive = handler.receive.bind(handler)
  handler.receive = packet => {
    transport.send(hex`D0 00`)
    return receive(packet)
  }
  client.send(Buffer.concat([connectPacket, pingreq]))
  client.close(1000)
  await once(client, 'close')
  assert.equal(answers.join(''), 'd000d000')
  assert.deepEqual(await handler.waitForEnd(), { kind: 'closed-by-peer' })
  assert.equal(handler.packets.length, 2)
})

test('what came before the end of the stream is taken, too', async t => {
  const server = await start(t)
  const socket = await openRaw(t, server)
  socket.end(frame(0x82, Buffer.concat([connectPacket, pingreq])))
  const { handler } = await server.waitForAccepted()
  await handler.waitForEnd()
  assert.equal(handler.packets.length, 2)
})

test('the broker says goodbye with a Close frame of its own', async t => {
  const server = await start(t)
  const { client, transport } = await open(t, server)
  transport.send(hex`E0 02 8B 00`)
  transport.close()
  const [code] = await once(client, 'close')
  assert.equal(code, 1000)
  while (server.listener.connections > 0) await new Promise(setImmediate)
})

test('backpressure: what the client does not take waits, and goes on when it does', async t => {
  const server = await start(t)
  const { client, transport, handler } = await open(t, server)
  client.pause()
  const block = Buffer.alloc(256 * 1024, 'b')
  let sent = 0
  while (transport.queuedBytes < 4 * block.length) {
    transport.send(block)
    sent += block.length
    await new Promise(setImmediate)
  }
  let received = 0
  client.on('message', (data: Buffer) => {
    received += data.length
  })
  client.resume()
  while (received < sent) await new Promise(setImmediate)
  assert.equal(transport.queuedBytes, 0)
  assert.ok(handler.drains > 0)
})

test('a ping is answered, between the parts of a message too', async t => {
  const server = await start(t)
  const { client, handler } = await open(t, server)
  client.send(connectPacket.subarray(0, 3), { fin: false })
  client.ping('a')
  const [data] = (await once(client, 'pong')) as [Buffer]
  assert.equal(data.toString(), 'a')
  client.send(connectPacket.subarray(3), { fin: true })
  await handler.waitForPackets(1)
})

test('RFC 6455 §5.1: a frame without a mask is a protocol error', async t => {
  const server = await start(t)
  const socket = await openRaw(t, server)
  socket.write(hex`82 02 C0 00`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.equal(answer.toString('hex'), '880203ea')
  const { handler } = await server.waitForAccepted()
  assert.deepEqual(await handler.waitForEnd(), { kind: 'failed', message: 'WS_ERR_EXPECTED_MASK' })
})

test('max_packet_size: a message beyond it and 64 KiB is refused by what it announces, with code 1009', async t => {
  const server = await start(t, {}, { max_packet_size: 1000 })
  const { client, handler } = await open(t, server)
  client.send(Buffer.alloc(1000 + 64 * 1024 + 1))
  const [code] = await once(client, 'close')
  assert.equal(code, 1009)
  assert.deepEqual(await handler.waitForEnd(), { kind: 'failed', message: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' })
})

test('a stranger may begin no larger message than a CONNECT is; who is let in may', async t => {
  const server = await start(t, {}, { max_packet_size: 2_000_000 })
  const { client, handler } = await open(t, server)
  client.send(Buffer.alloc(600_000), { fin: false })
  const [code] = await once(client, 'close')
  assert.equal(code, 1009)
  assert.deepEqual(await handler.waitForEnd(), { kind: 'failed', message: 'message beyond max_packet_size' })

  const known = dial(t, server)
  await once(known, 'open')
  const second = await server.waitForAccepted(2)
  second.transport.established()
  known.send(Buffer.alloc(600_000), { fin: false })
  known.ping()
  await once(known, 'pong')
  assert.deepEqual(second.handler.ends, [])
})

test('a message in more than a thousand frames is refused with code 1008: each costs as much as a packet, and a stranger may send them', async t => {
  const server = await start(t)
  const parts = (count: number) => Buffer.concat([frame(0x02, hex`10`), ...Array(count).fill(frame(0x00, hex`00`))])
  const refused = await openRaw(t, server)
  refused.write(parts(1024))
  const [answer] = (await once(refused, 'data')) as [Buffer]
  assert.equal(answer.toString('hex'), '880203f0')
  const taken = await openRaw(t, server)
  taken.write(Buffer.concat([parts(1023), hex`89 80 00 00 00 00`]))
  const [pong] = (await once(taken, 'data')) as [Buffer]
  assert.equal(pong.toString('hex'), '8a00')
})

test('packet_timeout: a message that is begun must be complete in time, however often it is pinged meanwhile', async t => {
  const server = await start(t)
  const { client, handler } = await open(t, server)
  client.send(connectPacket.subarray(0, 3), { fin: false })
  client.ping()
  await once(client, 'pong')
  server.pass(900)
  client.ping()
  await once(client, 'pong')
  assert.deepEqual(handler.ends, [])
  server.pass(300)
  assert.deepEqual(await handler.waitForEnd(), { kind: 'failed', message: 'message beyond packet_timeout' })
})

test('packet_timeout: pings alone are no message', async t => {
  const server = await start(t)
  const { client, handler } = await open(t, server)
  for (let count = 0; count < 3; count++) {
    client.ping('x'.repeat(100))
    await once(client, 'pong')
    server.pass(900)
  }
  assert.deepEqual(handler.ends, [])
})

test('connect_timeout: a request that is not complete in time is closed', async t => {
  const server = await start(t, {}, { connect_timeout: 2 })
  const socket = await server.connect(t)
  socket.write(request().slice(0, 40))
  while (server.listener.connections === 0) await new Promise(setImmediate)
  server.pass(1900)
  assert.equal(server.listener.connections, 1)
  server.pass(300)
  await closed(socket.resume())
  await server.waitForLine(/closed: connect_timeout exceeded\.$/)
  assert.deepEqual(server.reached, ['connect_timeout'])
})

const refusals: readonly (readonly [what: string, text: string | Uint8Array, status: string, line: RegExp])[] = [
  ['a page is asked for', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', '426', /refused: it asks for no WebSocket\.$/],
  ['another method', request([], 'POST /mqtt HTTP/1.1'), '400', /refused: Invalid HTTP method\.$/],
  ['another version', request().replace('Version: 13', 'Version: 8'), '426', /another version of WebSocket than 13\.$/],
  [
    'no key',
    request().replace(/Sec-WebSocket-Key.*\r\n/, ''),
    '400',
    /refused: Missing or invalid Sec-WebSocket-Key header\.$/,
  ],
  ['what is no HTTP', connectPacket, '400', /refused: what came is not HTTP\.$/],
  ['headers beyond packet_buffer_size', request([`X: ${'x'.repeat(5000)}`]), '431', /beyond packet_buffer_size\.$/],
]
for (const [what, text, status, line] of refusals) {
  test(`protocol websockets: ${what}: status ${status}, closed, and no handler`, async t => {
    const server = await start(t)
    const answer = await answerTo(t, server, text)
    assert.equal(answer.slice(0, 12), `HTTP/1.1 ${status}`)
    await server.waitForLine(line)
    assert.equal(server.accepted.length, 0)
    while (server.listener.connections > 0) await new Promise(setImmediate)
  })
}

test('features A5: a TLS hello on a listener without TLS is told as such', async t => {
  const server = await start(t)
  const client = connectTls({ port: server.listener.port, host: '127.0.0.1' })
  client.on('error', () => {})
  await closed(client)
  await server.waitForLine(/appears to be using TLS to connect to a non-TLS listener\.$/)
})

test('websockets_origin: a page that is not listed is refused with status 403, one that is and a program without an origin get in', async t => {
  const server = await start(t, { websockets_origin: ['https://home.example'] })
  const attacker = dial(t, server, ['mqtt'], { origin: 'https://home.exampl' })
  const [, response] = await once(attacker, 'unexpected-response')
  assert.equal(response.statusCode, 403)
  await server.waitForLine(/refused: non-matching http origin 'https:\/\/home\.exampl' \(websockets_origin\)\.$/)
  await once(dial(t, server, ['mqtt'], { origin: 'https://home.example' }), 'open')
  await once(dial(t, server), 'open')
})

test('features C14: over TLS with a client certificate: the same judgement, the same name, and no page that is not listed', async t => {
  const pki = await throwawayPki()
  const tls = { certfile: pki.server.cert, keyfile: pki.server.key, cafile: pki.authority.ca.cert }
  const server = await start(t, { ...tls, require_certificate: true })
  const ca = readFileSync(pki.authority.ca.cert)
  const as = ({ cert, key }: { cert: string; key: string }) => ({
    ca,
    cert: readFileSync(cert),
    key: readFileSync(key),
  })
  const { peer, client, handler } = await open(t, server, as(pki.client))
  assert.equal(peer.certificate?.commonName, 'user1')
  assert.equal(peer.tls?.protocol, 'TLSv1.3')
  client.send(connectPacket)
  await handler.waitForPackets(1)
  const stranger = dial(t, server, ['mqtt'], as(pki.strangersClient))
  await closed(stranger)
  await server.waitForLine(/refused: issued by an unknown authority/)
  const page = dial(t, server, ['mqtt'], { ...as(pki.client), origin: 'https://anybody.test' })
  const [, response] = await once(page, 'unexpected-response')
  assert.equal(response.statusCode, 403)
  assert.equal(server.accepted.length, 1)
})
